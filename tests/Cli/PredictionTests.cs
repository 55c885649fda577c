using System.Globalization;
using System.Text.Json;
using BlackBox.Tests;
using Capacity;
using Capacity.Simulation;

namespace Cli.Tests;

[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class Alone
{
    public const string Name = "Alone on the machine";
}

/// <summary>
/// How long jobs wait in a real process under arrivals at random, and what the simulation says: from the rate, the lanes, and the service times as the same run measured them (as GET /api/capacity takes
/// them from the statistics). What a lane needs between two jobs, and a job to a free one, is measured before.
/// </summary>
[Collection(Alone.Name)]
public sealed class PredictionTests(ITestOutputHelper output) : IAsyncLifetime
{
    private const int Lanes = 8;
    private const int SleepMs = 250;
    private const double Utilisation = 0.5;
    private const double Tolerance = 0.2;

    /// <summary>A run so long is sure enough to be compared with the mean prediction itself.</summary>
    private const int Long = 200;

    private static readonly int Seconds = int.TryParse(Environment.GetEnvironmentVariable("WEIR_PREDICTION_SECONDS"), out var seconds) ? seconds : 6;

    private readonly DataFolder data = new();
    private WeirProcess weir = null!;

    public async ValueTask InitializeAsync() => weir = await WeirProcess.StartAsync(data, ("Weir__Lanes", $"{Lanes}"));

    public async ValueTask DisposeAsync()
    {
        await weir.DisposeAsync();
        data.Dispose();
    }

    /// <summary>
    /// A short run may by chance be off by more than 20 %: two hundred simulations of the same length say by how much, and the measured figures must lie among theirs, with 20 % to either side.
    /// </summary>
    [Fact]
    public async Task Predictions_hold_against_a_real_run_within_20_percent()
    {
        var (between, idle) = (await BetweenAsync(), await IdleWaitAsync());
        var rate = Utilisation * Lanes / (TimeSpan.FromMilliseconds(SleepMs) + between).TotalSeconds;

        var report = (await RunAsync(
            "load", "--rate", rate.ToString(CultureInfo.InvariantCulture), "--duration", $"{Seconds}s", "--payload", $$"""{"sleepMs": {{SleepMs}}}""", "--wait", "60s", "--sample", "100000", "--seed", "5"))
            .GetProperty("jobs");
        var service = TimeSpan.FromMilliseconds(report.GetProperty("run").GetProperty("meanMs").GetDouble()) + between;
        var runs = Enumerable.Range(1, 200).Select(seed => QueueSimulation.Run(new Scenario
        {
            Queues = [new QueueLoad("default", rate, ServiceTimes.Fixed(service)) { Lanes = new LaneRules(Tenants: 1, EachTenant: Lanes) }],
            Fleet = new Fleet(SessionsPerInstance: 64, Instances: 1),
            Duration = TimeSpan.FromSeconds(Seconds),
            Seed = seed,
        }).Queues[0].Wait).ToArray();

        output.WriteLine($"A job holds its lane for {service.TotalMilliseconds:0.0} ms ({SleepMs} of them asleep, {between.TotalMilliseconds:0.0} after its end), and comes to a free one in {idle.TotalMilliseconds:0.0} ms; {rate:0.0} a second for {Seconds} s over {Lanes} lanes.");
        Compare("mean", report.GetProperty("wait").GetProperty("meanMs").GetDouble(), runs.Select(run => (run.Mean + idle).TotalMilliseconds));
        Compare("p95", report.GetProperty("wait").GetProperty("p95Ms").GetDouble(), runs.Select(run => (run.Percentile(0.95) + idle).TotalMilliseconds));
    }

    private void Compare(string what, double measured, IEnumerable<double> simulated)
    {
        var sorted = simulated.Order().ToArray();
        var (low, mean, high) = (sorted[1], sorted.Average(), sorted[^2]);
        output.WriteLine($"{what}: predicted {mean:0.0} ms ({low:0.0} to {high:0.0} in runs of this length), measured {measured:0.0} ms, {measured / mean - 1:+0.0%;-0.0%}");
        Assert.InRange(measured, (1 - Tolerance) * low, (1 + Tolerance) * high);
        if (Seconds >= Long)
            Assert.InRange(measured / mean, 1 - Tolerance, 1 + Tolerance);
    }

    /// <summary>From one job's end to the next one's start on a lane that never runs empty: the outcome, the settlement, the next message, the claim.</summary>
    private async Task<TimeSpan> BetweenAsync()
    {
        const int Jobs = 10;
        var ids = new List<string>();
        for (var number = 0; number < Jobs; number++)
            ids.Add((await RunAsync("submit", "probe", "--payload", """{"sleepMs": 100}""", "--ordering-key", "one lane")).GetProperty("id").GetString()!);
        var times = new List<(DateTimeOffset Start, DateTimeOffset End)>();
        foreach (var id in ids)
        {
            var job = await RunAsync("get", id, "--wait", "60s");
            times.Add((job.GetProperty("startedAt").GetDateTimeOffset(), job.GetProperty("finishedAt").GetDateTimeOffset()));
        }
        times.Sort();
        return Middle(times.Zip(times.Skip(1), (one, next) => next.Start - one.End));
    }

    private static TimeSpan Middle(IEnumerable<TimeSpan> times)
    {
        var sorted = times.Order().ToArray();
        return sorted[sorted.Length / 2];
    }

    private async Task<TimeSpan> IdleWaitAsync()
    {
        var waits = new List<TimeSpan>();
        for (var number = 0; number < 9; number++)
        {
            var job = await RunAsync("submit", "probe", "--wait", "60s");
            waits.Add(job.GetProperty("startedAt").GetDateTimeOffset() - job.GetProperty("submittedAt").GetDateTimeOffset());
        }
        return Middle(waits);
    }

    private async Task<JsonElement> RunAsync(params string[] args) =>
        (await CommandRun.OfAsync([.. args, "--json", "--server", $"{weir.Http.BaseAddress}"], new Dictionary<string, string>(), "")).Expect(ExitCode.Ok).Json;
}
