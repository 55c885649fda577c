using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Spectre.Console;

namespace Cli.Commands;

/// <summary>weir doctor: what the server finds when it looks at everything it relies on, this machine's clock against its, and, if asked for, a probe through every queue.</summary>
internal static class DoctorCommand
{
    private static readonly string[] Queues = ["critical", "default", "bulk"];

    /// <summary>Signatures and times in tables are read by people, but a client's delay and notBefore are the server's time.</summary>
    private static readonly TimeSpan MostSkew = TimeSpan.FromSeconds(30);

    public static Command Of(Verbs verbs)
    {
        var probe = Verbs.Flag("--probe", "Also send a probe through every queue, and wait for its end.");
        var type = Verbs.Text("--probe-type", "The job type to send, with an empty payload; probe unless given.", "NAME");
        var wait = Verbs.Text("--wait", "How long the probes may take; 60s unless given.", "DURATION");
        var strict = Verbs.Flag("--strict", "A warning is a failure too.");
        return verbs.Of("doctor", "Looks at everything the server relies on: dependencies, permissions, clocks, settings, versions, findings.", [probe, type, wait, strict], async (run, cancellation) =>
        {
            var limit = run.Get(wait) is { } text ? JobCommands.WaitOf(text) : TimeSpan.FromMinutes(1);
            var asked = run.Surroundings.Clock.GetUtcNow();
            var answer = (await run.Server.GetAsync("api/doctor", cancellation)).Body;
            var answered = run.Surroundings.Clock.GetUtcNow();
            var checks = answer.Items("checks").ToList();
            checks.Add(Clock(answer, asked, answered));
            if (run.Get(probe))
                checks.AddRange(await Task.WhenAll(Queues.Select(queue => ProbeAsync(run, queue, run.Get(type) ?? "probe", limit, cancellation))));

            var (failed, warned) = (checks.Count(one => one.Text("outcome") == "failed"), checks.Count(one => one.Text("outcome") == "warning"));
            var status = failed > 0 ? "failed" : warned > 0 ? "warning" : "ok";
            var whole = Json.Of(new { status, at = answer.Member("at"), version = answer.Member("version"), instance = answer.Member("instance"), checks });
            run.Screen.Show(whole, console =>
            {
                string[] columns = ["outcome", "area", "name", "ms=latencyMs", "detail"];
                Screen.Rows(console, checks, "Nothing was looked at.", checks.Any(one => one.Text("shard") is not null) ? ["shard", .. columns] : columns); // a front asks the doctors of all its shards
                console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{checks.Count} looked at: {failed} failed, {warned} with a warning."));
            });
            return failed > 0 || (warned > 0 && run.Get(strict)) ? ExitCode.Failed : ExitCode.Ok;
        });
    }

    /// <summary>The server's time lies between the question and the answer, as far as clocks agree.</summary>
    private static JsonElement Clock(JsonElement answer, DateTimeOffset asked, DateTimeOffset answered)
    {
        if (answer.Text("at") is not { } text || !DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var theirs))
            return Check("clock", "this machine", "skipped", "the server told no time");
        var off = theirs < asked ? asked - theirs : theirs > answered ? theirs - answered : TimeSpan.Zero;
        return off <= MostSkew
            ? Check("clock", "this machine", "ok", "agrees with the server's")
            : Check("clock", "this machine", "warning", string.Create(CultureInfo.InvariantCulture, $"is {off.TotalSeconds:0} s {(theirs < asked ? "ahead of" : "behind")} the server's: times that you give, such as --not-before, mean others there"));
    }

    private static async Task<JsonElement> ProbeAsync(Run run, string queue, string type, TimeSpan limit, CancellationToken cancellation)
    {
        var began = run.Surroundings.Clock.GetTimestamp();
        try
        {
            var id = (await run.Server.PostAsync("api/jobs", Json.Of(new { type, payload = new { }, priority = queue }), cancellation)).Body.Id();
            while (true)
            {
                var job = (await run.Server.GetAsync($"api/jobs/{id}?wait=PT5S", cancellation)).Body;
                var state = job.Text("state") ?? "unknown";
                var time = run.Surroundings.Clock.GetElapsedTime(began);
                if (state == "succeeded")
                    return Check("probe", queue, "ok", $"job {id} succeeded", time);
                if (state is "deadLettered" or "cancelled" or "expired" or "compensated")
                    return Check("probe", queue, "failed", $"job {id} is {state}: {job.Member("error.message")}", time);
                if (time >= limit)
                    return Check("probe", queue, "failed", $"job {id} has not ended in time, it is {state}: {job.Member("why.detail")}", time);
            }
        }
        catch (RefusedException refused)
        {
            return Check("probe", queue, "failed", $"it was refused: {refused.Code}", run.Surroundings.Clock.GetElapsedTime(began));
        }
    }

    private static JsonElement Check(string area, string name, string outcome, string detail, TimeSpan? time = null) =>
        Json.Of(new { area, name, outcome, detail, latencyMs = time is { } took ? Math.Round(took.TotalMilliseconds, 1) : (double?)null });
}
