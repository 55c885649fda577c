using System.Diagnostics;

namespace Bench.Measures;

/// <summary>
/// The queue is filled by an app that runs nothing; then one that runs 50 jobs at a time is started on it. Counted from the first handler's start until the
/// queue holds no unsettled message, which is after the last outcome is on record.
/// </summary>
internal static class Drain
{
    private static readonly TimeSpan Longest = TimeSpan.FromMinutes(8);

    public static async Task<Dictionary<string, double>> RunAsync(RunOptions run)
    {
        var waiting = Math.Max(run.Waiting, run.Jobs);
        await using (var filling = await App.StartAsync(run.Data, runs: false))
        {
            await Fill.Async(filling, run.Type, waiting, run.Tenants);
            Check.That(await filling.UnsettledAsync() == waiting, "the queue is filled");
        }
        await QuietAsync();
        return run.Instances > 1 ? await ByManyAsync(run, waiting) : await ByOneAsync(run, waiting);
    }

    private static async Task<Dictionary<string, double>> ByOneAsync(RunOptions run, int waiting)
    {
        var (started, before) = (TimeProvider.System.GetTimestamp(), Usage.Now());
        await using var app = run.Tenants > 1 ? await App.StartAsync(run.Data, runs: true, App.Concurrency) : await App.StartAsync(run.Data, runs: true);
        app.Tally.Expect(waiting, run.Jobs);
        await app.Tally.All.WaitAsync(Longest);
        while (waiting == run.Jobs && await app.UnsettledAsync() > 0)
            await Task.Delay(2);
        var figures = Figures.Of(
            run.Jobs, TimeProvider.System.GetElapsedTime(app.Tally.First).TotalSeconds, Usage.Now().Since(before), ("startup_ms", TimeProvider.System.GetElapsedTime(started, app.Tally.First).TotalMilliseconds));
        if (waiting == run.Jobs)
            await Check.AllRanOnceAsync(app, run, run.Jobs);
        else
            Check.That(app.Tally.Runs.All(count => count <= 1), "no job had two effects");
        return figures;
    }

    /// <summary>Several processes on one data directory; each says when its first job ran, and at its end how many did.</summary>
    private static async Task<Dictionary<string, double>> ByManyAsync(RunOptions run, int waiting)
    {
        var started = TimeProvider.System.GetTimestamp();
        var others = Enumerable.Range(1, run.Instances).Select(number => Process.Start(Child.CommandOf(run with { Measure = "instance", Instance = number, Waiting = waiting }))!).ToArray();
        var outputs = others.Select(process => process.StandardOutput.ReadToEndAsync()).ToArray();
        try
        {
            await using var watching = await App.StartAsync(run.Data, runs: false);
            while (await watching.UnsettledAsync() == waiting && TimeProvider.System.GetElapsedTime(started) < Longest && others.All(process => !process.HasExited))
                await Task.Delay(2);
            var first = TimeProvider.System.GetTimestamp();
            while (await watching.UnsettledAsync() > 0 && TimeProvider.System.GetElapsedTime(first) < Longest && others.All(process => !process.HasExited))
                await Task.Delay(5);
            var seconds = TimeProvider.System.GetElapsedTime(first).TotalSeconds;
            foreach (var process in others)
                process.StandardInput.Close();
            var ran = (await Task.WhenAll(outputs)).Sum(output => int.Parse(output.Split("RAN ")[1].Split('\n')[0]));
            Check.That(ran == waiting, $"each job had one effect in all instances together: {ran} of {waiting}");
            var receipts = await Check.ReceiptsAsync(watching);
            Check.That(receipts.GetValueOrDefault(("Succeeded", 1)) == waiting && receipts.Count == 1, "every receipt is final");
            return new() { ["jobs"] = waiting, ["seconds"] = seconds, ["jobs_per_s"] = waiting / seconds, ["startup_ms"] = TimeProvider.System.GetElapsedTime(started, first).TotalMilliseconds };
        }
        finally
        {
            foreach (var process in others.Where(process => !process.HasExited))
                process.Kill();
        }
    }

    public static async Task<Dictionary<string, double>> RunInstanceAsync(RunOptions run)
    {
        await using var app = await App.StartAsync(run.Data, runs: true);
        app.Tally.Expect(run.Waiting, run.Waiting);
        await Console.In.ReadToEndAsync();
        Console.WriteLine($"RAN {app.Tally.Runs.Sum()}");
        return [];
    }

    /// <summary>What the fill wrote is on the disk before the clock starts.</summary>
    private static async Task QuietAsync()
    {
        using (var sync = Process.Start("sync"))
            await sync.WaitForExitAsync();
        GC.Collect();
        await Task.Delay(500);
    }
}
