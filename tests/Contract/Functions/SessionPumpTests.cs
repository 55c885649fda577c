using Contract.Tests.ServiceBus;

namespace Contract.Tests.Functions;

public sealed class SessionPumpTests
{
    [Fact]
    public async Task One_session_runs_in_order_and_one_at_a_time()
    {
        await using var space = await LocalNamespace.WithSessionsAsync();
        await using var pump = RunningPump.OfSessions(space, concurrency: 4, async (delivery, probe, _) =>
        {
            probe.See($"begin {delivery.Message.Body}");
            await Task.Yield();
            probe.See($"end {delivery.Message.Body}");
        });

        foreach (var body in (string[])["1", "2", "3"])
            await space.SendAsync(body, "a");

        await pump.Probe.Until("end 3");
        Assert.Equal(["begin 1", "end 1", "begin 2", "end 2", "begin 3", "end 3"], pump.Probe.Seen);
    }

    [Fact]
    public async Task No_more_sessions_are_in_work_than_there_are_slots()
    {
        await using var space = await LocalNamespace.WithSessionsAsync();
        await using var pump = RunningPump.OfSessions(space, concurrency: 2, async (delivery, probe, _) =>
        {
            probe.See($"{delivery.Message.SessionId}");
            await probe.Until($"go {delivery.Message.SessionId}");
            await delivery.SessionActions.ReleaseSession();
        });

        foreach (var session in (string[])["a", "b", "c"])
            await space.SendAsync("x", session);
        await Task.WhenAll(pump.Probe.Until("a"), pump.Probe.Until("b"));

        Assert.Equal(["a", "b"], pump.Probe.Seen.Order());
        pump.Probe.Open("go a");
        await pump.Probe.Until("c");
        pump.Probe.Open("go b");
        pump.Probe.Open("go c");
    }

    [Fact]
    public async Task A_session_is_kept_for_the_idle_time_counted_from_the_end_of_its_last_message()
    {
        await using var space = await LocalNamespace.WithSessionsAsync();
        await using var pump = RunningPump.OfSessions(space, concurrency: 1, async (delivery, probe, _) =>
        {
            probe.See(delivery.Message.SessionId + delivery.Message.Body);
            await probe.Until($"go {delivery.Message.SessionId}");
        });
        await space.SendAsync("1", "a");
        await pump.Probe.Until("a1");
        await space.SendAsync("1", "b"); // waits for the slot
        space.Clock.Advance(RunningPump.Idle * 2); // in work is not idle
        pump.Probe.Open("go a");
        await space.SendAsync("2", "a");
        await pump.Probe.Until("a2");

        Assert.True(await pump.AdvanceUntilAsync("b1") >= RunningPump.Idle);
        Assert.Equal(["a1", "a2", "b1"], pump.Probe.Seen);
        pump.Probe.Open("go b");
    }

    [Fact]
    public async Task ReleaseSession_gives_it_back_after_the_message_without_waiting()
    {
        await using var space = await LocalNamespace.WithSessionsAsync();
        await using var pump = RunningPump.OfSessions(space, concurrency: 1, async (delivery, probe, _) =>
        {
            probe.See($"{delivery.Message.SessionId}");
            await delivery.SessionActions.ReleaseSession();
        });

        await space.SendAsync("1", "a");
        await pump.Probe.Until("a");
        await space.SendAsync("1", "b");

        await pump.Probe.Until("b"); // and the clock has not moved
    }

    [Fact]
    public async Task A_throw_abandons_the_message_which_comes_again_before_its_followers()
    {
        await using var space = await LocalNamespace.WithSessionsAsync();
        await space.SendAsync("1", "a");
        await space.SendAsync("2", "a");
        await using var pump = RunningPump.OfSessions(space, concurrency: 1, (delivery, probe, _) =>
        {
            probe.See($"{delivery.Message.Body}, delivery {delivery.Message.DeliveryCount}");
            return delivery.Message is { DeliveryCount: 1, SequenceNumber: 1 } ? throw new InvalidOperationException("no luck") : Task.CompletedTask;
        });

        await pump.Probe.Until("2, delivery 1");
        Assert.Equal(["1, delivery 1", "1, delivery 2", "2, delivery 1"], pump.Probe.Seen);
    }

    [Fact]
    public async Task Without_auto_complete_an_unsettled_message_stays_and_giving_the_session_back_does_not_count()
    {
        await using var space = await LocalNamespace.WithSessionsAsync();
        await space.SendAsync("1", "a");
        await using var pump = RunningPump.OfSessions(space, concurrency: 1, autoComplete: false, run: async (_, probe, _) =>
        {
            probe.See("runs");
            await probe.Until("go");
        });
        await pump.Probe.Until("runs");
        var stopped = pump.StopAsync();
        pump.Probe.Open("go");
        await stopped;

        Assert.Equal(1, (await LocalNamespace.NextAsync(await space.NextSessionAsync())).DeliveryCount);
    }

    [Fact]
    public async Task What_the_function_settles_itself_is_left_alone()
    {
        await using var space = await LocalNamespace.WithSessionsAsync();
        await space.SendAsync("1", "a");
        await space.SendAsync("2", "a");
        await using var pump = RunningPump.OfSessions(space, concurrency: 1, async (delivery, probe, _) =>
        {
            await delivery.Actions.DeadLetterMessageAsync(delivery.Message, new() { ["why"] = "test" }, "reason", "description");
            probe.See(delivery.Message.Body.ToString());
        });
        await pump.Probe.Until("2");

        var dead = await LocalNamespace.NextAsync(space.DeadLetters());

        Assert.Equal(("reason", "description", "test"), (dead.DeadLetterReason, dead.DeadLetterErrorDescription, dead.ApplicationProperties["why"]));
        Assert.Empty(pump.Log.Lines);
    }

    [Fact]
    public async Task The_lock_is_renewed_while_the_function_runs()
    {
        await using var space = await LocalNamespace.WithSessionsAsync();
        await space.SendAsync("1", "a");
        await space.SendAsync("2", "a");
        await using var pump = RunningPump.OfSessions(space, concurrency: 1, async (delivery, probe, lockLost) =>
        {
            probe.See($"{delivery.Message.Body} begins");
            await probe.Until("go");
            probe.See($"{delivery.Message.Body} ends, lock lost: {lockLost.IsCancellationRequested}");
        });
        await pump.Probe.Until("1 begins");

        for (var second = 0; second < 240; second++)
            space.Clock.Advance(TimeSpan.FromSeconds(1)); // the lock lasts 60 s
        pump.Probe.Open("go");

        await pump.Probe.Until("2 begins");
        Assert.Equal(["1 begins", "1 ends, lock lost: False", "2 begins"], pump.Probe.Seen.Take(3));
        Assert.Equal(4, space.Broker.Operations.Snapshot().Single(count => count.Key.Contains("RenewSession", StringComparison.Ordinal)).Value);
    }

    [Fact]
    public async Task Past_the_longest_renewal_the_lock_runs_out_and_the_functions_token_fires()
    {
        await using var space = await LocalNamespace.WithSessionsAsync();
        await space.SendAsync("1", "a");
        await using var pump = RunningPump.OfSessions(space, concurrency: 1, longestRenewal: TimeSpan.FromSeconds(100), run: async (delivery, probe, lockLost) =>
        {
            probe.See($"delivery {delivery.Message.DeliveryCount}");
            if (delivery.Message.DeliveryCount > 1)
                return;
            using var registration = lockLost.Register(() => probe.See("lock lost"));
            await probe.Until("go");
        });
        await pump.Probe.Until("delivery 1");

        var lasted = await pump.AdvanceUntilAsync("lock lost");

        Assert.InRange(lasted, TimeSpan.FromSeconds(100), TimeSpan.FromSeconds(165));
        pump.Probe.Open("go");
        await pump.Probe.Until("delivery 2");
    }

    [Fact]
    public async Task Told_to_stop_it_ends_what_runs_gives_its_sessions_back_and_takes_no_more()
    {
        await using var space = await LocalNamespace.WithSessionsAsync();
        foreach (var (body, session) in ((string, string)[])[("1", "a"), ("2", "a"), ("1", "b")])
            await space.SendAsync(body, session);
        await using var pump = RunningPump.OfSessions(space, concurrency: 1, async (delivery, probe, _) =>
        {
            probe.See(delivery.Message.SessionId + delivery.Message.Body);
            await probe.Until("go");
        });
        await pump.Probe.Until("a1");
        var stopped = pump.StopAsync();
        Assert.False(stopped.IsCompleted);
        pump.Probe.Open("go");
        await stopped;

        Assert.Equal(["a1"], pump.Probe.Seen);
        var next = new[] { await space.NextSessionAsync(), await space.NextSessionAsync() }; // and the clock has not moved
        Assert.Equal(["a", "b"], next.Select(session => session.SessionId).Order());
    }

    [Fact]
    public async Task A_broker_that_refuses_is_asked_less_and_less_often()
    {
        await using var space = new LocalNamespace();
        await using var pump = RunningPump.OfSessions(space, concurrency: 100, (_, probe, _) =>
        {
            probe.See("runs");
            return Task.CompletedTask;
        });

        for (var i = 0; i < 300; i++)
        {
            space.Clock.Advance(TimeSpan.FromSeconds(1));
            await Task.Delay(1);
        }

        Assert.Contains(pump.Log.Lines, line => line.StartsWith("Error: No session of jobs could be accepted; next try in 00:00:00", StringComparison.Ordinal));
        Assert.InRange(pump.Log.Lines.Count(), 5, 40);
        await space.AddQueueAsync("jobs", queue => queue.RequiresSession = true);
        await space.SendAsync("1", "a");
        Assert.True(await pump.AdvanceUntilAsync("runs") <= TimeSpan.FromSeconds(35));
    }
}
