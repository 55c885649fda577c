using Contract.Tests.ServiceBus;

namespace Contract.Tests.Functions;

public sealed class MessagePumpTests
{
    [Fact]
    public async Task No_more_messages_are_in_work_than_maxConcurrentCalls_and_no_other_is_locked()
    {
        await using var space = await LocalNamespace.WithQueueAsync();
        for (var i = 1; i <= 5; i++)
            await space.SendAsync($"{i}");
        await using var pump = RunningPump.OfMessages(space, concurrency: 2, async (delivery, probe, _) =>
        {
            probe.See($"{delivery.Message.Body}");
            await probe.Until($"go {delivery.Message.Body}");
        });
        await Task.WhenAll(pump.Probe.Until("1"), pump.Probe.Until("2"));

        Assert.Equal(2, pump.Probe.Seen.Count);
        Assert.Equal("3", (await LocalNamespace.NextAsync(space.Client.CreateReceiver("jobs"))).Body.ToString());
        pump.Probe.Open("go 2");
        await pump.Probe.Until("4");
        Assert.Equal(3, pump.Probe.Seen.Count);
        foreach (var gate in (string[])["go 1", "go 4", "go 5"])
            pump.Probe.Open(gate);
    }

    [Fact]
    public async Task A_throw_abandons_until_the_message_is_dead_and_a_dead_letter_pump_takes_it()
    {
        await using var space = await LocalNamespace.WithQueueAsync(queue => queue.MaxDeliveryCount = 3);
        await using var pump = RunningPump.OfMessages(space, concurrency: 2, (delivery, probe, _) =>
        {
            probe.See($"delivery {delivery.Message.DeliveryCount}");
            throw new InvalidOperationException("no luck");
        });
        await using var collector = RunningPump.OfMessages(space, concurrency: 1, queue: "jobs/$deadletterqueue", run: (delivery, probe, _) =>
        {
            probe.See($"{delivery.Message.DeadLetterReason}");
            return Task.CompletedTask;
        });

        await space.SendAsync("1");

        await collector.Probe.Until("MaxDeliveryCountExceeded");
        Assert.Equal(["delivery 1", "delivery 2", "delivery 3"], pump.Probe.Seen);
    }

    [Fact]
    public async Task The_lock_is_renewed_while_the_function_runs_and_lost_after_the_longest_renewal()
    {
        await using var space = await LocalNamespace.WithQueueAsync();
        await using var pump = RunningPump.OfMessages(space, concurrency: 1, longestRenewal: TimeSpan.FromSeconds(200), run: async (delivery, probe, lockLost) =>
        {
            probe.See($"delivery {delivery.Message.DeliveryCount}");
            using var registration = lockLost.Register(() => probe.See("lock lost"));
            await probe.Until($"go {delivery.Message.DeliveryCount}");
        });
        await space.SendAsync("1");
        await pump.Probe.Until("delivery 1");

        Assert.InRange(await pump.AdvanceUntilAsync("lock lost"), TimeSpan.FromSeconds(200), TimeSpan.FromSeconds(265));

        pump.Probe.Open("go 1");
        await pump.Probe.Until("delivery 2");
        pump.Probe.Open("go 2");
    }

    [Fact]
    public async Task A_receive_that_fails_is_tried_again_later()
    {
        await using var space = new LocalNamespace();
        await using var pump = RunningPump.OfMessages(space, concurrency: 1, (_, probe, _) =>
        {
            probe.See("runs");
            return Task.CompletedTask;
        });

        await space.AddQueueAsync("jobs");
        await space.SendAsync("1");

        await pump.AdvanceUntilAsync("runs");
        Assert.Contains(pump.Log.Lines, line => line.StartsWith("Error: No message of jobs could be received; next try in", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Told_to_stop_it_waits_for_what_runs()
    {
        await using var space = await LocalNamespace.WithQueueAsync();
        await space.SendAsync("1");
        await using var pump = RunningPump.OfMessages(space, concurrency: 1, async (_, probe, _) =>
        {
            probe.See("runs");
            await probe.Until("go");
        });
        await pump.Probe.Until("runs");

        var stopped = pump.StopAsync();
        Assert.False(stopped.IsCompleted);
        await space.SendAsync("2");
        pump.Probe.Open("go");
        await stopped;

        Assert.Equal("2", (await LocalNamespace.NextAsync(space.Client.CreateReceiver("jobs"))).Body.ToString());
    }
}
