using System.Net;

namespace BlackBox.Tests.Chaos;

/// <summary>The disk under the data directory is full, and then has space again.</summary>
public sealed class FullDiskTests(AppCopy app) : IClassFixture<AppCopy>
{
    private static readonly string Note = new('x', 900);

    [Fact]
    public async Task A_full_disk_is_a_503_and_once_there_is_space_everything_goes_on_by_itself()
    {
        using var disk = new SmallDisk(megabytes: 48);
        await using var weir = await WeirProcess.StartAsync(app.Functions, disk.Data);
        for (var round = 0; round < ChaosScale.Rounds; round++)
        {
            var load = new MixedLoad($"full-{round}", () => [weir]);
            await load.SubmitAsync(80, sleepMs: 400);
            disk.Fill();

            var refusals = 0;
            await ChaosScale.UntilAsync(
                async () =>
                {
                    using var response = await weir.Http.PostAsync($$"""{"type": "probe", "payload": {"note": "{{Note}}"} }""");
                    if (response.StatusCode == HttpStatusCode.Accepted)
                        return false; // the log still had room
                    var problem = await response.ReadJsonAsync();
                    Assert.True(response.StatusCode == HttpStatusCode.ServiceUnavailable, $"{response.StatusCode}: {problem}");
                    Assert.Equal("storeUnavailable", problem.Text("code"));
                    Assert.NotNull(response.Headers.RetryAfter);
                    return ++refusals == 20;
                },
                "twenty submissions are refused");
            using (var live = await weir.Http.GetAsync("api/health/live"))
                Assert.Equal(HttpStatusCode.OK, live.StatusCode);

            using (var read = await weir.Http.GetAsync("api/jobs?state=queued"))
                Assert.Equal(HttpStatusCode.OK, read.StatusCode);
            disk.Free();
            var freed = TimeProvider.System.GetTimestamp();
            var after = await weir.Http.SubmitAsync("probe", new { note = "after" }, key: $"after-{round}");
            await weir.Http.FinalAsync(after, ChaosScale.Limit);
            TestContext.Current.SendDiagnosticMessage("disk full: a new job ended {0:0.00} s after there was space", TimeProvider.System.GetElapsedTime(freed).TotalSeconds);
            await load.AssertAllEndedAsync(weir.Http, ChaosScale.Limit);
            TestContext.Current.SendDiagnosticMessage("disk full: all {1} earlier jobs had ended {0:0.00} s after there was space", TimeProvider.System.GetElapsedTime(freed).TotalSeconds, load.Accepted);
        }
    }

    [Fact]
    public async Task On_a_full_disk_it_stops_in_good_order_and_starts_with_what_it_had()
    {
        using var disk = new SmallDisk(megabytes: 24);
        string id;
        await using (var weir = await WeirProcess.StartAsync(app.Functions, disk.Data))
        {
            id = await weir.Http.SubmitAsync("probe", new { effect = "stop", sleepMs = 3_000 });
            await weir.Http.BecomesAsync(id, "running");
            disk.Fill();
            await weir.StopAsync();
            Assert.DoesNotContain("Unhandled exception", weir.Output);
        }
        await DataDirectoryTests.AssertRefusedAsync(disk.Data, $"The data directory {disk.Data} cannot be used");

        disk.Free();
        await using var again = await WeirProcess.StartAsync(app.Functions, disk.Data);
        Assert.Equal("succeeded", (await again.Http.FinalAsync(id, ChaosScale.Limit)).State());
    }
}
