using System.Collections.Concurrent;
using System.Globalization;
using System.Net.Http.Json;
using System.Text.Json;
using System.Xml;

namespace BlackBox.Tests;

/// <summary>
/// More comes than can be done, of every priority. Bulk comes and goes; whoever sends default jobs comes back when he was told to, until he is accepted.
/// WEIR_OVERLOAD_SECONDS=60 makes it five times the drain rate for a minute, and about six minutes long in all.
/// </summary>
[Collection(Alone.Name)]
public sealed class OverloadTests(ITestOutputHelper output)
{
    private static readonly int Seconds = int.Parse(Environment.GetEnvironmentVariable("WEIR_OVERLOAD_SECONDS") ?? "14", CultureInfo.InvariantCulture);

    /// <summary>Of the drain rate.</summary>
    private static readonly int Times = Seconds >= 60 ? 5 : 3;

    /// <summary>Four lanes of jobs that take 350 ms each, and some for what is round them.</summary>
    private const double DrainPerSecond = 10;
    private const int CriticalPerSecond = 10;

    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(12);
    private static readonly string[] Queues = ["critical", "default", "bulk"];

    private readonly ConcurrentQueue<Accepted> accepted = [];
    private readonly ConcurrentQueue<Refused> refused = [];
    private readonly List<Sample> samples = [];
    private readonly List<long> memory = [];

    [Fact]
    public async Task Overload_sheds_bulk_keeps_critical_fast_tells_the_truth_and_goes_back_to_normal()
    {
        using var data = new DataFolder();
        await using var weir = await WeirProcess.StartAsync(data,
            ("Weir__Tenants__default__Lanes__default", "4"), ("Weir__Tenants__default__Lanes__bulk", "4"),
            ("Weir__Pressure__default__Elevated", "00:00:05"), ("Weir__Pressure__default__Saturated", "00:00:12"), ("Weir__Pressure__default__MinDepth", "20"),
            ("Weir__Pressure__bulk__Elevated", "00:00:05"), ("Weir__Pressure__bulk__Saturated", "00:00:12"), ("Weir__Pressure__bulk__MinDepth", "20"));
        using var limit = new CancellationTokenSource(Limit);

        // Instances count in full tens of seconds: a backlog that begins with one of them is known after it.
        await Task.Delay(TimeSpan.FromMilliseconds(10_000 - DateTimeOffset.UtcNow.ToUnixTimeMilliseconds() % 10_000), limit.Token);
        using var over = CancellationTokenSource.CreateLinkedTokenSource(limit.Token);
        var watching = WatchAsync(weir, over.Token);
        await Task.WhenAll(
            OfferAsync(weir.Http, "critical", CriticalPerSecond, sleepMs: 10, returns: false, limit.Token),
            OfferAsync(weir.Http, "default", Times * DrainPerSecond, sleepMs: 350, returns: true, limit.Token),
            OfferAsync(weir.Http, "bulk", Times * DrainPerSecond, sleepMs: 350, returns: false, limit.Token));
        await UntilNormalAsync(limit.Token);
        await over.CancelAsync();
        await watching;

        var jobs = await EndedAsync(weir.Http);
        Report(jobs);
        Assert.All(jobs, job => Assert.Equal("succeeded", job.State));
        AssertCriticalIsFast(jobs);
        AssertRefusals();
        AssertEstimates(jobs);
        AssertMemory();
        AssertCalm();
    }

    /// <summary>At most 1 % of the critical jobs waited for a second.</summary>
    private static void AssertCriticalIsFast(Job[] jobs)
    {
        var waits = jobs.Where(job => job.Of.Queue == "critical").Select(job => job.Wait).Order().ToArray();
        Assert.True(waits.Length >= CriticalPerSecond * Seconds * 0.9, $"Only {waits.Length} critical jobs were accepted.");
        Assert.True(Percentile(waits, 0.99) < TimeSpan.FromSeconds(1), $"p99 of critical is {Percentile(waits, 0.99)}.");
    }

    private void AssertRefusals()
    {
        Assert.DoesNotContain(refused, one => one.Queue == "critical");
        var bulk = refused.Where(one => one.Queue == "bulk").ToArray();
        Assert.NotEmpty(bulk);
        Assert.All(bulk, one =>
        {
            Assert.Equal((429, "underPressure", "bulk"), (one.Status, one.Problem.GetProperty("code").GetString(), one.Problem.GetProperty("queue").GetString()));
            Assert.Contains(one.Problem.GetProperty("reason").GetString(), new[] { "saturated", "beyondShare" });
            Assert.Contains(one.Problem.GetProperty("pressure").GetString(), new[] { "saturated", "elevated" });
            Assert.True(one.EstimatedWait > TimeSpan.Zero);
            Assert.True(one.RetryAfter > TimeSpan.Zero);
        });
        // Those who were refused in one second are told many different ones.
        var most = refused.GroupBy(one => Math.Ceiling((one.At + one.RetryAfter).ToUnixTimeMilliseconds() / 1_000.0)).Max(second => second.Count());
        Assert.True(refused.Count < 50 || most < refused.Count / 4, $"{most} of {refused.Count} were told the same second.");
    }

    /// <summary>What a refusal or GET /api/queues said, beside what the jobs waited that were accepted at that moment.</summary>
    private void AssertEstimates(Job[] jobs)
    {
        var said = refused.Where(one => one.Queue == "default").Select(one => (one.At, one.Queue, Wait: one.EstimatedWait))
            .Concat(samples.Where(one => one.Queue != "critical" && one.Depth >= 40 && one.EstimatedWait is not null).Select(one => (At: one.AsOf, one.Queue, Wait: one.EstimatedWait!.Value)));
        var ratios = new List<double>();
        foreach (var (at, queue, wait) in said)
        {
            var waited = jobs.Where(job => job.Of.Queue == queue && (job.Of.At - at).Duration() < TimeSpan.FromSeconds(1)).Select(job => job.Wait).Order().ToArray();
            if (waited.Length > 0)
                ratios.Add(wait / Percentile(waited, 0.5));
        }
        ratios.Sort();
        output.WriteLine($"estimates: {ratios.Count}, said/waited p5 {ratios[ratios.Count / 20]:0.00} p50 {ratios[ratios.Count / 2]:0.00} p95 {ratios[ratios.Count * 19 / 20]:0.00}");
        Assert.True(ratios.Count(ratio => ratio is > 0.5 and < 2) >= 0.9 * ratios.Count, "More than a tenth of the estimates were wrong by more than a factor of 2.");
    }

    /// <summary>What the process holds at the end is not more than it held in the middle of the overload, and some for what a collector leaves.</summary>
    private void AssertMemory()
    {
        var (middle, end) = (memory.Skip(memory.Count / 3).Take(Math.Max(memory.Count / 3, 1)).Average(), memory.TakeLast(Math.Max(memory.Count / 6, 1)).Average());
        output.WriteLine($"memory: {memory[0] >> 20} MB at first, {middle / (1 << 20):0} MB in the middle, {end / (1 << 20):0} MB at the end, {memory.Max() >> 20} MB at most");
        Assert.True(end < middle * 1.3 + (32 << 20), "The process has grown.");
    }

    /// <summary>Normal in the end, and on the way there the level did not rise again more than twice.</summary>
    private void AssertCalm()
    {
        foreach (var queue in new[] { "default", "bulk" })
        {
            var levels = samples.Where(one => one.Queue == queue).Select(one => one.Level).Aggregate(new List<string>(), (path, level) =>
            {
                if (path.LastOrDefault() != level)
                    path.Add(level);
                return path;
            });
            output.WriteLine($"levels of {queue}: {string.Join(" → ", levels)}");
            Assert.Equal(("normal", "normal"), (levels[0], levels[^1]));
            Assert.Contains("saturated", levels);
            var rises = levels.Skip(levels.IndexOf("saturated")).Zip(levels.Skip(levels.IndexOf("saturated") + 1)).Count(step => Rank(step.Second) > Rank(step.First));
            Assert.True(rises <= 2, $"The level of {queue} rose {rises} times after its height.");
        }
    }

    private void Report(Job[] jobs)
    {
        foreach (var queue in Queues)
        {
            var waits = jobs.Where(job => job.Of.Queue == queue).Select(job => job.Wait).Order().ToArray();
            output.WriteLine($"{queue}: {waits.Length} accepted, {refused.Count(one => one.Queue == queue)} refusals; waited p50 {Percentile(waits, 0.5).TotalSeconds:0.000} s, p99 {Percentile(waits, 0.99).TotalSeconds:0.000} s, at most {waits[^1].TotalSeconds:0.000} s");
        }
        output.WriteLine($"{(jobs.Max(job => job.Of.At) - jobs.Min(job => job.Of.At)).TotalSeconds:0} s from the first to the last acceptance");
    }

    private async Task OfferAsync(HttpClient http, string queue, double perSecond, int sleepMs, bool returns, CancellationToken cancellation)
    {
        var begin = DateTimeOffset.UtcNow;
        var requests = new List<Task>();
        for (var number = 0; number < perSecond * Seconds; number++)
        {
            var wait = begin + TimeSpan.FromSeconds(number / perSecond) - DateTimeOffset.UtcNow;
            if (wait > TimeSpan.Zero)
                await Task.Delay(wait, cancellation);
            requests.Add(SubmitAsync(http, queue, sleepMs, returns, cancellation));
        }
        await Task.WhenAll(requests);
    }

    private async Task SubmitAsync(HttpClient http, string queue, int sleepMs, bool returns, CancellationToken cancellation)
    {
        var body = JsonSerializer.Serialize(new { type = "probe", priority = queue, payload = new { sleepMs } });
        while (true)
        {
            using var response = await http.PostAsync(body);
            var (now, answer) = (DateTimeOffset.UtcNow, await response.ReadJsonAsync());
            if ((int)response.StatusCode == 202)
            {
                accepted.Enqueue(new Accepted(answer.GetProperty("id").GetString()!, queue, now));
                return;
            }
            Assert.True((int)response.StatusCode is 429 or 503, $"{response.StatusCode}: {answer}");
            var one = new Refused(now, queue, (int)response.StatusCode, answer, response.Headers.RetryAfter!.Delta!.Value, response.Headers.TryGetValues("Weir-Pressure", out var header) ? string.Join(',', header) : null);
            Assert.Equal(answer.GetProperty("pressure").GetString(), one.Header);
            refused.Enqueue(one);
            if (!returns)
                return;
            await Task.Delay(one.RetryAfter, cancellation);
        }
    }

    private async Task WatchAsync(WeirProcess weir, CancellationToken over)
    {
        try
        {
            while (true)
            {
                var view = await weir.Http.GetFromJsonAsync<JsonElement>("api/queues", over);
                foreach (var queue in view.GetProperty("queues").EnumerateArray())
                {
                    lock (samples)
                        samples.Add(new Sample(
                            view.GetProperty("asOf").GetDateTimeOffset(), queue.GetProperty("queue").GetString()!, queue.GetProperty("pressure").GetString()!, queue.GetProperty("depth").GetInt64(),
                            queue.TryGetProperty("estimatedWait", out var wait) ? XmlConvert.ToTimeSpan(wait.GetString()!) : null));
                }
                var status = await File.ReadAllLinesAsync($"/proc/{weir.ProcessId}/status", over);
                memory.Add(long.Parse(status.Single(line => line.StartsWith("VmRSS:", StringComparison.Ordinal)).Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture) * 1024);
                await Task.Delay(500, over);
            }
        }
        catch (OperationCanceledException) when (over.IsCancellationRequested)
        {
            // All is over.
        }
    }

    private async Task UntilNormalAsync(CancellationToken cancellation)
    {
        while (true)
        {
            lock (samples)
            {
                var last = samples.TakeLast(Queues.Length).ToArray();
                if (last.Length == Queues.Length && last.All(one => one is { Level: "normal", Depth: 0 }))
                    return;
            }
            await Task.Delay(200, cancellation);
        }
    }

    private async Task<Job[]> EndedAsync(HttpClient http)
    {
        var jobs = new List<Job>();
        foreach (var some in accepted.Chunk(16))
        {
            jobs.AddRange(await Task.WhenAll(some.Select(async one =>
            {
                var job = await http.FinalAsync(one.Id);
                return new Job(one, job.GetProperty("state").GetString()!, job.GetProperty("startedAt").GetDateTimeOffset() - job.GetProperty("submittedAt").GetDateTimeOffset());
            })));
        }
        return [.. jobs];
    }

    private static TimeSpan Percentile(TimeSpan[] sorted, double share) => sorted[Math.Min((int)(sorted.Length * share), sorted.Length - 1)];

    private static int Rank(string level) => Array.IndexOf(["normal", "elevated", "saturated"], level);

    private sealed record Accepted(string Id, string Queue, DateTimeOffset At);

    private sealed record Refused(DateTimeOffset At, string Queue, int Status, JsonElement Problem, TimeSpan RetryAfter, string? Header)
    {
        public TimeSpan EstimatedWait => XmlConvert.ToTimeSpan(Problem.GetProperty("estimatedWait").GetString()!);
    }

    private sealed record Sample(DateTimeOffset AsOf, string Queue, string Level, long Depth, TimeSpan? EstimatedWait);

    private sealed record Job(Accepted Of, string State, TimeSpan Wait);
}
