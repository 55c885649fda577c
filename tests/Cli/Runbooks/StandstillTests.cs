using System.Text.Json;
using BlackBox.Tests;
using BlackBox.Tests.Chaos;

namespace Cli.Tests.Runbooks;

/// <summary>Rehearsals of pages for when a process stands still (SIGSTOP, as a paused machine) and goes on.</summary>
public sealed class StandstillTests
{
    /// <summary>Of one round nothing may be left: it was in the middle of a commit for so long that its jobs ended.</summary>
    private const int MostRounds = 5;

    /// <summary>The one of two instances that runs all jobs stands still for longer than its leases, and wakes when the other has done them.</summary>
    [Fact, Trait(Runbook.Trait, "fenced-outcomes")]
    public async Task Attempts_lose_their_jobs_while_they_run()
    {
        using var app = new AppCopy();
        using var data = new DataFolder();
        await using var still = await WeirProcess.StartAsync(app.Functions, data.Path);
        await using var other = await WeirProcess.StartAsync(app.Functions, data.Path);
        var (zombie, weir) = (new Operator(still), new Operator(other));
        var (instance, standby) = (await InstanceAsync(still), await InstanceAsync(other));
        string[] ids = [];
        for (var round = 0; await FencedAsync() <= 5; round++)
        {
            Assert.True(round < MostRounds, $"Only {await FencedAsync()} outcomes are fenced.");
            var effect = $"fenced-{round}";
            (await weir.RunAsync("controls", "set", "instance", standby, "--reason", "the other shall run them all", "--for", "PT10M")).Expect(ExitCode.Ok);
            await DrainedAsync(standby);
            ids = await weir.SubmitAsync(12, $$"""{"effect": "{{effect}}", "sleepMs": 6000}""");
            await Operator.UntilAsync(async () => (await other.Http.EffectsAsync(effect)).GetProperty("starts").GetInt32() >= 8, "most of them run");
            await FreezeAsync(still, weir);
            (await weir.RunAsync("controls", "clear", "instance", standby, "--reason", "the other stands still")).Expect(ExitCode.Ok);
            await weir.SucceedsAsync(ids);
            var lost = Lost(await Task.WhenAll(ids.Select(weir.ShowAsync)), still);
            await still.SignalAsync("CONT");
            await Operator.UntilAsync(async () => await FencedAsync() >= lost, "the zombie is told");
            Assert.Equal(ids.Order(), (await other.Http.EffectsAsync(effect)).GetProperty("jobs").EnumerateArray().Select(one => one.GetProperty("id").GetString()).Order());
        }

        await weir.RunPageAsync("fenced-outcomes", [("INSTANCE", instance), ("JOB", ids[0])],
            ("controls set instance", async run =>
            {
                run.Expect(ExitCode.Ok);
                Assert.Contains("loses its leases", (await weir.RunAsync("instances --json")).Out);
                await DrainedAsync(instance);
            }));
        Assert.DoesNotContain("loses its leases", (await weir.RunAsync("controls list")).Out);
        var fenced = await FencedAsync();
        await weir.SucceedsAsync(await weir.SubmitAsync(8, "{}"));
        Assert.Equal(fenced, await FencedAsync());

        async Task<double> FencedAsync() => (await zombie.MetricAsync("weir_jobs_fenced_total", ("type", "probe"))).Sum();
        async Task<JsonElement[]> InstancesAsync() => [.. (await weir.RunAsync("instances --json")).Json.GetProperty("instances").EnumerateArray()];
        Task DrainedAsync(string id) => Operator.UntilAsync(async () => (await InstancesAsync())
            .Any(one => one.GetProperty("id").GetString() == id && one.GetProperty("drain") is { ValueKind: JsonValueKind.Object } drain && drain.GetProperty("empty").GetBoolean()), $"{id} is drained");

        // It says who it is a moment after its start.
        async Task<string> InstanceAsync(WeirProcess process)
        {
            string? found = null;
            await Operator.UntilAsync(async () => (found = (await InstancesAsync()).Select(one => one.GetProperty("id").GetString()!)
                .FirstOrDefault(id => id.Contains($"-{process.ProcessId}-", StringComparison.Ordinal))) is not null, "the instance is listed");
            return found!;
        }
    }

    /// <summary>The only instance stands still over ten occurrences of a schedule, and then fires them all.</summary>
    [Fact, Trait(Runbook.Trait, "schedules-late")]
    public async Task Schedules_are_late()
    {
        using var data = new DataFolder();
        await using var process = await WeirProcess.StartAsync(data);
        var weir = new Operator(process);
        (await weir.RunAsync("schedules", "put", "each-second", "--type", "probe", "--cron", "* * * * * *", "--time-zone", "Europe/Berlin", "--missed", "all", "--payload", """{"note": "kept"}""")).Expect(ExitCode.Ok);
        await Operator.UntilAsync(async () => await FiredAsync() >= 2, "it fires");
        var late = await LateAsync();
        await process.SignalAsync("STOP");
        await Task.Delay(TimeSpan.FromSeconds(10));
        var before = TimeProvider.System.GetUtcNow();
        await process.SignalAsync("CONT");
        await Operator.UntilAsync(async () => await LateAsync() >= late + 3, "occurrences are fired late");

        await weir.RunPageAsync("schedules-late",
            [("NAME", "each-second"), ("TYPE", "probe"), ("CRON", "* * * * * *"), ("ZONE", "Europe/Berlin"), ("PAYLOAD", """{"note": "kept"}""")],
            ("schedules list", run =>
            {
                Assert.Contains("each-second", run.Expect(ExitCode.Ok).Out);
                return Task.CompletedTask;
            }),
            ("schedules pause", async run =>
            {
                run.Expect(ExitCode.Ok);
                var fired = await FiredAsync();
                await Task.Delay(TimeSpan.FromSeconds(2));
                Assert.Equal(fired, await FiredAsync());
            }));
        var schedule = await ScheduleAsync();
        Assert.Equal(("last", "active", "Europe/Berlin", "kept"), (
            schedule.GetProperty("missed").GetString(), schedule.GetProperty("state").GetString(), schedule.GetProperty("timeZone").GetString(), schedule.GetProperty("payload").GetProperty("note").GetString()));
        await Operator.UntilAsync(async () => (await ScheduleAsync()).GetProperty("last").GetProperty("occurrence").GetDateTimeOffset() > before.AddSeconds(3), "it fires again");
        await Operator.UntilAsync(async () => (await weir.MetricAsync("weir_schedule_overdue_seconds")).All(seconds => seconds == 0), "nothing is overdue");

        async Task<JsonElement> ScheduleAsync() => (await weir.RunAsync("schedules get each-second --json")).Expect(ExitCode.Ok).Json;
        async Task<long> FiredAsync() => (await ScheduleAsync()).GetProperty("fired").GetInt64();
        // Of all that were fired, those that came later than five seconds.
        async Task<double> LateAsync() => (await weir.MetricAsync("weir_schedule_delay_seconds_count")).Sum() - (await weir.MetricAsync("weir_schedule_delay_seconds_bucket", ("le", "5"))).Sum();
    }

    /// <summary>How many jobs it began and did not end.</summary>
    private static int Lost(JsonElement[] jobs, WeirProcess still) => jobs.Count(job => job.GetProperty("attempts").EnumerateArray().SkipLast(1)
        .Any(attempt => attempt.GetProperty("instance").GetString()!.Contains($"-{still.ProcessId}-", StringComparison.Ordinal)));

    /// <summary>Not in the middle of a commit: there it holds the file, and everybody waits (docs/guarantees.md).</summary>
    private static async Task FreezeAsync(WeirProcess still, Operator other)
    {
        for (var tries = 0; tries < 20; tries++)
        {
            await still.SignalAsync("STOP");
            try
            {
                await other.SubmitAsync("probe", "{}").WaitAsync(TimeSpan.FromSeconds(2));
                return;
            }
            catch (Exception) // no answer in time, or 503: it holds the lock of the file
            {
                await still.SignalAsync("CONT");
            }
        }
        Assert.Fail("It was in the middle of a commit twenty times.");
    }
}
