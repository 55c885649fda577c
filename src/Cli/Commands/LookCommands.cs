using System.CommandLine;
using System.Text.Json;

namespace Cli.Commands;

/// <summary>What there is to look at: queues, limits, findings, instances, breakers, catalog, health.</summary>
internal static class LookCommands
{
    public static IEnumerable<Command> All(Verbs verbs) =>
    [
        List(verbs, "queues", "How deep the queues are, how fast they drain, how long a new job waits.", "api/queues", "queues", "No queues.", "queue", "pressure", "since", "depth", "oldest=oldest.since", "scheduled",
            "arrivals/s=arrivalsPerSecond", "starts/s=startsPerSecond", "drain/s=drainPerSecond", "estimated wait=estimatedWait", "lasts=expectedDuration", "waited p50 s=waited.p50", "p95=waited.p95", "p99=waited.p99"),
        Limits(verbs),
        List(verbs, "instances", "Who runs jobs, and which.", "api/instances", "instances", "No instances.", "id", "version", "alive", "running", "started=startedAt", "seen=seenAt", "drained because=drain.reason"),
        List(verbs, "breakers", "Which dependencies are held to be down.", "api/breakers", "breakers", "No job type names a dependency.", "dependency", "state", "until=openUntil"),
        Findings(verbs),
        Catalog(verbs),
        Health(verbs),
    ];

    private static Command List(Verbs verbs, string name, string description, string path, string list, string none, params string[] columns) => verbs.Of(name, description, [], async (run, cancellation) =>
    {
        run.Screen.ShowList((await run.Server.GetAsync(path, cancellation)).Body, list, none, columns);
        return ExitCode.Ok;
    });

    private static Command Limits(Verbs verbs) => verbs.Of("limits", "Rate limits and quotas, and how much of them is taken.", [], async (run, cancellation) =>
    {
        var answer = (await run.Server.GetAsync("api/limits", cancellation)).Body;
        run.Screen.Show(answer, console =>
        {
            Screen.Rows(console, answer.Items("rates"), "No rate limits.", "kind", "name", "rate", "burst", "next slot=nextSlot", "wait s=waitSeconds");
            Screen.Rows(console, answer.Items("quotas"), "No quotas.", "tenant", "quota", "limit", "used");
            if (answer.Member("inFlight") is { ValueKind: JsonValueKind.Object } inFlight)
                Screen.Members(console, inFlight);
        });
        return ExitCode.Ok;
    });

    private static Command Findings(Verbs verbs)
    {
        var (limit, cursor) = (Verbs.Whole("--limit", "The most findings; 50 unless given."), Verbs.Text("--cursor", "Where the list before ended."));
        return verbs.Of("findings", "What the reconciler came upon, the newest first.", [limit, cursor], async (run, cancellation) =>
        {
            var page = await run.PagesAsync("findings", JobCommands.Limit(run.Get(limit), 50), 100, (some, after) => Query.Of("api/findings", ("limit", some), ("cursor", after)), run.Get(cursor), cancellation);
            run.Screen.ShowList(page, "findings", "No findings: nothing had to be repaired.", "at", "kind", "repair", "job=jobId", "type", "tenant", "detail");
            JobCommands.More(run.Screen, page);
            return ExitCode.Ok;
        });
    }

    private static Command Catalog(Verbs verbs)
    {
        var type = new Argument<string?>("type") { Description = "One of them, with the schema of its contract.", Arity = ArgumentArity.ZeroOrOne };
        return verbs.Of("catalog", "What can be submitted.", [type], async (run, cancellation) =>
        {
            if (run.Get(type) is { } name)
                run.Screen.ShowOne((await run.Server.GetAsync($"api/catalog/{Query.Part(name)}", cancellation)).Body);
            else
                run.Screen.ShowList((await run.Server.GetAsync("api/catalog", cancellation)).Body, "types", "No job types.", "type", "version", "queue", "owner", "guarantee", "ordering", "description");
            return ExitCode.Ok;
        });
    }

    private static Command Health(Verbs verbs) => verbs.Of("health", "Whether the server can accept jobs.", [], async (run, cancellation) =>
    {
        var answer = await run.Server.TrySendAsync(HttpMethod.Get, "api/health/ready", null, cancellation);
        run.Screen.ShowOne(answer.Body);
        return answer.Status == 200 ? ExitCode.Ok : ExitCode.TryLater;
    });
}
