using Azure.Messaging.ServiceBus;
using Azure.Messaging.ServiceBus.Administration;

namespace Contract.Tests.ServiceBus;

public sealed class AdministrationTests
{
    [Fact]
    public async Task A_queue_is_what_it_was_made_to_be()
    {
        await using var space = new LocalNamespace();
        var created = await space.Admin.CreateQueueAsync(new CreateQueueOptions("jobs")
        {
            LockDuration = TimeSpan.FromSeconds(30),
            MaxDeliveryCount = 5,
            RequiresSession = true,
            RequiresDuplicateDetection = true,
            DuplicateDetectionHistoryTimeWindow = TimeSpan.FromMinutes(2),
            DefaultMessageTimeToLive = TimeSpan.FromDays(14),
            DeadLetteringOnMessageExpiration = true,
        });
        var queue = (await space.Admin.GetQueueAsync("JOBS")).Value;

        Assert.Equal(201, created.GetRawResponse().Status);
        Assert.Equal(("jobs", 30, 5, true), (queue.Name, queue.LockDuration.TotalSeconds, queue.MaxDeliveryCount, queue.RequiresSession));
        Assert.Equal((true, 2, 14, true), (queue.RequiresDuplicateDetection, queue.DuplicateDetectionHistoryTimeWindow.TotalMinutes,
            queue.DefaultMessageTimeToLive.TotalDays, queue.DeadLetteringOnMessageExpiration));
    }

    [Fact]
    public async Task The_defaults_are_those_of_the_service()
    {
        await using var space = await LocalNamespace.WithQueueAsync();
        var queue = (await space.Admin.GetQueueAsync("jobs")).Value;

        Assert.Equal((60, 10, TimeSpan.MaxValue), (queue.LockDuration.TotalSeconds, queue.MaxDeliveryCount, queue.DefaultMessageTimeToLive));
        Assert.False(queue.RequiresSession || queue.RequiresDuplicateDetection || queue.DeadLetteringOnMessageExpiration);
    }

    [Fact]
    public async Task Entities_exist_once_and_until_they_are_deleted()
    {
        await using var space = await LocalNamespace.WithQueueAsync();
        await LocalNamespace.AssertFailsAsync(ServiceBusFailureReason.MessagingEntityAlreadyExists, () => space.Admin.CreateQueueAsync("Jobs"));
        await LocalNamespace.AssertFailsAsync(ServiceBusFailureReason.MessagingEntityAlreadyExists, () => space.Admin.CreateTopicAsync("jobs"));
        await LocalNamespace.AssertFailsAsync(ServiceBusFailureReason.MessagingEntityNotFound, () => space.Admin.CreateSubscriptionAsync("jobs", "s"));
        await LocalNamespace.AssertFailsAsync(ServiceBusFailureReason.MessagingEntityNotFound, () => space.Admin.GetQueueAsync("none"));
        Assert.True((await space.Admin.QueueExistsAsync("jobs")).Value);
        Assert.False((await space.Admin.TopicExistsAsync("jobs")).Value);

        await space.Admin.DeleteQueueAsync("jobs");

        Assert.False((await space.Admin.QueueExistsAsync("jobs")).Value);
        await LocalNamespace.AssertFailsAsync(ServiceBusFailureReason.MessagingEntityNotFound, () => space.Admin.DeleteQueueAsync("jobs"));
    }

    [Fact]
    public async Task Deleting_an_entity_takes_all_that_is_in_it()
    {
        await using var space = await LocalNamespace.WithSessionsAsync(options => options.RequiresDuplicateDetection = true);
        await space.AddQueueAsync("other");
        await space.SendAsync("x", queue: "other");
        for (var i = 0; i < 10; i++)
            await space.SendAsync("x", $"{i}", id: $"{i}");
        var session = await space.NextSessionAsync();
        var message = await LocalNamespace.NextAsync(session);

        await space.Admin.DeleteQueueAsync("jobs");
        await space.AddQueueAsync("jobs", options => options.RequiresSession = true);
        await space.SendAsync("new", "0");

        await LocalNamespace.AssertFailsAsync(ServiceBusFailureReason.SessionLockLost, () => session.CompleteMessageAsync(message));
        Assert.Equal((2L, 1L, 0L), space.Store.Read(database => (Rows.Messages(database), Rows.Count(database, "sb_sessions"), Rows.Count(database, "sb_seen"))));
        Assert.Equal(1, (await space.CountsAsync("other")).ActiveMessageCount);
    }

    [Fact]
    public async Task Those_who_wait_at_an_entity_that_is_deleted_are_told()
    {
        await using var space = await LocalNamespace.WithSessionsAsync();
        var accepting = space.Client.AcceptNextSessionAsync("jobs");
        var receiving = space.DeadLetters().ReceiveMessageAsync();

        await space.Admin.DeleteQueueAsync("jobs");

        await LocalNamespace.AssertFailsAsync(ServiceBusFailureReason.MessagingEntityNotFound, () => accepting);
        await LocalNamespace.AssertFailsAsync(ServiceBusFailureReason.MessagingEntityNotFound, () => receiving);
    }

    [Fact]
    public async Task Deleting_a_topic_deletes_its_subscriptions()
    {
        await using var space = new LocalNamespace();
        await space.Admin.CreateTopicAsync("events");
        await space.Admin.CreateSubscriptionAsync("events", "s");
        await space.Admin.DeleteTopicAsync("events");

        Assert.False((await space.Admin.SubscriptionExistsAsync("events", "s")).Value);
        Assert.Equal(0, space.Store.Read(database => Rows.Count(database, "sb_rules")));
    }

    [Fact]
    public async Task What_may_be_changed_can_be_changed()
    {
        await using var space = await LocalNamespace.WithQueueAsync();
        var queue = (await space.Admin.GetQueueAsync("jobs")).Value;
        queue.LockDuration = TimeSpan.FromSeconds(10);
        queue.MaxDeliveryCount = 3;
        space.Clock.Advance(TimeSpan.FromMinutes(1));
        await space.Admin.UpdateQueueAsync(queue);

        queue = (await space.Admin.GetQueueAsync("jobs")).Value;
        var runtime = (await space.Admin.GetQueueRuntimePropertiesAsync("jobs")).Value;
        Assert.Equal((10, 3), (queue.LockDuration.TotalSeconds, queue.MaxDeliveryCount));
        Assert.Equal(TimeSpan.FromMinutes(1), runtime.UpdatedAt - runtime.CreatedAt);
        await space.SendAsync("1");
        Assert.Equal(space.Clock.GetUtcNow().AddSeconds(10), (await LocalNamespace.NextAsync(space.Client.CreateReceiver("jobs"))).LockedUntil);
    }

    [Fact]
    public async Task Values_that_the_service_would_refuse_are_refused()
    {
        await using var space = new LocalNamespace();
        foreach (var wrong in (CreateQueueOptions[])[
            new("jobs") { LockDuration = TimeSpan.FromMinutes(6) }, new("jobs") { LockDuration = TimeSpan.Zero }, new("jobs") { MaxDeliveryCount = 0 },
            new("jobs") { DuplicateDetectionHistoryTimeWindow = TimeSpan.FromSeconds(19) }, new("jobs") { DefaultMessageTimeToLive = TimeSpan.FromTicks(1) },
            new("jobs/"), new("$jobs"), new("jobs?"), new(" ")])
            await Assert.ThrowsAnyAsync<ArgumentException>(() => space.Admin.CreateQueueAsync(wrong));
    }

    [Fact]
    public async Task Counts_follow_every_message()
    {
        await using var space = await LocalNamespace.WithSessionsAsync();
        for (var i = 0; i < 6; i++)
            await space.SendAsync($"{i}", "a");
        await space.Client.CreateSender("jobs").ScheduleMessageAsync(new ServiceBusMessage { SessionId = "a" }, space.Clock.GetUtcNow().AddHours(1));
        var session = await space.NextSessionAsync();
        var messages = await session.ReceiveMessagesAsync(4);
        await session.CompleteMessageAsync(messages[0]);
        await session.DeadLetterMessageAsync(messages[1]);
        await session.DeferMessageAsync(messages[2]);

        var counts = await space.CountsAsync();

        Assert.Equal((4, 1, 1, 6), (counts.ActiveMessageCount, counts.ScheduledMessageCount, counts.DeadLetterMessageCount, counts.TotalMessageCount));
    }

    [Fact]
    public async Task Reading_the_counts_writes_nothing()
    {
        await using var space = await LocalNamespace.WithQueueAsync();
        await space.SendAsync("1");
        var before = space.Store.CommitVersion();
        await space.CountsAsync();

        Assert.Equal(before, space.Store.CommitVersion());
    }
}
