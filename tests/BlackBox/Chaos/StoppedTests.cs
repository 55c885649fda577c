using System.Diagnostics;

namespace BlackBox.Tests.Chaos;

/// <summary>SIGTERM in the middle of it, as each deployment sends it.</summary>
public sealed class StoppedTests
{
    [Fact]
    public async Task An_instance_that_stops_under_mixed_load_is_gone_in_seconds_and_no_attempt_is_lost_with_it()
    {
        using var data = new DataFolder();
        var instances = new[] { await StartAsync(data), await StartAsync(data) };
        try
        {
            for (var round = 0; round < ChaosScale.Rounds; round++)
            {
                var load = new MixedLoad($"stopped-{round}", () => instances);
                var submitting = load.SubmitAsync(200, sleepMs: 100);
                await ChaosScale.UntilAsync(() => Task.FromResult(load.Accepted >= 60), "60 accepted");
                var stopping = Stopwatch.StartNew();
                await instances[0].StopAsync();
                Assert.True(stopping.Elapsed < TimeSpan.FromSeconds(30), $"It took {stopping.Elapsed.TotalSeconds:0.0} s to stop: more than the host's time.");
                TestContext.Current.SendDiagnosticMessage("stopped: gone {0:0.00} s after SIGTERM", stopping.Elapsed.TotalSeconds);
                await instances[0].DisposeAsync();
                instances[0] = await StartAsync(data);

                await submitting;
                await load.AssertAllEndedAsync(instances[1].Http, ChaosScale.Limit);
                Assert.Equal(0, await load.CountAttemptsAsync(instances[1].Http, "workerLost"));
            }
        }
        finally
        {
            foreach (var instance in instances)
                await instance.DisposeAsync();
        }
    }

    /// <summary>A lease that a busy machine does not outlast: an attempt that is lost here is lost by the stop.</summary>
    private static Task<WeirProcess> StartAsync(DataFolder data) => WeirProcess.StartAsync(data, ("Weir__Lease", "00:00:15"));
}
