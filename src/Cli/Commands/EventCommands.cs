using System.CommandLine;

namespace Cli.Commands;

/// <summary>events send</summary>
internal static class EventCommands
{
    public static Command All(Verbs verbs)
    {
        var id = Verbs.Id("The workflow's id.");
        var name = new Argument<string>("name") { Description = "The event's name." };
        var payload = Verbs.Text("--payload", "JSON, @file, or - for the standard input; null unless given.", "JSON");
        return Verbs.Group("events", "Events for workflows that wait.", verbs.Of("send", "Sends a workflow an event; sent again, it is taken once.", [id, name, payload], async (run, cancellation) =>
        {
            var body = await run.JsonAsync(run.Get(payload) ?? "null", "The payload", cancellation);
            run.Screen.ShowOne((await run.Server.PostAsync($"api/jobs/{Query.Part(run.Get(id))}/events/{Query.Part(run.Get(name))}", body, cancellation)).Body);
            return ExitCode.Ok;
        }));
    }
}
