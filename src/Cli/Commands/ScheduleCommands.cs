using System.CommandLine;
using System.Text.Json;

namespace Cli.Commands;

/// <summary>schedules list, get, put, delete, pause, resume, run</summary>
internal static class ScheduleCommands
{
    public static Command All(Verbs verbs) => Verbs.Group(
        "schedules", "Jobs by the clock.", List(verbs), Get(verbs), Put(verbs), Delete(verbs), Pause(verbs), Resume(verbs), RunNow(verbs));

    private static Argument<string> Name() => new("name") { Description = "The schedule's name." };

    private static string Path(string name) => $"api/schedules/{Query.Part(name)}";

    private static Command List(Verbs verbs)
    {
        var (limit, cursor) = (Verbs.Whole("--limit", "The most schedules; 50 unless given."), Verbs.Text("--cursor", "Where the list before ended."));
        return verbs.Of("list", "Lists them by name.", [limit, cursor], async (run, cancellation) =>
        {
            var page = await run.PagesAsync("schedules", JobCommands.Limit(run.Get(limit), 50), 100, (some, after) => Query.Of("api/schedules", ("limit", some), ("cursor", after)), run.Get(cursor), cancellation);
            run.Screen.ShowList(page, "schedules", "No schedules.", "name", "type", "cron", "at", "timeZone", "state", "next=nextAt", "last=lastJob.occurrence");
            JobCommands.More(run.Screen, page);
            return ExitCode.Ok;
        });
    }

    private static Command Get(Verbs verbs)
    {
        var name = Name();
        return verbs.Of("get", "Shows one with its next occurrences.", [name], async (run, cancellation) =>
        {
            run.Screen.ShowOne((await run.Server.GetAsync(Path(run.Get(name)), cancellation)).Body);
            return ExitCode.Ok;
        });
    }

    private static Command Put(Verbs verbs)
    {
        var name = Name();
        var file = Verbs.Text("--file", "The whole schedule as JSON: @file, or - for the standard input; options given beside it win.", "JSON");
        var payload = Verbs.Text("--payload", "JSON, @file, or -; {} unless given.", "JSON");
        var missedLimit = Verbs.Whole("--missed-limit", "With --missed all, how many.");
        var texts = new (Option<string?> Option, string Name)[]
        {
            (Verbs.Text("--type", "The job type.", "NAME"), "type"),
            (Verbs.Text("--cron", "Five fields, or six with seconds.", "CRON"), "cron"),
            (Verbs.Text("--at", "Once, at this time.", "TIME"), "at"),
            (Verbs.Text("--time-zone", "IANA or Windows; UTC unless given.", "NAME"), "timeZone"),
            (Verbs.Text("--start", "Nothing is due before it.", "TIME"), "start"),
            (Verbs.Text("--end", "Nothing is due after it.", "TIME"), "end"),
            (Verbs.Choice("--missed", "What becomes of missed occurrences", "last", "skip", "all"), "missed"),
            (Verbs.Choice("--overlap", "What happens while the job before runs", "allow", "skip", "replace"), "overlap"),
            (Verbs.Choice("--priority", "Which queue", "critical", "default", "bulk"), "priority"),
            (Verbs.Text("--ordering-key", "For the jobs."), "orderingKey"),
            (Verbs.Text("--correlation-id", "For the jobs."), "correlationId"),
            (Verbs.Text("--expires-in", "For the jobs.", "DURATION"), "expiresIn"),
            (Verbs.Text("--callback-url", "For the jobs.", "URL"), "callbackUrl"),
        };
        return verbs.Of("put", "Makes a schedule, or changes it.", [name, file, payload, missedLimit, .. texts.Select(one => one.Option)], async (run, cancellation) =>
        {
            var body = await run.JsonAsync(run.Get(file), "The schedule", cancellation) switch
            {
                { ValueKind: JsonValueKind.Object } given => given.EnumerateObject().ToDictionary(member => member.Name, object (member) => member.Value),
                null => [],
                _ => throw new UsageException("The schedule is a JSON object."),
            };
            foreach (var (option, field) in texts)
            {
                if (run.Get(option) is { } text)
                    body[field] = text;
            }
            if (run.Get(missedLimit) is { } most)
                body["missedLimit"] = most;
            if (await run.JsonAsync(run.Get(payload), "The payload", cancellation) is { } given2)
                body["payload"] = given2;
            body.TryAdd("payload", new { });
            run.Screen.ShowOne((await run.Server.PutAsync(Path(run.Get(name)), Json.Of(body), cancellation)).Body);
            return ExitCode.Ok;
        });
    }

    private static Command Delete(Verbs verbs)
    {
        var name = Name();
        return verbs.Of("delete", "Deletes one; its jobs go on.", [name], async (run, cancellation) =>
        {
            await run.Server.DeleteAsync(Path(run.Get(name)), cancellation);
            run.Screen.Show(Json.Of(new { deleted = run.Get(name) }), console => run.Screen.Say($"{Screen.Plain(run.Get(name))} is deleted."));
            return ExitCode.Ok;
        });
    }

    private static Command Pause(Verbs verbs)
    {
        var name = Name();
        var reason = new Option<string>("--reason") { Description = "Shown with the schedule.", Required = true, HelpName = "TEXT" };
        var until = Verbs.Text("--until", "It goes on by itself then.", "TIME");
        return verbs.Of("pause", "Nothing is fired.", [name, reason, until], async (run, cancellation) =>
        {
            var body = new Dictionary<string, object> { ["reason"] = run.Get(reason)! };
            if (run.Get(until) is { } end)
                body["until"] = end;
            run.Screen.ShowOne((await run.Server.PostAsync($"{Path(run.Get(name))}/pause", Json.Of(body), cancellation)).Body);
            return ExitCode.Ok;
        });
    }

    private static Command Resume(Verbs verbs)
    {
        var name = Name();
        return verbs.Of("resume", "A paused schedule goes on.", [name], async (run, cancellation) =>
        {
            run.Screen.ShowOne((await run.Server.PostAsync($"{Path(run.Get(name))}/resume", null, cancellation)).Body);
            return ExitCode.Ok;
        });
    }

    private static Command RunNow(Verbs verbs)
    {
        var (name, key) = (Name(), Verbs.Text("--idempotency-key", "The same key is the same job."));
        return verbs.Of("run", "Submits its job now, beside its occurrences.", [name, key], async (run, cancellation) =>
        {
            run.Screen.ShowOne((await run.Server.PostAsync($"{Path(run.Get(name))}/run", null, cancellation, ("Idempotency-Key", run.Get(key)))).Body);
            return ExitCode.Ok;
        });
    }
}
