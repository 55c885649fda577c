using System.CommandLine;

namespace Cli.Commands;

/// <summary>controls list, set, clear, audit</summary>
internal static class ControlCommands
{
    public static Command Controls(Verbs verbs) => Verbs.Group("controls", "An operator's switches: who set them, why, until when.", List(verbs), Set(verbs), Clear(verbs), Audit(verbs));

    private static (Argument<string> Kind, Argument<string> Name) Which() => (
        new("kind") { Description = "queue, type, tenant, schedule, policy, feature, instance or automatic." },
        new("name") { Description = "Of the queue, the type, …" });

    private static string Path(string kind, string name) => $"api/controls/{Query.Part(kind)}/{Query.Part(name)}";

    private static Command List(Verbs verbs) => verbs.Of("list", "Lists those that are set.", [], async (run, cancellation) =>
    {
        run.Screen.ShowList((await run.Server.GetAsync("api/controls", cancellation)).Body, "controls", "No control is set.", "kind", "name", "by", "reason", "since", "until", "percentage", "per", "retry", "enabled", "automatic");
        return ExitCode.Ok;
    });

    private static Command Set(Verbs verbs)
    {
        var (kind, name) = Which();
        var reason = new Option<string>("--reason") { Description = "Why; stays on record.", Required = true, HelpName = "TEXT" };
        var until = Verbs.Text("--until", "It ends by itself then.", "TIME");
        var length = Verbs.Text("--for", "It ends by itself after it, such as PT30M.", "DURATION");
        var percentage = new Option<double?>("--percentage") { Description = "policy, feature: for so many percent.", HelpName = "N" };
        var per = Verbs.Choice("--per", "policy, feature: chosen by", "job", "tenant");
        var retry = Verbs.Text("--retry", "policy: a policy's name, or its figures as JSON.", "NAME");
        var enabled = new Option<bool?>("--enabled") { Description = "automatic: whether Weir itself may pause.", HelpName = "true|false" };
        return verbs.Of("set", "Sets one: a queue, type, tenant or schedule is paused, an instance drained.", [kind, name, reason, until, length, percentage, per, retry, enabled], async (run, cancellation) =>
        {
            var body = new Dictionary<string, object> { ["reason"] = run.Get(reason)! };
            foreach (var (field, text) in new[] { ("until", run.Get(until)), ("for", run.Get(length)), ("per", run.Get(per)) })
            {
                if (text is not null)
                    body[field] = text;
            }
            if (run.Get(percentage) is { } share)
                body["percentage"] = share;
            if (run.Get(enabled) is { } isEnabled)
                body["enabled"] = isEnabled;
            if (run.Get(retry) is { } policy)
                body["retry"] = policy.StartsWith('{') ? (await run.JsonAsync(policy, "--retry", cancellation))!.Value : policy;
            run.Screen.ShowOne((await run.Server.PutAsync(Path(run.Get(kind), run.Get(name)), Json.Of(body), cancellation)).Body);
            return ExitCode.Ok;
        });
    }

    private static Command Clear(Verbs verbs)
    {
        var (kind, name) = Which();
        var reason = Verbs.Text("--reason", "Why; stays on record.");
        return verbs.Of("clear", "Takes one back: what was paused goes on.", [kind, name, reason], async (run, cancellation) =>
        {
            await run.Server.DeleteAsync(Query.Of(Path(run.Get(kind), run.Get(name)), ("reason", run.Get(reason))), cancellation);
            run.Screen.Show(Json.Of(new { cleared = new { kind = run.Get(kind), name = run.Get(name) } }), _ => run.Screen.Say($"{Screen.Plain($"{run.Get(kind)} {run.Get(name)}")} is cleared."));
            return ExitCode.Ok;
        });
    }

    private static Command Audit(Verbs verbs)
    {
        var (limit, cursor) = (Verbs.Whole("--limit", "The most entries; 50 unless given."), Verbs.Text("--cursor", "Where the list before ended."));
        return verbs.Of("audit", "Who changed which, when and why, the newest first.", [limit, cursor], async (run, cancellation) =>
        {
            var page = await run.PagesAsync("entries", JobCommands.Limit(run.Get(limit), 50), 100, (some, after) => Query.Of("api/audit", ("limit", some), ("cursor", after)), run.Get(cursor), cancellation);
            run.Screen.ShowList(page, "entries", "No control was ever changed.", "at", "by", "action", "kind", "name", "reason", "detail", "outcome");
            JobCommands.More(run.Screen, page);
            return ExitCode.Ok;
        });
    }
}
