using Azure.Messaging.ServiceBus;

namespace Contract.Tests.ServiceBus;

public sealed class SessionTests
{
    private static readonly TimeSpan Minute = TimeSpan.FromMinutes(1);

    [Fact]
    public async Task Messages_of_a_session_come_in_the_order_in_which_they_were_sent()
    {
        await using var space = await LocalNamespace.WithSessionsAsync();
        foreach (var body in (string[])["a1", "b1", "a2", "b2", "a3"])
            await space.SendAsync(body, body[..1]);

        var session = await space.Client.AcceptSessionAsync("jobs", "a");
        var messages = await session.ReceiveMessagesAsync(10);

        Assert.Equal(["a1", "a2", "a3"], messages.Select(message => message.Text()));
        Assert.Equal([1, 3, 5], messages.Select(message => message.SequenceNumber));
        Assert.All(messages, message => Assert.Equal(session.SessionLockedUntil, message.LockedUntil));
    }

    [Fact]
    public async Task A_message_in_hand_is_not_delivered_again_to_the_same_receiver()
    {
        await using var space = await LocalNamespace.WithSessionsAsync();
        await space.SendAsync("1", "a");
        await space.SendAsync("2", "a");
        var session = await space.NextSessionAsync();

        Assert.Equal("1", (await LocalNamespace.NextAsync(session)).Text());
        Assert.Equal("2", (await LocalNamespace.NextAsync(session)).Text());
        await space.AssertNothingAsync(session);
    }

    [Fact]
    public async Task An_abandoned_message_comes_next_before_its_followers()
    {
        await using var space = await LocalNamespace.WithSessionsAsync();
        await space.SendAsync("1", "a");
        await space.SendAsync("2", "a");
        var session = await space.NextSessionAsync();

        var first = await LocalNamespace.NextAsync(session);
        await session.AbandonMessageAsync(first);
        var again = await LocalNamespace.NextAsync(session);

        Assert.Equal(("1", 2), (again.Text(), again.DeliveryCount));
    }

    [Fact]
    public async Task A_session_has_one_receiver_at_a_time()
    {
        await using var space = await LocalNamespace.WithSessionsAsync();
        await space.SendAsync("1", "a");
        var holder = await space.NextSessionAsync();

        await LocalNamespace.AssertFailsAsync(ServiceBusFailureReason.SessionCannotBeLocked, () => space.Client.AcceptSessionAsync("jobs", "a"));
        await LocalNamespace.AssertFailsAsync(ServiceBusFailureReason.SessionCannotBeLocked, () => space.NewClient().AcceptSessionAsync("jobs", "a"));
        await holder.CloseAsync();
        await using var next = await space.Client.AcceptSessionAsync("jobs", "a");
        Assert.Equal("1", (await LocalNamespace.NextAsync(next)).Text());
    }

    [Fact]
    public async Task A_session_without_messages_can_be_accepted_by_name_and_receives_what_comes()
    {
        await using var space = await LocalNamespace.WithSessionsAsync();
        await using var session = await space.Client.AcceptSessionAsync("jobs", "a");
        var receiving = session.ReceiveMessageAsync();

        await space.SendAsync("1", "a");

        Assert.Equal("1", (await receiving)?.Text());
    }

    [Fact]
    public async Task The_session_that_waited_longest_is_next()
    {
        await using var space = await LocalNamespace.WithSessionsAsync();
        foreach (var name in (string[])["c", "a", "b"])
            await space.SendAsync("1", name);
        await space.SendAsync("2", "c");

        Assert.Equal("c", (await space.NextSessionAsync()).SessionId);
        Assert.Equal("a", (await space.NextSessionAsync()).SessionId);
        Assert.Equal("b", (await space.NextSessionAsync()).SessionId);
    }

    [Fact]
    public async Task A_session_released_with_messages_left_goes_behind_all_that_wait()
    {
        await using var space = await LocalNamespace.WithSessionsAsync();
        for (var i = 0; i < 5; i++)
            await space.SendAsync($"{i}", "busy");
        await space.SendAsync("1", "b");
        await space.SendAsync("1", "c");

        var served = new List<string>();
        for (var i = 0; i < 5; i++)
        {
            await using var session = await space.NextSessionAsync();
            served.Add(session.SessionId);
            await session.CompleteMessageAsync(await LocalNamespace.NextAsync(session));
        }

        Assert.Equal(["busy", "b", "c", "busy", "busy"], served);
    }

    [Fact]
    public async Task No_session_is_starved_by_those_that_never_run_dry()
    {
        await using var space = await LocalNamespace.WithSessionsAsync();
        string[] busy = ["busy-1", "busy-2", "busy-3"];
        foreach (var name in busy)
            await space.SendAsync("x", name);
        for (var round = 0; round < 10; round++)
        {
            await space.SendAsync("x", $"small-{round}");
            var served = new List<string>();
            while (!served.Contains($"small-{round}"))
            {
                await using var session = await space.NextSessionAsync();
                served.Add(session.SessionId);
                await session.CompleteMessageAsync(await LocalNamespace.NextAsync(session));
                if (busy.Contains(session.SessionId))
                    await space.SendAsync("more", session.SessionId);
            }
            Assert.Equal([.. busy, $"small-{round}"], served); // each goes before it once
        }
    }

    [Fact]
    public async Task A_drained_session_can_be_filled_again()
    {
        await using var space = await LocalNamespace.WithSessionsAsync();
        for (var round = 0; round < 3; round++)
        {
            await space.SendAsync($"{round}", "a");
            await using var session = await space.NextSessionAsync();
            var message = await LocalNamespace.NextAsync(session);
            Assert.Equal($"{round}", message.Text());
            await session.CompleteMessageAsync(message);
        }
        Assert.Equal(0, (await space.CountsAsync()).TotalMessageCount);
        Assert.Equal(0, space.Store.Read(database => Rows.Count(database, "sb_sessions")));
    }

    [Fact]
    public async Task Without_a_session_the_accept_ends_after_the_try_timeout()
    {
        await using var space = await LocalNamespace.WithSessionsAsync();
        var accepting = space.Client.AcceptNextSessionAsync("jobs");

        space.Clock.Advance(Minute - TimeSpan.FromTicks(1));
        Assert.False(accepting.IsCompleted);
        space.Clock.Advance(TimeSpan.FromTicks(1));

        await LocalNamespace.AssertFailsAsync(ServiceBusFailureReason.ServiceTimeout, () => accepting);
    }

    [Fact]
    public async Task An_accept_can_be_cancelled_and_leaves_the_session_to_others()
    {
        await using var space = await LocalNamespace.WithSessionsAsync();
        using var cancellation = new CancellationTokenSource();
        var accepting = space.Client.AcceptNextSessionAsync("jobs", null, cancellation.Token);

        cancellation.Cancel();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => accepting);
        await space.SendAsync("1", "a");

        Assert.Equal("a", (await space.NextSessionAsync()).SessionId);
    }

    [Fact]
    public async Task When_the_lock_expires_what_was_in_hand_counts_as_delivered()
    {
        await using var space = await LocalNamespace.WithSessionsAsync();
        await space.SendAsync("1", "a");
        await space.SendAsync("2", "a");
        var session = await space.NextSessionAsync();
        var message = await LocalNamespace.NextAsync(session);

        space.Clock.Advance(Minute);

        await LocalNamespace.AssertFailsAsync(ServiceBusFailureReason.SessionLockLost, () => session.CompleteMessageAsync(message));
        await LocalNamespace.AssertFailsAsync(ServiceBusFailureReason.SessionLockLost, () => session.RenewSessionLockAsync());
        await LocalNamespace.AssertFailsAsync(ServiceBusFailureReason.SessionLockLost, () => session.ReceiveMessageAsync());
        await LocalNamespace.AssertFailsAsync(ServiceBusFailureReason.SessionLockLost, () => session.SetSessionStateAsync(new BinaryData("s")));
        var next = await space.NextSessionAsync();
        Assert.Equal([2, 1], (await next.ReceiveMessagesAsync(2)).Select(again => again.DeliveryCount));
    }

    [Fact]
    public async Task When_the_session_is_released_what_was_in_hand_does_not_count()
    {
        await using var space = await LocalNamespace.WithSessionsAsync();
        await space.SendAsync("1", "a");
        var session = await space.NextSessionAsync();
        await LocalNamespace.NextAsync(session);

        await session.CloseAsync();

        var next = await space.NextSessionAsync();
        Assert.Equal(1, (await LocalNamespace.NextAsync(next)).DeliveryCount);
    }

    [Fact]
    public async Task Renewal_keeps_the_session()
    {
        await using var space = await LocalNamespace.WithSessionsAsync();
        await space.SendAsync("1", "a");
        var session = await space.NextSessionAsync();
        var message = await LocalNamespace.NextAsync(session);
        for (var i = 0; i < 5; i++)
        {
            space.Clock.Advance(TimeSpan.FromSeconds(50));
            await session.RenewSessionLockAsync();
        }

        Assert.Equal(space.Clock.GetUtcNow() + Minute, session.SessionLockedUntil);
        await session.CompleteMessageAsync(message);
        Assert.Equal(0, (await space.CountsAsync()).ActiveMessageCount);
    }

    [Fact]
    public async Task A_receiver_that_waits_learns_that_its_session_is_lost()
    {
        await using var space = await LocalNamespace.WithSessionsAsync(options => options.LockDuration = TimeSpan.FromSeconds(10));
        var session = await space.Client.AcceptSessionAsync("jobs", "a");
        var receiving = session.ReceiveMessageAsync();

        space.Clock.Advance(TimeSpan.FromSeconds(10));

        await LocalNamespace.AssertFailsAsync(ServiceBusFailureReason.SessionLockLost, () => receiving);
    }

    [Fact]
    public async Task A_waiting_accept_gets_the_session_whose_lock_expires()
    {
        await using var space = await LocalNamespace.WithSessionsAsync(options => options.LockDuration = TimeSpan.FromSeconds(10));
        await space.SendAsync("1", "a");
        await space.NextSessionAsync();
        var accepting = space.NewClient().AcceptNextSessionAsync("jobs");
        Assert.False(accepting.IsCompleted);

        space.Clock.Advance(TimeSpan.FromSeconds(10));

        Assert.Equal("a", (await accepting.WaitAsync(TimeSpan.FromSeconds(20))).SessionId);
    }

    [Fact]
    public async Task Session_state_stays_until_it_is_cleared_even_without_messages()
    {
        await using var space = await LocalNamespace.WithSessionsAsync();
        var session = await space.Client.AcceptSessionAsync("jobs", "a");
        Assert.Null(await session.GetSessionStateAsync());
        await session.SetSessionStateAsync(new BinaryData("half way"));
        await session.CloseAsync();

        session = await space.Client.AcceptSessionAsync("jobs", "a");
        Assert.Equal("half way", (await session.GetSessionStateAsync())?.ToString());
        await session.SetSessionStateAsync(null);
        Assert.Null(await session.GetSessionStateAsync());
        await session.CloseAsync();
        Assert.Equal(0, space.Store.Read(database => Rows.Count(database, "sb_sessions")));
    }

    [Fact]
    public async Task Session_state_alone_makes_no_session_to_be_accepted_next()
    {
        await using var space = await LocalNamespace.WithSessionsAsync();
        var session = await space.Client.AcceptSessionAsync("jobs", "a");
        await session.SetSessionStateAsync(new BinaryData("s"));
        await session.CloseAsync();

        var accepting = space.Client.AcceptNextSessionAsync("jobs");
        Assert.False(accepting.IsCompleted);
        space.Clock.Advance(Minute);
        await LocalNamespace.AssertFailsAsync(ServiceBusFailureReason.ServiceTimeout, () => accepting);
    }

    [Fact]
    public async Task A_settled_message_cannot_be_settled_again()
    {
        await using var space = await LocalNamespace.WithSessionsAsync();
        await space.SendAsync("1", "a");
        var session = await space.NextSessionAsync();
        var message = await LocalNamespace.NextAsync(session);
        await session.CompleteMessageAsync(message);

        await LocalNamespace.AssertFailsAsync(ServiceBusFailureReason.MessageLockLost, () => session.CompleteMessageAsync(message));
    }

    [Fact]
    public async Task A_late_settlement_does_not_touch_the_next_delivery()
    {
        await using var space = await LocalNamespace.WithSessionsAsync();
        await space.SendAsync("1", "a");
        var session = await space.NextSessionAsync();
        var message = await LocalNamespace.NextAsync(session);
        await session.AbandonMessageAsync(message);
        var again = await LocalNamespace.NextAsync(session);

        await LocalNamespace.AssertFailsAsync(ServiceBusFailureReason.MessageLockLost, () => session.CompleteMessageAsync(message));
        await session.CompleteMessageAsync(again);
    }

    [Fact]
    public async Task The_lock_of_a_message_in_a_session_is_the_sessions()
    {
        await using var space = await LocalNamespace.WithSessionsAsync();
        await space.SendAsync("1", "a");
        var session = await space.NextSessionAsync();
        var message = await LocalNamespace.NextAsync(session);

        await Assert.ThrowsAsync<InvalidOperationException>(() => session.RenewMessageLockAsync(message));
    }

    [Fact]
    public async Task Entities_with_and_without_sessions_take_only_their_own_kind_of_receiver()
    {
        await using var space = await LocalNamespace.WithSessionsAsync();
        await space.AddQueueAsync("plain");

        await Assert.ThrowsAsync<InvalidOperationException>(() => space.Client.CreateReceiver("jobs").ReceiveMessageAsync());
        await Assert.ThrowsAsync<InvalidOperationException>(() => space.Client.AcceptNextSessionAsync("plain"));
        await Assert.ThrowsAsync<InvalidOperationException>(() => space.Client.AcceptSessionAsync("plain", "a"));
        await LocalNamespace.AssertFailsAsync(ServiceBusFailureReason.MessagingEntityNotFound, () => space.Client.AcceptNextSessionAsync("none"));
    }

    [Fact]
    public async Task One_transaction_accepts_the_longest_waiting_of_many_sessions_without_reading_the_others()
    {
        await using var space = await LocalNamespace.WithSessionsAsync();
        var plan = space.Store.Read(database => Rows.Plan(
            database, "SELECT id, session FROM sb_sessions WHERE entity = 1 AND ticket IS NOT NULL ORDER BY ticket LIMIT 1"));

        Assert.Contains("sb_sessions_next", plan, StringComparison.Ordinal);
        Assert.DoesNotContain("TEMP B-TREE", plan, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_a_trigger_reads_ahead_is_put_back_uncounted_with_its_session_and_counted_when_the_lock_runs_out()
    {
        await using var space = await LocalNamespace.WithSessionsAsync();
        await space.SendAsync("1", "a");
        await space.SendAsync("2", "a");
        var session = await space.Client.AcceptNextSessionAsync("jobs", ServiceBusSessionReceiverOptions.OneByOne);
        await session.CompleteMessageAsync(await LocalNamespace.NextAsync(session));
        await session.CloseAsync();

        await space.Client.AcceptNextSessionAsync("jobs", ServiceBusSessionReceiverOptions.OneByOne);
        space.Clock.Advance(TimeSpan.FromHours(1)); // its lock has run out, with the message in hand
        await using var next = await space.Client.AcceptNextSessionAsync("jobs");
        var message = await LocalNamespace.NextAsync(next);
        Assert.Equal(("2", 2), (message.Body.ToString(), message.DeliveryCount));
    }
}
