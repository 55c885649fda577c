using Azure.Messaging.ServiceBus;

namespace Contract.Tests.ServiceBus;

public sealed class ExpiryTests
{
    private static readonly TimeSpan Hour = TimeSpan.FromHours(1);

    [Fact]
    public async Task An_expired_message_is_dropped_unless_the_queue_says_otherwise()
    {
        await using var space = await LocalNamespace.WithQueueAsync();
        await SendAsync(space, "short", Hour);
        await SendAsync(space, "long", 2 * Hour);

        space.Clock.Advance(Hour);

        Assert.Equal("long", (await LocalNamespace.NextAsync(space.Client.CreateReceiver("jobs"))).Text());
        Assert.Equal(1, (await space.CountsAsync()).TotalMessageCount);
        Assert.Equal(1, space.Store.Read(Rows.Messages));
    }

    [Fact]
    public async Task An_expired_message_is_dead_lettered_where_the_queue_says_so()
    {
        await using var space = await LocalNamespace.WithQueueAsync(options => options.DeadLetteringOnMessageExpiration = true);
        await SendAsync(space, "1", Hour);
        var receiving = space.DeadLetters().ReceiveMessageAsync(2 * Hour);

        space.Clock.Advance(Hour);

        var dead = await receiving.WaitAsync(TimeSpan.FromSeconds(20));
        Assert.Equal(("1", "TTLExpiredException"), (dead?.Text(), dead?.DeadLetterReason));
    }

    [Fact]
    public async Task The_queues_time_to_live_is_default_and_ceiling()
    {
        await using var space = await LocalNamespace.WithQueueAsync(options => options.DefaultMessageTimeToLive = Hour);
        await SendAsync(space, "1", 2 * Hour);
        await space.SendAsync("2");
        await SendAsync(space, "3", Hour / 2);

        var now = space.Clock.GetUtcNow();
        Assert.Equal(
            [(Hour, now + Hour), (Hour, now + Hour), (Hour / 2, now + Hour / 2)],
            (await space.Client.CreateReceiver("jobs").PeekMessagesAsync(3)).Select(message => (message.TimeToLive, message.ExpiresAt)));
    }

    [Fact]
    public async Task A_locked_message_does_not_expire_until_its_lock_ends()
    {
        await using var space = await LocalNamespace.WithQueueAsync(options => options.LockDuration = TimeSpan.FromMinutes(5));
        await SendAsync(space, "1", TimeSpan.FromMinutes(2));
        var receiver = space.Client.CreateReceiver("jobs");
        var message = await LocalNamespace.NextAsync(receiver);

        space.Clock.Advance(TimeSpan.FromMinutes(3));
        Assert.Equal(1, (await space.CountsAsync()).ActiveMessageCount);
        await receiver.AbandonMessageAsync(message);

        Assert.Equal(0, (await space.CountsAsync()).ActiveMessageCount);
    }

    [Fact]
    public async Task A_deferred_message_does_not_expire()
    {
        await using var space = await LocalNamespace.WithQueueAsync();
        await SendAsync(space, "1", Hour);
        var receiver = space.Client.CreateReceiver("jobs");
        await receiver.DeferMessageAsync(await LocalNamespace.NextAsync(receiver));

        space.Clock.Advance(2 * Hour);

        Assert.Equal("1", (await receiver.ReceiveDeferredMessageAsync(1)).Text());
    }

    [Fact]
    public async Task In_a_session_all_ready_messages_go_along_with_the_first_that_expires()
    {
        await using var space = await LocalNamespace.WithSessionsAsync(options => options.DeadLetteringOnMessageExpiration = true);
        await space.SendAsync("a1", "a");
        await SendAsync(space, "a2", Hour, "a");
        await space.SendAsync("b1", "b");

        space.Clock.Advance(Hour);

        var counts = await space.CountsAsync();
        Assert.Equal((1, 2), (counts.ActiveMessageCount, counts.DeadLetterMessageCount));
        Assert.Equal("b", (await space.NextSessionAsync()).SessionId);
        Assert.Equal(["a1", "a2"], (await space.DeadLetters().ReceiveMessagesAsync(10)).Select(message => message.Text()));
    }

    [Fact]
    public async Task A_long_session_goes_along_step_by_step_and_completely()
    {
        await using var space = await LocalNamespace.WithSessionsAsync();
        await SendAsync(space, "expires", Hour, "a");
        await space.Client.CreateSender("jobs").SendMessagesAsync(Enumerable.Range(0, 1_000).Select(i => new ServiceBusMessage($"{i}") { SessionId = "a" }));
        space.Clock.Advance(Hour);

        for (var i = 0; i < 10; i++)
            await space.CountsAsync();

        Assert.Equal(0, (await space.CountsAsync()).TotalMessageCount);
        Assert.Equal(0, space.Store.Read(database => Rows.Count(database, "sb_sessions")));
    }

    [Fact]
    public async Task Nothing_expires_in_a_dead_letter_queue()
    {
        await using var space = await LocalNamespace.WithQueueAsync();
        await SendAsync(space, "1", Hour);
        var receiver = space.Client.CreateReceiver("jobs");
        await receiver.DeadLetterMessageAsync(await LocalNamespace.NextAsync(receiver));
        await space.DeadLetters().AbandonMessageAsync(await LocalNamespace.NextAsync(space.DeadLetters()));

        space.Clock.Advance(2 * Hour);

        Assert.Equal("1", (await LocalNamespace.NextAsync(space.DeadLetters())).Text());
    }

    private static Task SendAsync(LocalNamespace space, string body, TimeSpan timeToLive, string? session = null) =>
        space.Client.CreateSender("jobs").SendMessageAsync(new ServiceBusMessage(body) { TimeToLive = timeToLive, SessionId = session });
}
