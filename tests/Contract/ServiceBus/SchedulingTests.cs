using Azure.Messaging.ServiceBus;

namespace Contract.Tests.ServiceBus;

public sealed class SchedulingTests
{
    private static readonly TimeSpan Hour = TimeSpan.FromHours(1);

    [Fact]
    public async Task A_scheduled_message_comes_when_its_time_has_come_and_with_a_new_number()
    {
        await using var space = await LocalNamespace.WithQueueAsync();
        var at = space.Clock.GetUtcNow() + Hour;
        var number = await space.Client.CreateSender("jobs").ScheduleMessageAsync(new ServiceBusMessage("later") { TimeToLive = Hour }, at);
        await space.SendAsync("now");
        var receiver = space.Client.CreateReceiver("jobs");
        Assert.Equal("now", (await LocalNamespace.NextAsync(receiver)).Text());
        var counts = await space.CountsAsync();
        Assert.Equal((1, 1, 1, 2), (number, counts.ActiveMessageCount, counts.ScheduledMessageCount, counts.TotalMessageCount));

        space.Clock.Advance(Hour);

        Assert.Equal((2, 0), ((await space.CountsAsync()).ActiveMessageCount, (await space.CountsAsync()).ScheduledMessageCount));
        var message = await space.Client.CreateReceiver("jobs").ReceiveMessagesAsync(10);
        var later = message.Single(one => one.Text() == "later");
        Assert.Equal((3, 1, at, at + Hour), (later.SequenceNumber, later.EnqueuedSequenceNumber, later.EnqueuedTime, later.ExpiresAt));
        Assert.Equal(at, later.ScheduledEnqueueTime);
    }

    [Fact]
    public async Task A_waiting_receiver_is_woken_at_that_moment()
    {
        await using var space = await LocalNamespace.WithSessionsAsync();
        var accepting = space.NewClient().AcceptNextSessionAsync("jobs");
        await space.Client.CreateSender("jobs").ScheduleMessageAsync(new ServiceBusMessage("1") { SessionId = "a" }, space.Clock.GetUtcNow().AddSeconds(30));

        space.Clock.Advance(TimeSpan.FromSeconds(29));
        Assert.False(accepting.IsCompleted);
        space.Clock.Advance(TimeSpan.FromSeconds(1));

        Assert.Equal("a", (await accepting.WaitAsync(TimeSpan.FromSeconds(20))).SessionId);
    }

    [Fact]
    public async Task In_its_session_it_joins_the_end()
    {
        await using var space = await LocalNamespace.WithSessionsAsync();
        await space.Client.CreateSender("jobs").ScheduleMessageAsync(new ServiceBusMessage("retry") { SessionId = "a" }, space.Clock.GetUtcNow() + Hour);
        await space.SendAsync("1", "a");
        space.Clock.Advance(Hour);

        var session = await space.NextSessionAsync();
        Assert.Equal(["1", "retry"], (await session.ReceiveMessagesAsync(10)).Select(message => message.Text()));
    }

    [Fact]
    public async Task A_session_with_scheduled_messages_only_is_not_accepted_next()
    {
        await using var space = await LocalNamespace.WithSessionsAsync();
        await space.Client.CreateSender("jobs").ScheduleMessageAsync(new ServiceBusMessage("1") { SessionId = "a" }, space.Clock.GetUtcNow() + Hour);
        await using (var session = await space.Client.AcceptSessionAsync("jobs", "a"))
            await space.AssertNothingAsync(session);
        var accepting = space.Client.AcceptNextSessionAsync("jobs");
        space.Clock.Advance(TimeSpan.FromMinutes(1));
        await LocalNamespace.AssertFailsAsync(ServiceBusFailureReason.ServiceTimeout, () => accepting);

        space.Clock.Advance(Hour);

        Assert.Equal("1", (await LocalNamespace.NextAsync(await space.NextSessionAsync())).Text());
    }

    [Fact]
    public async Task It_can_be_cancelled_until_then_and_not_after()
    {
        await using var space = await LocalNamespace.WithSessionsAsync();
        var sender = space.Client.CreateSender("jobs");
        var numbers = await sender.ScheduleMessagesAsync(
            [new ServiceBusMessage("1") { SessionId = "a" }, new ServiceBusMessage("2") { SessionId = "b" }], space.Clock.GetUtcNow() + Hour);

        await sender.CancelScheduledMessageAsync(numbers[0]);
        await LocalNamespace.AssertFailsAsync(ServiceBusFailureReason.MessageNotFound, () => sender.CancelScheduledMessageAsync(numbers[0]));
        Assert.Equal(1, space.Store.Read(database => Rows.Count(database, "sb_sessions")));
        space.Clock.Advance(Hour);
        Assert.Equal(1, (await space.CountsAsync()).TotalMessageCount);

        await LocalNamespace.AssertFailsAsync(ServiceBusFailureReason.MessageNotFound, () => sender.CancelScheduledMessageAsync(numbers[1]));
        Assert.Equal("2", (await LocalNamespace.NextAsync(await space.NextSessionAsync())).Text());
    }

    [Fact]
    public async Task Cancelling_several_is_all_or_nothing()
    {
        await using var space = await LocalNamespace.WithQueueAsync();
        var sender = space.Client.CreateSender("jobs");
        var number = await sender.ScheduleMessageAsync(new ServiceBusMessage("1"), space.Clock.GetUtcNow() + Hour);

        await LocalNamespace.AssertFailsAsync(ServiceBusFailureReason.MessageNotFound, () => sender.CancelScheduledMessagesAsync([number, 99]));

        Assert.Equal(1, (await space.CountsAsync()).ScheduledMessageCount);
    }

    [Fact]
    public async Task A_time_that_has_passed_is_now()
    {
        await using var space = await LocalNamespace.WithQueueAsync();
        await space.Client.CreateSender("jobs").ScheduleMessageAsync(new ServiceBusMessage("1"), space.Clock.GetUtcNow().AddSeconds(-1));

        Assert.Equal("1", (await LocalNamespace.NextAsync(space.Client.CreateReceiver("jobs"))).Text());
    }

    [Fact]
    public async Task Setting_the_time_on_a_message_that_is_sent_schedules_it_too()
    {
        await using var space = await LocalNamespace.WithQueueAsync();
        await space.Client.CreateSender("jobs").SendMessageAsync(new ServiceBusMessage("1") { ScheduledEnqueueTime = space.Clock.GetUtcNow() + Hour });

        Assert.Equal(1, (await space.CountsAsync()).ScheduledMessageCount);
    }

    [Fact]
    public async Task Thousands_that_fall_due_at_once_all_come_in_their_order()
    {
        await using var space = await LocalNamespace.WithQueueAsync();
        var at = space.Clock.GetUtcNow() + Hour;
        await space.Client.CreateSender("jobs").ScheduleMessagesAsync(Enumerable.Range(0, 2_000).Select(i => new ServiceBusMessage($"{i}")), at);
        space.Clock.Advance(Hour);

        var receiver = space.Client.CreateReceiver("jobs");
        for (var i = 0; i < 2_000; i++)
            Assert.Equal($"{i}", (await LocalNamespace.NextAsync(receiver)).Text());
    }
}
