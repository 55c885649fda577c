using System.CommandLine;
using System.Text.Json;
using Spectre.Console;

namespace Cli.Commands;

/// <summary>submit, get, watch, list, cancel.</summary>
internal static class JobCommands
{
    private static readonly string[] Final = ["succeeded", "deadLettered", "cancelled", "expired", "compensated"];

    public static Command Submit(Verbs verbs)
    {
        var type = new Argument<string>("type") { Description = "The job type; weir catalog lists them." };
        var payload = Verbs.Text("--payload", "JSON, @file, or - for the standard input; {} unless given.", "JSON");
        var key = Verbs.Text("--idempotency-key", "The same key is the same job, however often it is sent.");
        var version = Verbs.Whole("--contract-version", "Of the contract; the current one unless given.");
        var priority = Verbs.Choice("--priority", "Which queue", "critical", "default", "bulk");
        var texts = new (Option<string?> Option, string Name)[]
        {
            (priority, "priority"),
            (Verbs.Text("--ordering-key", "Jobs that share it run in order."), "orderingKey"),
            (Verbs.Text("--correlation-id", "Yours, shown again."), "correlationId"),
            (Verbs.Text("--delay", "Begin after it, such as PT10M.", "DURATION"), "delay"),
            (Verbs.Text("--not-before", "Begin not before it, ISO 8601 with offset.", "TIME"), "notBefore"),
            (Verbs.Text("--expires-in", "Not worth beginning after it, such as PT1H.", "DURATION"), "expiresIn"),
            (Verbs.Text("--callback-url", "Is told of the end.", "URL"), "callbackUrl"),
        };
        var uniqueKey = Verbs.Text("--unique-key", "One job of this key at a time.");
        var uniqueMode = Verbs.Choice("--unique-mode", "What happens when the key is taken", "returnExisting", "reject", "replaceScheduled", "keepLastIfActive");
        var uniqueFor = Verbs.Text("--unique-for", "How long the key stays taken after the end.", "DURATION");
        var wait = Verbs.Text("--wait", "Wait for the job's end, at most so long.", "DURATION");
        return verbs.Of("submit", "Submits a job.", [type, payload, key, version, .. texts.Select(one => one.Option), uniqueKey, uniqueMode, uniqueFor, wait], async (run, cancellation) =>
        {
            var body = new Dictionary<string, object> { ["type"] = run.Get(type), ["payload"] = await run.JsonAsync(run.Get(payload) ?? "{}", "The payload", cancellation) ?? default };
            if (run.Get(version) is { } number)
                body["version"] = number;
            foreach (var (option, name) in texts)
            {
                if (run.Get(option) is { } text)
                    body[name] = text;
            }
            if (run.Get(uniqueKey) is { } unique)
            {
                var members = new Dictionary<string, object> { ["key"] = unique, ["mode"] = run.Get(uniqueMode) ?? "returnExisting" };
                if (run.Get(uniqueFor) is { } keep)
                    members["for"] = keep;
                body["unique"] = members;
            }
            else if (run.Has(uniqueMode) || run.Has(uniqueFor))
            {
                throw new UsageException("--unique-mode and --unique-for belong to a --unique-key.");
            }
            var limit = run.Get(wait) is { } text2 ? WaitOf(text2) : (TimeSpan?)null;

            var accepted = (await run.Server.PostAsync("api/jobs", Json.Of(body), cancellation, ("Idempotency-Key", run.Get(key)))).Body;
            if (limit is null)
            {
                run.Screen.ShowOne(accepted);
                return ExitCode.Ok;
            }
            return await ShowEndAsync(run, accepted.Id(), limit.Value, isWatched: false, cancellation);
        });
    }

    public static Command Get(Verbs verbs)
    {
        var id = Verbs.Id();
        var wait = Verbs.Text("--wait", "Wait for the job's end, at most so long.", "DURATION");
        return verbs.Of("get", "Shows a job: state, attempts, result, error.", [id, wait], async (run, cancellation) =>
        {
            if (run.Get(wait) is { } text)
                return await ShowEndAsync(run, run.Get(id), WaitOf(text), isWatched: false, cancellation);
            Show(run.Screen, (await run.Server.GetAsync($"api/jobs/{Query.Part(run.Get(id))}", cancellation)).Body);
            return ExitCode.Ok;
        });
    }

    public static Command Watch(Verbs verbs)
    {
        var id = Verbs.Id();
        var limit = Verbs.Text("--timeout", "Give up after it; an hour unless given.", "DURATION");
        return verbs.Of("watch", "Follows a job to its end: a line for each change.", [id, limit], (run, cancellation) =>
            ShowEndAsync(run, run.Get(id), run.Get(limit) is { } text ? WaitOf(text) : TimeSpan.FromHours(1), isWatched: true, cancellation));
    }

    public static Command List(Verbs verbs)
    {
        var state = Verbs.Choice("--state", "Only these", ["scheduled", "queued", "running", "retrying", "waiting", "compensating", "held", .. Final]);
        var type = Verbs.Text("--type", "Only of this job type.", "NAME");
        var from = Verbs.Text("--from", "Submitted at or after it.", "TIME");
        var to = Verbs.Text("--to", "Submitted at or before it.", "TIME");
        var limit = Verbs.Whole("--limit", "The most jobs; 50 unless given.");
        var cursor = Verbs.Text("--cursor", "Where the list before ended.");
        return verbs.Of("list", "Lists jobs, the newest first.", [state, type, from, to, limit, cursor], async (run, cancellation) =>
        {
            var page = await run.PagesAsync("jobs", Limit(run.Get(limit), 50), 100, (some, after) => Query.Of(
                "api/jobs", ("state", run.Get(state)), ("type", run.Get(type)), ("tenant", run.Tenant), ("from", run.Get(from)), ("to", run.Get(to)), ("limit", some), ("cursor", after)), run.Get(cursor), cancellation);
            run.Screen.ShowList(page, "jobs", "No jobs.", "id", "type", "state", "tenant", "queue", "submitted=submittedAt", "finished=finishedAt");
            More(run.Screen, page);
            return ExitCode.Ok;
        });
    }

    public static Command Cancel(Verbs verbs)
    {
        var id = Verbs.Id();
        var reason = Verbs.Text("--reason", "Shown with the job.");
        return verbs.Of("cancel", "Cancels a job; one that runs is asked to stop.", [id, reason], async (run, cancellation) =>
        {
            run.Screen.ShowOne((await run.Server.DeleteAsync(Query.Of($"api/jobs/{Query.Part(run.Get(id))}", ("reason", run.Get(reason))), cancellation)).Body);
            return ExitCode.Ok;
        });
    }

    public static int Limit(int? given, int otherwise) => given switch
    {
        null => otherwise,
        >= 1 and <= 100_000 => given.Value,
        _ => throw new UsageException("--limit is from 1 to 100,000."),
    };

    public static void More(Screen screen, JsonElement page)
    {
        if (page.Text("cursor") is { } cursor)
            screen.Say($"There is more: --cursor {cursor}");
    }

    public static TimeSpan WaitOf(string text) => Capacity.Durations.TryRead(text, out var wait) && wait <= TimeSpan.FromDays(2)
        ? wait
        : throw new UsageException($"'{text}' is no duration up to 2 days, such as 30s or PT30S.");

    /// <summary>Waits, by requests that wait at the server; a server that is away for a moment, as in a deployment, is asked again.</summary>
    private static async Task<int> ShowEndAsync(Run run, string id, TimeSpan limit, bool isWatched, CancellationToken cancellation)
    {
        var began = run.Surroundings.Clock.GetTimestamp();
        var seen = "";
        while (true)
        {
            var left = limit - run.Surroundings.Clock.GetElapsedTime(began);
            // Progress is not waited for at the server: whoever watches looks each second.
            var wait = TimeSpan.FromSeconds(Math.Clamp(left.TotalSeconds, 0, isWatched ? 1 : 30));
            var job = (await run.Server.GetAsync(Query.Of($"api/jobs/{Query.Part(id)}", ("wait", string.Create(System.Globalization.CultureInfo.InvariantCulture, $"PT{wait.TotalSeconds:0.###}S"))), cancellation)).Body;
            var state = job.Text("state") ?? "";
            if (isWatched && LineOf(job) is var line && line != seen)
                run.Screen.Say(seen = line);
            if (Final.Contains(state) || left <= TimeSpan.Zero)
            {
                if (!isWatched || run.Screen.IsJson)
                    Show(run.Screen, job);
                return !Final.Contains(state) ? ExitCode.NotYet : state == "succeeded" ? ExitCode.Ok : ExitCode.Failed;
            }
        }
    }

    private static string LineOf(JsonElement job)
    {
        var parts = new[]
        {
            job.Text("state"),
            job.Count("attempt") is var attempt and > 0 ? $"attempt {attempt}" : null,
            job.Member("progress") is { } progress ? $"progress {Screen.Cell(progress)}" : null,
            job.Text("nextAttemptAt") is { } next ? $"next attempt {next}" : null,
            job.Text("error.message") is { } error ? $"error: {error}" : null,
            job.Member("result") is { } result ? $"result: {Screen.Cell(result)}" : null,
            string.Join(", ", job.Items("steps").Where(step => step.Text("state") is not ("pending" or null)).Select(step => $"{step.Text("name")} {step.Text("state")}")),
        };
        return Screen.Plain(string.Join("  ", parts.Where(part => !string.IsNullOrEmpty(part))));
    }

    private static void Show(Screen screen, JsonElement job) => screen.Show(job, console =>
    {
        Screen.Members(console, job.Without("attempts", "steps"));
        if (job.Items("attempts") is { Count: > 0 } attempts)
            Screen.Rows(console, attempts, "", "attempt=number", "outcome", "started=startedAt", "finished=finishedAt", "instance", "error=error.message");
        if (job.Items("steps") is { Count: > 0 } steps)
            Screen.Rows(console, steps, "", "step=name", "kind", "state", "attempts", "started=startedAt", "finished=finishedAt", "undone=compensation.state");
    });
}
