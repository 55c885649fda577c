using System.CommandLine;
using Capacity;
using Cli.Load;
using Spectre.Console;

namespace Cli.Commands;

/// <summary>weir load: an open loop of submissions.</summary>
internal static class LoadCommand
{
    private const double MostPerSecond = 100_000;

    public static Command Of(Verbs verbs)
    {
        var rate = new Option<double>("--rate") { Description = "Arrivals a second, whether or not those before were answered.", Required = true, HelpName = "N" };
        var duration = new Option<string>("--duration") { Description = "For how long, such as 60s.", Required = true, HelpName = "DURATION" };
        var type = new Option<string>("--type") { Description = "The job type; probe unless given.", HelpName = "NAME", DefaultValueFactory = _ => "probe" };
        var payload = Verbs.Text("--payload", "JSON, @file, or -; {} unless given.", "JSON");
        var tenants = Verbs.Whole("--tenants", "Arrivals take turns as so many tenants, load-1, load-2, …");
        var mix = Verbs.Text("--mix", "Arrivals by queue, such as critical=1,default=5,bulk=4; the type's own queue unless given.", "WEIGHTS");
        var even = Verbs.Flag("--even", "At even distances; at random (Poisson) without it.");
        var honour = Verbs.Flag("--honour-retry-after", "Who is refused comes again after Retry-After, with an Idempotency-Key; without it a refusal is the end.");
        var inFlight = Verbs.Whole("--max-in-flight", "Requests without an answer; arrivals beyond it are counted as not sent. 1,000 unless given.");
        var wait = Verbs.Text("--wait", "Then wait so long for the jobs' ends, and report how long they waited and ran.", "DURATION");
        var sample = Verbs.Whole("--sample", "Of how many jobs, evenly drawn; 500 unless given.");
        var seed = Verbs.Whole("--seed", "The same seed gives the same arrivals.");
        var remote = Verbs.Flag("--allow-remote", "Also against a server that is not on this machine.");
        return verbs.Of("load", "Sends jobs at a rate, and reports what became of them.", [rate, duration, type, payload, tenants, mix, even, honour, inFlight, wait, sample, seed, remote], async (run, cancellation) =>
        {
            if (run.Get(rate) is not (> 0 and <= MostPerSecond))
                throw new UsageException($"--rate is a number above 0, up to {MostPerSecond:N0}.");
            if (!Durations.TryRead(run.Get(duration)!, out var length) || length <= TimeSpan.Zero || length > TimeSpan.FromDays(1))
                throw new UsageException("--duration is a duration up to a day, such as 60s or PT1M.");
            var plan = new LoadPlan(
                run.Get(rate), length, run.Get(type)!, await run.JsonAsync(run.Get(payload) ?? "{}", "The payload", cancellation) ?? default, TenantsOf(run, Ranged(run, tenants, 10_000) ?? 1), MixOf(run.Get(mix)))
            {
                IsRandom = !run.Get(even),
                HonoursRetryAfter = run.Get(honour),
                MostInFlight = Ranged(run, inFlight, 20_000) ?? 1_000,
            };
            var waits = run.Get(wait) is { } text ? JobCommands.WaitOf(text) : (TimeSpan?)null;
            var mostOfSample = waits is null ? 0 : Ranged(run, sample, 100_000) ?? 500;
            var chance = run.Get(seed) is { } given ? new Random(given) : run.Surroundings.Chance;

            using var server = run.Open(plan.MostInFlight);
            if (!server.Address.IsLoopback && !run.Get(remote))
                throw new UsageException($"{server.Address.Host} is not this machine: --allow-remote if that is meant.");
            return await RunAsync(run, plan, server, mostOfSample, waits, chance, cancellation);
        });
    }

    private static async Task<int> RunAsync(Run run, LoadPlan plan, WeirServer server, int sample, TimeSpan? waits, Random chance, CancellationToken cancellation)
    {
        var figures = new LoadFigures();
        var load = new LoadRun(server, plan, figures, sample, run.Surroundings.Clock, chance);
        var isInterrupted = false;
        try
        {
            await WithProgressAsync(run, plan, figures, load, cancellation);
        }
        catch (OperationCanceledException)
        {
            isInterrupted = true; // what is done is told all the same
        }
        var report = figures.Report(load.Elapsed);
        if (waits is { } limit && !isInterrupted)
        {
            run.Screen.Note($"Waiting for the ends of {figures.Sample.Count} jobs.");
            using var quiet = run.Open(64);
            report = report with { Jobs = await new JobEnds(quiet, run.Surroundings.Clock).FollowAsync(figures.Sample, limit, cancellation) };
        }
        run.Screen.Show(Json.Of(report), console => Show(console, report));
        return isInterrupted ? ExitCode.Interrupted : figures.Answered == 0 && report.Requests > 0 ? ExitCode.NotReachable : ExitCode.Ok;
    }

    private static async Task WithProgressAsync(Run run, LoadPlan plan, LoadFigures figures, LoadRun load, CancellationToken cancellation)
    {
        if (!run.Screen.IsLive)
        {
            await load.RunAsync(cancellation);
            return;
        }
        await run.Screen.Error.Status().StartAsync("Sending", async status =>
        {
            using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(500), run.Surroundings.Clock);
            var running = load.RunAsync(cancellation);
            while (!running.IsCompleted)
            {
                var now = figures.Report(load.Elapsed);
                status.Status(Markup.Escape(
                    $"{now.Seconds:0} of {plan.Duration.TotalSeconds:0} s: {now.Requests} sent ({now.RequestsPerSecond:0}/s), {now.Accepted} accepted, {now.Refused.Values.Sum()} refused, {now.Failed.Values.Sum()} failed, {now.NotSent} not sent, {now.InFlight} in flight, p99 {now.Latency.P99Ms:0} ms"));
                await Task.WhenAny(running, timer.WaitForNextTickAsync(CancellationToken.None).AsTask());
            }
            await running;
        });
    }

    private static IReadOnlyList<string?> TenantsOf(Run run, int tenants)
    {
        if (tenants == 1)
            return [run.Tenant];
        return run.Tenant is null ? [.. Enumerable.Range(1, tenants).Select(number => $"load-{number}")] : throw new UsageException("--tenants makes up tenants of its own: leave --tenant and WEIR_TENANT out.");
    }

    private static IReadOnlyList<(string, double)> MixOf(string? text)
    {
        if (text is null)
            return [];
        return QueueMix.TryRead(text, out var mix) ? [.. mix.Select(one => ($"{one.Priority}".ToLowerInvariant(), one.Weight))] : throw new UsageException($"--{QueueMix.Expected}");
    }

    private static int? Ranged(Run run, Option<int?> option, int most) => run.Get(option) is { } number
        ? number >= 1 && number <= most ? number : throw new UsageException($"{option.Name} is from 1 to {most:N0}.")
        : null;

    private static void Show(IAnsiConsole console, LoadReport report)
    {
        console.WriteLine($"{report.Arrivals} arrivals in {report.Seconds:0.0} s; {report.Requests} requests sent ({report.RequestsPerSecond:0.0} a second), at most {report.MostInFlight} at once.");
        console.WriteLine($"{report.Accepted} accepted, {report.Refused.Values.Sum()} refused{By(report.Refused)}, {report.Failed.Values.Sum()} failed{By(report.Failed)}, {report.NotSent} not sent for want of room, {report.GaveUp} gave up.");
        if (report.InFlight + report.Waiting > 0)
            console.WriteLine($"Not over yet: {report.InFlight} without an answer, {report.Waiting} waiting to come again.");
        var table = new Table().Border(TableBorder.Simple);
        foreach (var header in new[] { "ms", "count", "mean", "p50", "p90", "p95", "p99", "p99.9", "longest" })
            table.AddColumn(header);
        Row("answer, from when it was to be sent", report.Latency);
        Row("answer, from when it was sent", report.LatencyOfAnswers);
        if (report.Jobs is { } jobs)
        {
            Row("job: wait for its first attempt", jobs.Wait);
            Row("job: run", jobs.Run);
            Row("job: end to end", jobs.EndToEnd);
        }
        console.Write(table);
        if (report.Jobs is { } followed)
            console.WriteLine($"Of {followed.Followed} jobs followed: {string.Join(", ", followed.States.Select(one => $"{one.Value} {one.Key}"))}.");

        void Row(string name, LatencyView times) => table.AddRow(
            name, $"{times.Count}", $"{times.MeanMs:0.0}", $"{times.P50Ms:0.0}", $"{times.P90Ms:0.0}", $"{times.P95Ms:0.0}", $"{times.P99Ms:0.0}", $"{times.P999Ms:0.0}", $"{times.MaxMs:0.0}");
    }

    private static string By(IReadOnlyDictionary<string, long> counts) => counts.Count == 0 ? "" : $" ({string.Join(", ", counts.Select(one => $"{one.Key} {one.Value}"))})";
}
