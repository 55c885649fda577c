using System.Globalization;
using System.Net.Http.Json;
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
/// them from the statistics), with what a lane needs between two jobs.
/// </summary>
[Collection(Alone.Name)]
public sealed class PredictionTests(ITestOutputHelper output) : IAsyncLifetime
{
    private const int Lanes = 8;
    private const int SleepMs = 250;
    private const double Utilisation = 0.5;

    /// <summary>About; what it is, the run tells.</summary>
    private const int BetweenMs = 15;
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
        const double Rate = Utilisation * Lanes * 1_000 / (SleepMs + BetweenMs);
        await RunAsync("submit", "probe", "--wait", "60s"); // what is compiled on the way is compiled
        await RunAsync("load", "--rate", Rate.ToString(CultureInfo.InvariantCulture), "--duration", $"{Seconds}s", "--payload", $$"""{"sleepMs": {{SleepMs}}}""", "--wait", "60s", "--sample", "100000", "--seed", "5");
        var jobs = await JobsAsync();

        var (between, idle) = (Mean(jobs.Where(job => job.Waited).Select(job => job.AfterTheOneBefore)), Mean(jobs.Where(job => !job.Waited).Select(job => job.Wait)));
        var service = ServiceTimes.Measured([.. jobs.Select(job => Math.Ceiling((job.Run + between).TotalMilliseconds)).GroupBy(ms => ms, (ms, some) => (TimeSpan.FromMilliseconds(ms), (long)some.Count()))]);
        var runs = Enumerable.Range(1, 200).Select(seed => QueueSimulation.Run(new Scenario
        {
            Queues = [new QueueLoad("default", Rate, service) { Lanes = new LaneRules(Tenants: 1, EachTenant: Lanes) }],
            Fleet = new Fleet(SessionsPerInstance: 64, Instances: 1),
            Duration = TimeSpan.FromSeconds(Seconds),
            Seed = seed,
        }).Queues[0].Wait).ToArray();

        output.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"A job holds its lane for {service.Mean * 1_000:0.0} ms ({SleepMs} of them asleep, {between.TotalMilliseconds:0.0} after its end), and comes to a free one in {idle.TotalMilliseconds:0.0} ms; {Rate:0.0} a second for {Seconds} s over {Lanes} lanes, {jobs.Count} jobs."));
        var free = 1 - Rate * service.Mean / Lanes;
        Compare("mean", Mean(jobs.Select(job => job.Wait)).TotalMilliseconds, runs.Select(run => (run.Mean + free * idle).TotalMilliseconds));
        Compare("p95", jobs.Select(job => job.Wait.TotalMilliseconds).Order().ElementAt((int)(0.95 * jobs.Count)), runs.Select(run => run.Percentile(0.95).TotalMilliseconds));
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

    /// <summary>The jobs of the load, each with the one before it on its lane.</summary>
    private async Task<IReadOnlyList<Job>> JobsAsync()
    {
        var ids = (await RunAsync("list", "--limit", "100000")).GetProperty("jobs").EnumerateArray().Select(job => job.GetProperty("id").GetString()!).ToArray();
        var found = new List<(string Lane, DateTimeOffset Submitted, DateTimeOffset Started, DateTimeOffset Finished)>();
        foreach (var id in ids)
        {
            var job = await weir.Http.GetFromJsonAsync<JsonElement>($"api/jobs/{id}");
            found.Add((job.GetProperty("lane").GetString()!, job.GetProperty("submittedAt").GetDateTimeOffset(), job.GetProperty("startedAt").GetDateTimeOffset(), job.GetProperty("finishedAt").GetDateTimeOffset()));
        }
        return
        [
            .. from lane in found.GroupBy(job => job.Lane)
               let sorted = lane.OrderBy(job => job.Started).ToArray()
               from pair in sorted.Zip(sorted.Skip(1))
               let job = pair.Second
               select new Job(job.Started - job.Submitted, job.Finished - job.Started, job.Submitted < pair.First.Finished, job.Started - pair.First.Finished),
        ];
    }

    private static TimeSpan Mean(IEnumerable<TimeSpan> times) => TimeSpan.FromSeconds(times.Average(time => time.TotalSeconds));

    private async Task<JsonElement> RunAsync(params string[] args) =>
        (await CommandRun.OfAsync([.. args, "--json", "--server", $"{weir.Http.BaseAddress}"], new Dictionary<string, string>(), "")).Expect(ExitCode.Ok).Json;

    /// <param name="Waited">The one before it still ran when it came.</param>
    private sealed record Job(TimeSpan Wait, TimeSpan Run, bool Waited, TimeSpan AfterTheOneBefore);
}
