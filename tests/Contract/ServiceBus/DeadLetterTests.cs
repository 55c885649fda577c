using Azure.Messaging.ServiceBus;

namespace Contract.Tests.ServiceBus;

public sealed class DeadLetterTests
{
    [Fact]
    public async Task A_dead_letter_keeps_everything_and_says_why()
    {
        await using var space = await LocalNamespace.WithSessionsAsync();
        var sent = new ServiceBusMessage("1") { SessionId = "a", MessageId = "id" };
        sent.ApplicationProperties["mine"] = 1;
        await space.Client.CreateSender("jobs").SendMessageAsync(sent);
        var session = await space.NextSessionAsync();

        await session.DeadLetterMessageAsync(
            await LocalNamespace.NextAsync(session), new Dictionary<string, object> { ["attempt"] = 3 }, "reason", "description");

        var dead = await LocalNamespace.NextAsync(space.DeadLetters());
        Assert.Equal(("1", "a", "id", 1), (dead.Text(), dead.SessionId, dead.MessageId, dead.SequenceNumber));
        Assert.Equal(("reason", "description", null), (dead.DeadLetterReason, dead.DeadLetterErrorDescription, dead.DeadLetterSource));
        Assert.Equal((1, 3), (dead.ApplicationProperties["mine"], dead.ApplicationProperties["attempt"]));
        Assert.Equal("reason", dead.ApplicationProperties["DeadLetterReason"]);
    }

    [Fact]
    public async Task A_reason_is_optional_and_has_at_most_4096_characters()
    {
        await using var space = await LocalNamespace.WithQueueAsync();
        await space.SendAsync("1");
        var receiver = space.Client.CreateReceiver("jobs");
        var message = await LocalNamespace.NextAsync(receiver);
        var tooLong = new string('x', 4_097);

        await Assert.ThrowsAsync<ArgumentOutOfRangeException>(() => receiver.DeadLetterMessageAsync(message, tooLong));
        await Assert.ThrowsAsync<ArgumentOutOfRangeException>(() => receiver.DeadLetterMessageAsync(message, "reason", tooLong));
        await receiver.DeadLetterMessageAsync(message);

        Assert.Null((await LocalNamespace.NextAsync(space.DeadLetters())).DeadLetterReason);
    }

    [Fact]
    public async Task Its_queue_has_no_sessions_and_no_delivery_limit()
    {
        await using var space = await LocalNamespace.WithSessionsAsync(options => options.MaxDeliveryCount = 2);
        await space.SendAsync("1", "a");
        var session = await space.NextSessionAsync();
        await session.DeadLetterMessageAsync(await LocalNamespace.NextAsync(session), "reason");
        var collector = space.DeadLetters();
        for (var i = 0; i < 5; i++)
        {
            var dead = await LocalNamespace.NextAsync(collector);
            Assert.Equal(1, dead.DeliveryCount);
            await collector.AbandonMessageAsync(dead);
        }

        await Assert.ThrowsAsync<InvalidOperationException>(() => space.Client.AcceptNextSessionAsync("jobs/$DeadLetterQueue"));
        await Assert.ThrowsAsync<InvalidOperationException>(async () => await collector.DeadLetterMessageAsync(await LocalNamespace.NextAsync(collector)));
    }

    [Fact]
    public async Task It_can_be_addressed_by_its_path_too()
    {
        await using var space = await LocalNamespace.WithQueueAsync();
        await space.SendAsync("1");
        var receiver = space.Client.CreateReceiver("jobs");
        var waiting = space.NewClient().CreateReceiver("jobs/$deadletterqueue").ReceiveMessageAsync();

        await receiver.DeadLetterMessageAsync(await LocalNamespace.NextAsync(receiver), "reason");

        Assert.Equal("1", (await waiting.WaitAsync(TimeSpan.FromSeconds(20)))?.Text());
    }

    [Fact]
    public async Task A_completed_dead_letter_is_gone()
    {
        await using var space = await LocalNamespace.WithQueueAsync();
        await space.SendAsync("1");
        var receiver = space.Client.CreateReceiver("jobs");
        await receiver.DeadLetterMessageAsync(await LocalNamespace.NextAsync(receiver), "reason");
        Assert.Equal(1, (await space.CountsAsync()).DeadLetterMessageCount);
        var collector = space.DeadLetters();

        await collector.CompleteMessageAsync(await LocalNamespace.NextAsync(collector));

        Assert.Equal(0, (await space.CountsAsync()).TotalMessageCount);
        Assert.Equal(0, space.Store.Read(Rows.Messages));
    }
}
