using Azure.Messaging.ServiceBus;

namespace Contract.Tests.ServiceBus;

public sealed class PeekLockTests
{
    [Fact]
    public async Task A_locked_message_is_hidden_from_others_until_it_is_completed()
    {
        await using var space = await LocalNamespace.WithQueueAsync();
        await space.SendAsync("1");
        var receiver = space.Client.CreateReceiver("jobs");
        var message = await LocalNamespace.NextAsync(receiver);

        await space.AssertNothingAsync(space.NewClient().CreateReceiver("jobs"));
        Assert.Equal(1, (await space.CountsAsync()).ActiveMessageCount);
        await receiver.CompleteMessageAsync(message);

        Assert.Equal(0, (await space.CountsAsync()).TotalMessageCount);
        Assert.Equal(0, space.Store.Read(Rows.Messages));
    }

    [Fact]
    public async Task Two_receivers_share_a_queue_and_get_different_messages()
    {
        await using var space = await LocalNamespace.WithQueueAsync();
        await space.SendAsync("1");
        await space.SendAsync("2");

        Assert.Equal("1", (await LocalNamespace.NextAsync(space.Client.CreateReceiver("jobs"))).Text());
        Assert.Equal("2", (await LocalNamespace.NextAsync(space.NewClient().CreateReceiver("jobs"))).Text());
    }

    [Fact]
    public async Task When_the_lock_expires_the_message_is_delivered_again_and_counted()
    {
        await using var space = await LocalNamespace.WithQueueAsync(options => options.LockDuration = TimeSpan.FromSeconds(30));
        await space.SendAsync("1");
        await space.SendAsync("2");
        var receiver = space.Client.CreateReceiver("jobs");
        var message = await LocalNamespace.NextAsync(receiver);

        space.Clock.Advance(TimeSpan.FromSeconds(30));

        await LocalNamespace.AssertFailsAsync(ServiceBusFailureReason.MessageLockLost, () => receiver.CompleteMessageAsync(message));
        await LocalNamespace.AssertFailsAsync(ServiceBusFailureReason.MessageLockLost, () => receiver.RenewMessageLockAsync(message));
        var again = await LocalNamespace.NextAsync(receiver);
        Assert.Equal(("1", 2), (again.Text(), again.DeliveryCount));
        Assert.NotEqual(message.LockToken, again.LockToken);
    }

    [Fact]
    public async Task A_waiting_receiver_gets_the_message_whose_lock_expires()
    {
        await using var space = await LocalNamespace.WithQueueAsync(options => options.LockDuration = TimeSpan.FromSeconds(30));
        await space.SendAsync("1");
        await LocalNamespace.NextAsync(space.Client.CreateReceiver("jobs"));
        var receiving = space.NewClient().CreateReceiver("jobs").ReceiveMessageAsync();

        space.Clock.Advance(TimeSpan.FromSeconds(30));

        Assert.Equal(2, (await receiving.WaitAsync(TimeSpan.FromSeconds(20)))?.DeliveryCount);
    }

    [Fact]
    public async Task Renewal_keeps_the_lock()
    {
        await using var space = await LocalNamespace.WithQueueAsync();
        await space.SendAsync("1");
        var receiver = space.Client.CreateReceiver("jobs");
        var message = await LocalNamespace.NextAsync(receiver);
        for (var i = 0; i < 5; i++)
        {
            space.Clock.Advance(TimeSpan.FromSeconds(50));
            await receiver.RenewMessageLockAsync(message);
        }

        Assert.Equal(space.Clock.GetUtcNow().AddMinutes(1), message.LockedUntil);
        await receiver.CompleteMessageAsync(message);
    }

    [Fact]
    public async Task An_abandoned_message_comes_again_before_its_followers_with_its_changed_properties()
    {
        await using var space = await LocalNamespace.WithQueueAsync();
        await space.SendAsync("1");
        await space.SendAsync("2");
        var receiver = space.Client.CreateReceiver("jobs");
        var message = await LocalNamespace.NextAsync(receiver);

        await receiver.AbandonMessageAsync(message, new Dictionary<string, object> { ["seen"] = 1 });

        var again = await LocalNamespace.NextAsync(receiver);
        Assert.Equal(("1", 2, 1), (again.Text(), again.DeliveryCount, again.ApplicationProperties["seen"]));
        Assert.Equal(message.SequenceNumber, again.SequenceNumber);
    }

    [Fact]
    public async Task After_the_maximal_delivery_count_a_message_is_dead_lettered()
    {
        await using var space = await LocalNamespace.WithQueueAsync(options => options.MaxDeliveryCount = 3);
        await space.SendAsync("1");
        var receiver = space.Client.CreateReceiver("jobs");
        for (var delivery = 1; delivery <= 3; delivery++)
        {
            var message = await LocalNamespace.NextAsync(receiver);
            Assert.Equal(delivery, message.DeliveryCount);
            if (delivery == 2)
                space.Clock.Advance(TimeSpan.FromMinutes(1)); // an expired lock counts as an abandoned one does
            else
                await receiver.AbandonMessageAsync(message);
        }

        await space.AssertNothingAsync(receiver);
        var dead = await LocalNamespace.NextAsync(space.DeadLetters());
        Assert.Equal("MaxDeliveryCountExceeded", dead.DeadLetterReason);
        Assert.Contains("3", dead.DeadLetterErrorDescription, StringComparison.Ordinal);
        Assert.Equal((0, 1), ((await space.CountsAsync()).ActiveMessageCount, (await space.CountsAsync()).DeadLetterMessageCount));
    }

    [Fact]
    public async Task In_a_session_too_the_maximal_delivery_count_ends_in_the_dead_letter_queue()
    {
        await using var space = await LocalNamespace.WithSessionsAsync(options => options.MaxDeliveryCount = 2);
        await space.SendAsync("1", "a");
        await space.SendAsync("2", "a");
        for (var i = 0; i < 2; i++)
        {
            var session = await space.NextSessionAsync();
            Assert.Equal("1", (await LocalNamespace.NextAsync(session)).Text());
            space.Clock.Advance(TimeSpan.FromMinutes(1));
        }

        Assert.Equal("2", (await LocalNamespace.NextAsync(await space.NextSessionAsync())).Text());
        var dead = await LocalNamespace.NextAsync(space.DeadLetters());
        Assert.Equal(("1", "a", "MaxDeliveryCountExceeded"), (dead.Text(), dead.SessionId, dead.DeadLetterReason));
    }

    [Fact]
    public async Task A_connection_settles_only_what_it_has_received_itself()
    {
        await using var space = await LocalNamespace.WithQueueAsync();
        await space.SendAsync("1");
        var message = await LocalNamespace.NextAsync(space.Client.CreateReceiver("jobs"));

        await LocalNamespace.AssertFailsAsync(
            ServiceBusFailureReason.MessageLockLost, () => space.NewClient().CreateReceiver("jobs").CompleteMessageAsync(message));
        await space.Client.CreateReceiver("jobs").CompleteMessageAsync(message);
    }

    [Fact]
    public async Task Receive_and_delete_leaves_nothing_to_settle()
    {
        await using var space = await LocalNamespace.WithQueueAsync();
        await space.SendAsync("1");
        var receiver = space.Client.CreateReceiver("jobs", new ServiceBusReceiverOptions { ReceiveMode = ServiceBusReceiveMode.ReceiveAndDelete });
        var message = await LocalNamespace.NextAsync(receiver);

        Assert.Equal(0, (await space.CountsAsync()).TotalMessageCount);
        await Assert.ThrowsAsync<InvalidOperationException>(() => receiver.CompleteMessageAsync(message));
    }

    [Fact]
    public async Task A_receive_takes_what_is_there_and_does_not_wait_for_more()
    {
        await using var space = await LocalNamespace.WithQueueAsync();
        await space.SendAsync("1");
        await space.SendAsync("2");

        Assert.Equal(2, (await space.Client.CreateReceiver("jobs").ReceiveMessagesAsync(10)).Count);
    }

    [Fact]
    public async Task A_receive_waits_for_a_message_as_long_as_it_is_told()
    {
        await using var space = await LocalNamespace.WithQueueAsync();
        var receiver = space.Client.CreateReceiver("jobs");
        var receiving = receiver.ReceiveMessageAsync(TimeSpan.FromSeconds(5));
        space.Clock.Advance(TimeSpan.FromSeconds(5));
        Assert.Null(await receiving);

        receiving = receiver.ReceiveMessageAsync(TimeSpan.FromSeconds(5));
        await space.SendAsync("1");
        Assert.Equal("1", (await receiving.WaitAsync(TimeSpan.FromSeconds(20)))?.Text());
        await Assert.ThrowsAsync<ArgumentOutOfRangeException>(() => receiver.ReceiveMessageAsync(TimeSpan.Zero));
        await Assert.ThrowsAsync<ArgumentOutOfRangeException>(() => receiver.ReceiveMessagesAsync(0));
    }

    [Fact]
    public async Task A_receiver_that_is_closed_while_it_waits_takes_no_message()
    {
        await using var space = await LocalNamespace.WithQueueAsync();
        var receiver = space.Client.CreateReceiver("jobs");
        var receiving = receiver.ReceiveMessageAsync();

        await receiver.CloseAsync();
        await Assert.ThrowsAsync<ObjectDisposedException>(() => receiving);
        await space.SendAsync("1");

        Assert.Equal("1", (await LocalNamespace.NextAsync(space.Client.CreateReceiver("jobs"))).Text());
    }

    [Fact]
    public async Task Messages_can_be_received_as_a_stream()
    {
        await using var space = await LocalNamespace.WithQueueAsync();
        await space.SendAsync("1");
        await space.SendAsync("2");
        using var cancellation = new CancellationTokenSource();
        var bodies = new List<string>();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () =>
        {
            await foreach (var message in space.Client.CreateReceiver("jobs").ReceiveMessagesAsync(cancellation.Token))
            {
                bodies.Add(message.Text());
                if (bodies.Count == 2)
                    await cancellation.CancelAsync();
            }
        });

        Assert.Equal(["1", "2"], bodies);
    }

    [Fact]
    public async Task Peeking_shows_every_message_and_changes_none()
    {
        await using var space = await LocalNamespace.WithQueueAsync();
        for (var i = 1; i <= 5; i++)
            await space.SendAsync($"{i}");
        await space.Client.CreateSender("jobs").ScheduleMessageAsync(new ServiceBusMessage("6"), space.Clock.GetUtcNow().AddHours(1));
        var receiver = space.Client.CreateReceiver("jobs");
        await LocalNamespace.NextAsync(receiver);
        await receiver.DeferMessageAsync(await LocalNamespace.NextAsync(receiver));

        var first = await receiver.PeekMessagesAsync(2);
        var rest = await receiver.PeekMessagesAsync(10);

        Assert.Equal(["1", "2"], first.Select(message => message.Text()));
        Assert.Equal(["3", "4", "5", "6"], rest.Select(message => message.Text()));
        Assert.Equal([ServiceBusMessageState.Active, ServiceBusMessageState.Deferred], first.Select(message => message.State));
        Assert.Equal((ServiceBusMessageState.Scheduled, 0), (rest[^1].State, rest[^1].DeliveryCount));
        Assert.Equal("4", (await receiver.PeekMessageAsync(4))?.Text());
        Assert.Null(await receiver.PeekMessageAsync(100));
    }

    [Fact]
    public async Task Peeking_in_a_session_shows_only_its_own()
    {
        await using var space = await LocalNamespace.WithSessionsAsync();
        await space.SendAsync("a1", "a");
        await space.SendAsync("b1", "b");
        await space.SendAsync("a2", "a");
        var session = await space.Client.AcceptSessionAsync("jobs", "a");
        await LocalNamespace.NextAsync(session);

        Assert.Equal(["a1", "a2"], (await session.PeekMessagesAsync(10)).Select(message => message.Text()));
        Assert.Equal(["a1", "b1", "a2"], (await space.Client.CreateReceiver("jobs").PeekMessagesAsync(10)).Select(message => message.Text()));
    }
}
