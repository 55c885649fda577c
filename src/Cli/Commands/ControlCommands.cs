using System.CommandLine;
using System.Text.Json;

namespace Cli.Commands;

/// <summary>controls list, set, clear</summary>
internal static class ControlCommands
{
    public static Command Controls(Verbs verbs) => Verbs.Group("controls", "An operator's switches: who set them, why, until when.", List(verbs), Set(verbs), Clear(verbs));

    private static (Argument<string> Kind, Argument<string> Name) Which() => (
        new("kind") { Description = "queue, type, tenant, schedule, policy, feature, instance or automatic." },
        new("name") { Description = "Of the queue, the type, …" });

    private static string Path(string kind, string name) => $"api/controls/{Query.Part(kind)}/{Query.Part(name)}";

    private static Command List(Verbs verbs) => verbs.Of("list", "Lists those that are set.", [], async (run, cancellation) =>
    {
        run.Screen.ShowList((await run.Server.GetAsync("api/controls", cancellation)).Body, "controls", "No control is set.", "kind", "name", "by", "reason", "since", "until", "detail");
        return ExitCode.Ok;
    });

    private static Command Set(Verbs verbs)
    {
        var (kind, name) = Which();
        var reason = new Option<string>("--reason") { Description = "Why; stays on record.", Required = true, HelpName = "TEXT" };
        var until = Verbs.Text("--until", "It ends by itself then.", "TIME");
        var with = Verbs.Text("--with", "What else the kind takes, such as {\"percentage\": 10}: JSON, @file, or -.", "JSON");
        return verbs.Of("set", "Sets one: a queue, type, tenant or schedule is paused, an instance drained.", [kind, name, reason, until, with], async (run, cancellation) =>
        {
            var body = await run.JsonAsync(run.Get(with), "--with", cancellation) switch
            {
                { ValueKind: JsonValueKind.Object } given => given.EnumerateObject().ToDictionary(member => member.Name, object (member) => member.Value),
                null => [],
                _ => throw new UsageException("--with is a JSON object."),
            };
            body["reason"] = run.Get(reason)!;
            if (run.Get(until) is { } end)
                body["until"] = end;
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
            run.Screen.ShowOne((await run.Server.DeleteAsync(Query.Of(Path(run.Get(kind), run.Get(name)), ("reason", run.Get(reason))), cancellation)).Body);
            return ExitCode.Ok;
        });
    }
}
