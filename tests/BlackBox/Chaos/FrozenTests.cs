namespace BlackBox.Tests.Chaos;

/// <summary>SIGSTOP, as a paused virtual machine: the zombie that wakes when everybody has gone on without it.</summary>
public sealed class FrozenTests(AppCopy app) : IClassFixture<AppCopy>
{
    private const int Jobs = 16;

    [Fact]
    public async Task A_zombie_that_wakes_after_its_lock_and_lease_is_fenced_and_every_job_has_one_effect_and_one_end()
    {
        using var data = new DataFolder();
        await using var zombie = await StartAsync(data);
        for (var round = 0; round < ChaosScale.Rounds; round++)
        {
            await using var heir = await StartAsync(data);
            var effect = $"zombie-{round}";
            var ids = await Task.WhenAll(Enumerable.Range(0, Jobs).Select(number => heir.Http.SubmitAsync("probe", new { effect, sleepMs = 2_500 }, key: $"{effect}-{number}")));
            await ChaosScale.UntilAsync(async () => (await heir.Http.EffectsAsync(effect)).GetProperty("starts").GetInt32() >= Jobs / 2, "half of the jobs run");
            await FreezeAsync(zombie, heir);
            var frozen = TimeProvider.System.GetTimestamp();

            var lost = new List<string>();
            foreach (var id in ids)
            {
                var attempts = (await heir.Http.FinalAsync(id, ChaosScale.Limit)).GetProperty("attempts").EnumerateArray().ToArray();
                Assert.Equal("succeeded", attempts[^1].Text("outcome"));
                Assert.All(attempts[..^1], attempt => Assert.Equal("workerLost", attempt.Text("outcome")));
                if (!attempts[..^1].Any(attempt => attempt.Text("instance")!.Contains($"-{zombie.ProcessId}-", StringComparison.Ordinal)))
                    continue;
                lost.Add(id);
            }
            Assert.NotEmpty(lost);
            TestContext.Current.SendDiagnosticMessage("frozen: {0} jobs of 2.5 s ended elsewhere {1:0.0} s after the freeze", lost.Count, TimeProvider.System.GetElapsedTime(frozen).TotalSeconds);

            var ended = await Task.WhenAll(ids.Select(heir.Http.ShowAsync));
            await zombie.SignalAsync("CONT");
            await ChaosScale.UntilAsync(() => Task.FromResult(lost.All(id => zombie.Output.Contains($"of job {id} (probe) is fenced", StringComparison.Ordinal))), "the zombie is told that it is fenced");
            Assert.Equal(ended.Select(job => job.Ending()), (await Task.WhenAll(ids.Select(zombie.Http.ShowAsync))).Select(job => job.Ending()));
            var effects = (await heir.Http.EffectsAsync(effect)).GetProperty("jobs").EnumerateArray().Select(one => one.Text("id"));
            Assert.Equal(ids.Order(), effects.Order());

            // It has come back whole.
            await heir.StopAsync();
            var after = await zombie.Http.SubmitAsync("probe", new { effect = $"after-{round}" });
            Assert.Equal("succeeded", (await zombie.Http.FinalAsync(after, ChaosScale.Limit)).State());
        }
    }

    private Task<WeirProcess> StartAsync(DataFolder data) => WeirProcess.StartAsync(app.Functions, data.Path);

    /// <summary>Not in the middle of a commit: there it holds the file, and everybody waits (docs/guarantees.md).</summary>
    private static async Task FreezeAsync(WeirProcess zombie, WeirProcess other)
    {
        for (var tries = 0; tries < 20; tries++)
        {
            await zombie.SignalAsync("STOP");
            try
            {
                await other.Http.SubmitAsync("probe", new { note = "is the file free?" }, key: $"free-{zombie.ProcessId}-{tries}").WaitAsync(TimeSpan.FromSeconds(1));
                return;
            }
            catch (TimeoutException)
            {
                await zombie.SignalAsync("CONT");
            }
        }
        Assert.Fail("It was in the middle of a commit twenty times.");
    }
}
