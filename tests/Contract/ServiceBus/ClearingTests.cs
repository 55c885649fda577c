using Azure.Messaging.ServiceBus;

namespace Contract.Tests.ServiceBus;

/// <summary>The last thousand completed messages of sessions stay in the store. Nobody is to notice.</summary>
public sealed class ClearingTests
{
    private const int Kept = 1_024;
    private const int ClearedTogether = 64;

    [Fact]
    public async Task Completed_messages_are_cleared_away_and_those_that_wait_stay()
    {
        await using var space = await LocalNamespace.WithSessionsAsync();
        foreach (var session in (string[])["a", "b"])
        {
            for (var i = 0; i < 800; i += 100)
                await space.Client.CreateSender("jobs").SendMessagesAsync(Enumerable.Range(i, 100).Select(number => new ServiceBusMessage($"{session}{number}") { SessionId = session }));
        }
        await using var a = await space.Client.AcceptSessionAsync("jobs", "a");
        await using var b = await space.Client.AcceptSessionAsync("jobs", "b");
        var deferred = await LocalNamespace.NextAsync(a);
        await a.DeferMessageAsync(deferred);
        for (var i = 0; i < 700; i++)
        {
            await a.CompleteMessageAsync(await LocalNamespace.NextAsync(a));
            await b.CompleteMessageAsync(await LocalNamespace.NextAsync(b));
        }

        var completed = space.Store.Read(database => Rows.Count(database, "sb_taken WHERE completed = 1"));
        Assert.InRange(completed, Kept, Kept + ClearedTogether);
        Assert.Equal(200 + completed, space.Store.Read(database => Rows.Count(database, "sb_messages")));
        Assert.Equal(200, (await space.CountsAsync()).ActiveMessageCount);
        Assert.Equal("a701", (await LocalNamespace.NextAsync(a)).Text());
        Assert.Equal("b700", (await LocalNamespace.NextAsync(b)).Text());
        Assert.Equal("a0", (await a.ReceiveDeferredMessageAsync(deferred.SequenceNumber)).Text());
        Assert.Equal(["a0", "a701"], (await a.PeekMessagesAsync(2, 0)).Select(message => message.Text()));
    }

    [Fact]
    public async Task A_message_that_is_put_back_comes_before_those_behind_it_that_were_completed_meanwhile()
    {
        await using var space = await LocalNamespace.WithSessionsAsync();
        for (var i = 0; i < 5; i++)
            await space.SendAsync($"{i}", "a");
        await using var session = await space.Client.AcceptSessionAsync("jobs", "a");
        var taken = await session.ReceiveMessagesAsync(4);
        await session.CompleteMessageAsync(taken[1]);
        await session.CompleteMessageAsync(taken[2]);

        await session.AbandonMessageAsync(taken[0]);

        Assert.Equal("0", (await LocalNamespace.NextAsync(session)).Text());
        Assert.Equal("4", (await LocalNamespace.NextAsync(session)).Text());
    }

    [Fact]
    public async Task A_deferred_message_that_is_taken_does_not_hide_those_before_it()
    {
        await using var space = await LocalNamespace.WithSessionsAsync();
        for (var i = 0; i < 3; i++)
            await space.SendAsync($"{i}", "a");
        await using var session = await space.Client.AcceptSessionAsync("jobs", "a");
        var taken = await session.ReceiveMessagesAsync(3);
        await session.DeferMessageAsync(taken[2]);
        await session.AbandonMessageAsync(taken[1]);
        await session.AbandonMessageAsync(taken[0]);

        await session.CompleteMessageAsync(await session.ReceiveDeferredMessageAsync(taken[2].SequenceNumber));

        Assert.Equal("0", (await LocalNamespace.NextAsync(session)).Text());
        Assert.Equal("1", (await LocalNamespace.NextAsync(session)).Text());
    }

    [Fact]
    public async Task A_completed_message_does_not_come_again_after_a_restart()
    {
        var directory = Directory.CreateTempSubdirectory("weir-clearing-").FullName;
        try
        {
            await using (var space = await LocalNamespace.WithSessionsAsync(directory: directory))
            {
                await space.SendAsync("0", "a");
                await space.SendAsync("1", "a");
                await using var session = await space.Client.AcceptSessionAsync("jobs", "a");
                await session.CompleteMessageAsync(await LocalNamespace.NextAsync(session));
                Assert.Equal(2, space.Store.Read(database => Rows.Count(database, "sb_messages")));
            }

            await using (var space = new LocalNamespace(directory))
            {
                await using var session = await space.Client.AcceptSessionAsync("jobs", "a");
                Assert.Equal("1", (await LocalNamespace.NextAsync(session)).Text());
                Assert.Equal(1, space.Store.Read(database => Rows.Count(database, "sb_messages")));
            }
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }
}
