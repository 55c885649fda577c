using System.Diagnostics;

namespace BlackBox.Tests.Chaos;

/// <summary>kill -9, again and again, while jobs of every kind come in.</summary>
public sealed class KilledTests
{
    [Fact]
    public async Task Instances_that_die_in_turn_under_mixed_load_lose_nothing_and_do_nothing_twice()
    {
        using var data = new DataFolder();
        var instances = new[] { await WeirProcess.StartAsync(data), await WeirProcess.StartAsync(data) };
        try
        {
            for (var round = 0; round < ChaosScale.Rounds; round++)
            {
                var load = new MixedLoad($"killed-{round}", () => instances);
                var submitting = load.SubmitAsync(160, sleepMs: 30);
                foreach (var (victim, share) in new[] { (0, 30), (1, 70), (0, 110) })
                {
                    await ChaosScale.UntilAsync(() => Task.FromResult(load.Accepted >= share), $"{share} accepted");
                    await instances[victim].KillAsync();
                    await instances[victim].DisposeAsync();
                    instances[victim] = await WeirProcess.StartAsync(data);
                }
                await submitting;
                await load.AssertAllEndedAsync(instances[0].Http, ChaosScale.Limit);
                Assert.NotEqual(0, load.Refused);
            }
        }
        finally
        {
            foreach (var instance in instances)
                await instance.DisposeAsync();
        }
    }

    [Fact]
    public async Task A_running_job_of_a_killed_instance_goes_on_when_its_lease_is_over_and_a_waiting_one_at_once()
    {
        using var data = new DataFolder();
        await using var staying = await WeirProcess.StartAsync(data, ("AzureWebJobs.RunDefaultJobs.Disabled", "true"));
        await using var victim = await WeirProcess.StartAsync(data);
        var running = await staying.Http.SubmitAsync("probe", new { effect = "running", sleepMs = 1_000 });
        await staying.Http.BecomesAsync(running, "running");
        await victim.KillAsync();
        var waiting = await staying.Http.SubmitAsync("probe", new { effect = "waiting" });

        await using var next = await WeirProcess.StartAsync(data);
        var ready = Stopwatch.StartNew();
        await next.Http.FinalAsync(waiting, ChaosScale.Limit);
        var waited = ready.Elapsed;
        var job = await next.Http.FinalAsync(running, ChaosScale.Limit);
        Assert.Equal(["workerLost", "succeeded"], job.GetProperty("attempts").EnumerateArray().Select(attempt => attempt.Text("outcome")));
        TestContext.Current.SendDiagnosticMessage("killed: the waiting job ended {0:0.00} s, the running one {1:0.00} s after the next start", waited.TotalSeconds, ready.Elapsed.TotalSeconds);
    }
}
