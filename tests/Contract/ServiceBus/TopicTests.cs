using Azure.Messaging.ServiceBus;
using Azure.Messaging.ServiceBus.Administration;

namespace Contract.Tests.ServiceBus;

public sealed class TopicTests
{
    [Fact]
    public async Task Every_subscription_gets_a_copy_of_its_own()
    {
        await using var space = await WithTopicAsync("one", "two");
        await SendAsync(space, "1");
        var one = space.Client.CreateReceiver("events", "one");
        await one.CompleteMessageAsync(await LocalNamespace.NextAsync(one));

        Assert.Equal("1", (await LocalNamespace.NextAsync(space.Client.CreateReceiver("events", "two"))).Text());
        Assert.Equal(0, (await space.Admin.GetSubscriptionRuntimePropertiesAsync("events", "one")).Value.TotalMessageCount);
        Assert.Equal(1, (await space.Admin.GetSubscriptionRuntimePropertiesAsync("events", "two")).Value.ActiveMessageCount);
    }

    [Fact]
    public async Task A_message_that_nobody_subscribes_to_is_dropped()
    {
        await using var space = await WithTopicAsync();
        await SendAsync(space, "1");

        Assert.Equal(0, space.Store.Read(Rows.Messages));
    }

    [Fact]
    public async Task A_correlation_filter_takes_what_equals_it_in_all_it_sets()
    {
        await using var space = await WithTopicAsync();
        var filter = new CorrelationRuleFilter { Subject = "created" };
        filter.ApplicationProperties["tenant"] = "t1";
        await space.Admin.CreateSubscriptionAsync(new CreateSubscriptionOptions("events", "s"), new CreateRuleOptions("r", filter));
        var sender = space.Client.CreateSender("events");
        await sender.SendMessagesAsync([Message("1", "created", "t1"), Message("2", "created", "t2"), Message("3", "deleted", "t1"), Message("4", null, null)]);

        var receiver = space.Client.CreateReceiver("events", "s");
        Assert.Equal(["1"], (await receiver.ReceiveMessagesAsync(10)).Select(message => message.Text()));

        // Several rules are one copy all the same.
        await space.Admin.CreateRuleAsync("events", "s", new CreateRuleOptions("all"));
        await sender.SendMessageAsync(Message("5", "created", "t1"));
        Assert.Equal(["5"], (await receiver.ReceiveMessagesAsync(10)).Select(message => message.Text()));
        await space.Admin.DeleteRuleAsync("events", "s", "all");
        await space.Admin.DeleteRuleAsync("events", "s", "r");
        await sender.SendMessageAsync(Message("6", "created", "t1"));
        await space.AssertNothingAsync(receiver);
    }

    [Fact]
    public async Task A_subscription_may_require_sessions()
    {
        await using var space = await WithTopicAsync();
        await space.Admin.CreateSubscriptionAsync(new CreateSubscriptionOptions("events", "s") { RequiresSession = true });
        var accepting = space.Client.AcceptNextSessionAsync("events", "s");
        await SendAsync(space, "1", "a");

        var session = await accepting.WaitAsync(TimeSpan.FromSeconds(20));
        Assert.Equal(("a", "1"), (session.SessionId, (await LocalNamespace.NextAsync(session)).Text()));
        await session.CloseAsync();
        Assert.Equal("a", (await space.Client.AcceptSessionAsync("events", "s", "a")).SessionId);
    }

    [Fact]
    public async Task A_message_without_session_for_such_a_subscription_is_dead_lettered_there()
    {
        await using var space = await WithTopicAsync("plain");
        await space.Admin.CreateSubscriptionAsync(new CreateSubscriptionOptions("events", "s") { RequiresSession = true });
        await SendAsync(space, "1");

        var receiver = space.Client.CreateReceiver("events", "s", new ServiceBusReceiverOptions { SubQueue = SubQueue.DeadLetter });
        Assert.Equal("Session ID is null", (await LocalNamespace.NextAsync(receiver)).DeadLetterReason);
        Assert.Null((await LocalNamespace.NextAsync(space.Client.CreateReceiver("events", "plain"))).DeadLetterReason);
    }

    [Fact]
    public async Task A_scheduled_message_is_copied_when_its_time_has_come()
    {
        await using var space = await WithTopicAsync("one");
        var sender = space.Client.CreateSender("events");
        var at = space.Clock.GetUtcNow().AddHours(1);
        await sender.ScheduleMessageAsync(new ServiceBusMessage("1"), at);
        await sender.CancelScheduledMessageAsync(await sender.ScheduleMessageAsync(new ServiceBusMessage("2"), at));
        await space.Admin.CreateSubscriptionAsync("events", "late");

        space.Clock.Advance(TimeSpan.FromHours(1));

        Assert.Equal("1", (await LocalNamespace.NextAsync(space.Client.CreateReceiver("events", "one"))).Text());
        var late = space.Client.CreateReceiver("events", "late");
        Assert.Equal("1", (await LocalNamespace.NextAsync(late)).Text());
        await space.AssertNothingAsync(late);
    }

    [Fact]
    public async Task Duplicates_are_found_by_the_topic()
    {
        await using var space = new LocalNamespace();
        await space.Admin.CreateTopicAsync(new CreateTopicOptions("events") { RequiresDuplicateDetection = true });
        await space.Admin.CreateSubscriptionAsync("events", "s");
        await space.SendAsync("1", queue: "events", id: "x");
        await space.SendAsync("2", queue: "events", id: "x");

        Assert.Equal(1, (await space.Admin.GetSubscriptionRuntimePropertiesAsync("events", "s")).Value.ActiveMessageCount);
    }

    [Fact]
    public async Task The_shortest_time_to_live_counts()
    {
        await using var space = new LocalNamespace();
        await space.Admin.CreateTopicAsync(new CreateTopicOptions("events") { DefaultMessageTimeToLive = TimeSpan.FromHours(1) });
        await space.Admin.CreateSubscriptionAsync(new CreateSubscriptionOptions("events", "s") { DefaultMessageTimeToLive = TimeSpan.FromHours(2) });
        await SendAsync(space, "1");

        Assert.Equal(space.Clock.GetUtcNow().AddHours(1), (await LocalNamespace.NextAsync(space.Client.CreateReceiver("events", "s"))).ExpiresAt);
    }

    [Fact]
    public async Task One_sends_to_the_topic_and_receives_from_the_subscription()
    {
        await using var space = await WithTopicAsync("one");

        await Assert.ThrowsAsync<InvalidOperationException>(() => space.SendAsync("1", queue: "events/Subscriptions/one"));
        await Assert.ThrowsAsync<InvalidOperationException>(() => space.Client.CreateReceiver("events").ReceiveMessageAsync());
    }

    [Fact]
    public async Task Sql_filters_are_not_supported_and_say_so()
    {
        await using var space = await WithTopicAsync();

        var refusal = await Assert.ThrowsAsync<NotSupportedException>(() => space.Admin.CreateSubscriptionAsync(
            new CreateSubscriptionOptions("events", "s"), new CreateRuleOptions("r", new SqlRuleFilter("a = 1"))));
        Assert.Contains("CorrelationRuleFilter", refusal.Message, StringComparison.Ordinal);
    }

    private static async Task<LocalNamespace> WithTopicAsync(params string[] subscriptions)
    {
        var space = new LocalNamespace();
        await space.Admin.CreateTopicAsync("events");
        foreach (var name in subscriptions)
            await space.Admin.CreateSubscriptionAsync("events", name);
        return space;
    }

    private static Task SendAsync(LocalNamespace space, string body, string? session = null) => space.SendAsync(body, session, "events");

    private static ServiceBusMessage Message(string body, string? subject, string? tenant)
    {
        var message = new ServiceBusMessage(body) { Subject = subject };
        if (tenant is not null)
            message.ApplicationProperties["tenant"] = tenant;
        return message;
    }
}
