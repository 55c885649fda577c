using System.Net;
using Azurite;

namespace BlackBox.Tests.Chaos;

/// <summary>The tables, in Azurite over HTTP, go away under mixed load and come back.</summary>
public sealed class TablesAwayTests
{
    [Fact]
    public async Task Tables_that_stop_and_start_again_cost_time_and_no_job()
    {
        using var kept = new DataFolder();
        await using var azurite = new AzuriteServer { Location = kept.Path };
        await azurite.InitializeAsync();
        using var data = new DataFolder();
        (string, string)[] settings = [("AzureWebJobsStorage", azurite.ConnectionString)];
        await using var one = await WeirProcess.StartAsync(data, settings);
        await using var other = await WeirProcess.StartAsync(data, settings);
        for (var round = 0; round < ChaosScale.Rounds; round++)
        {
            var load = new MixedLoad($"away-{round}", () => [one, other]);
            var submitting = load.SubmitAsync(80, sleepMs: 100);
            await ChaosScale.UntilAsync(() => Task.FromResult(load.Accepted >= 20), "20 accepted");
            await azurite.StopAsync();
            using (var refused = await one.Http.PostAsync("""{"type": "probe", "payload": {}}"""))
            {
                Assert.Equal(HttpStatusCode.ServiceUnavailable, refused.StatusCode);
                Assert.NotNull(refused.Headers.RetryAfter);
            }
            await azurite.StartAsync();
            var back = TimeProvider.System.GetTimestamp();

            await submitting;
            Assert.NotEqual(0, load.Refused);
            await load.AssertAllEndedAsync(one.Http, ChaosScale.Limit);
            TestContext.Current.SendDiagnosticMessage("tables away: all {1} jobs had ended {0:0.0} s after they were back", TimeProvider.System.GetElapsedTime(back).TotalSeconds, load.Accepted);
        }
    }
}
