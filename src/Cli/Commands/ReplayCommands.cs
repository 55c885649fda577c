using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Spectre.Console;

namespace Cli.Commands;

/// <summary>replays list, show, resume, stop; and what a staged replay is asked for with.</summary>
internal static class ReplayCommands
{
    private static readonly TimeSpan BetweenLooks = TimeSpan.FromSeconds(1);

    public static Command All(Verbs verbs) => Verbs.Group("replays", "Staged replays of dead letters: weir dead-letters replay --staged begins one.", List(verbs), Show(verbs), Resume(verbs), Stop(verbs));

    /// <summary>Begins a staged replay, or tells what it would be.</summary>
    public static async Task<int> StartAsync(Run run, StageOptions stages, Dictionary<string, object> body, bool dryRun, CancellationToken cancellation)
    {
        stages.WriteTo(run, body);
        body["dryRun"] = dryRun;
        var answer = (await run.Server.PostAsync("api/dead-letters/replay", Json.Of(body), cancellation)).Body;
        if (dryRun)
        {
            ShowPlan(run.Screen, answer);
            return answer.Member("checks.ok")?.GetInt32() == answer.Count("checked") ? ExitCode.Ok : ExitCode.Failed;
        }
        if (run.Get(stages.Detach))
        {
            ShowReplay(run.Screen, answer);
            return ExitCode.Ok;
        }
        run.Screen.Note($"Staged replay {answer.Id()} of {answer.Member("jobs.total")} dead letters. Ctrl+C leaves it running; weir replays stop {answer.Id()} stops it.");
        return await FollowAsync(run, answer.Id(), stages.LimitOf(run), cancellation);
    }

    private static Command List(Verbs verbs)
    {
        var (limit, cursor) = (Verbs.Whole("--limit", "The most; 20 unless given."), Verbs.Text("--cursor", "Where the list before ended."));
        return verbs.Of("list", "Lists them, the newest first.", [limit, cursor], async (run, cancellation) =>
        {
            var page = await run.PagesAsync("replays", JobCommands.Limit(run.Get(limit), 20), 100, (some, after) => Query.Of("api/replays", ("limit", some), ("cursor", after)), run.Get(cursor), cancellation);
            run.Screen.ShowList(page, "replays", "No staged replays.", "id", "state", "type=filter.type", "fingerprint=filter.fingerprint", "total=jobs.total", "succeeded=jobs.succeeded", "died again=jobs.failed", "pending=jobs.pending", "by", "at", "because=ended.code");
            JobCommands.More(run.Screen, page);
            return ExitCode.Ok;
        });
    }

    private static Command Show(Verbs verbs)
    {
        var (id, follow) = (Verbs.Id("The staged replay's id."), new FollowOptions());
        return verbs.Of("show", "Shows one with its stages.", [id, follow.Follow, follow.Timeout], async (run, cancellation) =>
        {
            if (run.Get(follow.Follow))
                return await FollowAsync(run, run.Get(id), follow.LimitOf(run), cancellation);
            ShowReplay(run.Screen, await FindAsync(run, run.Get(id), cancellation));
            return ExitCode.Ok;
        });
    }

    private static Command Resume(Verbs verbs)
    {
        var (id, why, follow) = (Verbs.Id("The staged replay's id."), Verbs.Text("--why", "Stays on record."), new FollowOptions());
        return verbs.Of("resume", "One that was stopped goes on, with what died again, and from the first stage.", [id, why, follow.Follow, follow.Timeout], async (run, cancellation) =>
        {
            var answer = await ActAsync(run, run.Get(id), "resume", run.Get(why), cancellation);
            if (run.Get(follow.Follow))
                return await FollowAsync(run, run.Get(id), follow.LimitOf(run), cancellation);
            ShowReplay(run.Screen, answer);
            return ExitCode.Ok;
        });
    }

    private static Command Stop(Verbs verbs)
    {
        var (id, why) = (Verbs.Id("The staged replay's id."), Verbs.Text("--why", "Stays on record."));
        return verbs.Of("stop", "Starts no more of its jobs; those that it has started run on.", [id, why], async (run, cancellation) =>
        {
            ShowReplay(run.Screen, await ActAsync(run, run.Get(id), "stop", run.Get(why), cancellation));
            return ExitCode.Ok;
        });
    }

    private static async Task<JsonElement> FindAsync(Run run, string id, CancellationToken cancellation) => (await run.Server.GetAsync($"api/replays/{Query.Part(id)}", cancellation)).Body;

    private static async Task<JsonElement> ActAsync(Run run, string id, string verb, string? why, CancellationToken cancellation) =>
        (await run.Server.PostAsync($"api/replays/{Query.Part(id)}/{verb}", why is null ? null : Json.Of(new { why }), cancellation)).Body;

    /// <summary>Until it does not run any more: a bar for people, a line for each stage into a file.</summary>
    private static async Task<int> FollowAsync(Run run, string id, TimeSpan limit, CancellationToken cancellation)
    {
        var replay = await WithProgressAsync(run, show => UntilOverAsync(run, id, limit, show, cancellation));
        ShowReplay(run.Screen, replay);
        return replay.Text("state") switch
        {
            "running" => ExitCode.NotYet,
            "completed" when replay.Member("jobs.failed")?.GetInt32() == 0 && replay.Member("jobs.notReplayable")?.GetInt32() == 0 => ExitCode.Ok,
            _ => ExitCode.Failed,
        };
    }

    private static async Task<JsonElement> UntilOverAsync(Run run, string id, TimeSpan limit, Action<JsonElement> show, CancellationToken cancellation)
    {
        var began = run.Surroundings.Clock.GetTimestamp();
        while (true)
        {
            var replay = await FindAsync(run, id, cancellation);
            show(replay);
            if (replay.Text("state") != "running" || run.Surroundings.Clock.GetElapsedTime(began) >= limit)
                return replay;
            await Task.Delay(BetweenLooks, run.Surroundings.Clock, cancellation);
        }
    }

    private static async Task<JsonElement> WithProgressAsync(Run run, Func<Action<JsonElement>, Task<JsonElement>> work)
    {
        if (!run.Screen.IsLive)
        {
            var told = "";
            return await work(replay =>
            {
                if (Line(replay) is var line && line != told)
                    run.Screen.Note(told = line);
            });
        }
        return await run.Screen.Error.Progress().AutoClear(true).Columns(new TaskDescriptionColumn(), new ProgressBarColumn(), new PercentageColumn()).StartAsync(async context =>
        {
            var task = context.AddTask("Replaying");
            return await work(replay =>
            {
                task.MaxValue = Math.Max(1, replay.Member("jobs.total")?.GetInt32() ?? 1);
                task.Value = task.MaxValue - (replay.Member("jobs.pending")?.GetInt32() ?? 0) - (replay.Member("jobs.open")?.GetInt32() ?? 0);
                task.Description = Markup.Escape(Line(replay));
            });
        });
    }

    private static string Line(JsonElement replay)
    {
        var stage = replay.Items("stages") is { Count: > 0 } stages ? stages[^1] : default;
        return string.Create(CultureInfo.InvariantCulture, $"Stage {stage.Count("number")} of {stage.Count("size")}: {stage.Count("started")} started, {stage.Count("succeeded")} succeeded, {stage.Count("failed")} died again; {replay.Member("jobs.pending")} to come.");
    }

    private static void ShowReplay(Screen screen, JsonElement replay) => screen.Show(replay, console =>
    {
        Screen.Members(console, replay.Without("stages", "failures", "ended", "jobs"));
        if (replay.Member("ended") is { } ended)
            console.WriteLine($"{Screen.Plain(ended.Text("code") ?? "")}: {Screen.Plain(ended.Text("detail") ?? "")} ({Screen.Plain(ended.Text("by") ?? "")})");
        Screen.Rows(console, [replay.Member("jobs") ?? default], "", "total", "pending", "open", "succeeded", "died again=failed", "cancelled", "changed", "not replayable=notReplayable", "key stopped=keyStopped");
        Screen.Rows(console, replay.Items("stages"), "No stages.", "stage=number", "size", "started", "succeeded", "died again=failed", "began=beganAt", "ended=endedAt");
        if (replay.Items("failures") is { Count: > 0 } failures)
            Screen.Rows(console, failures, "", "died again or not replayable=deadLetter");
    });

    private static void ShowPlan(Screen screen, JsonElement plan) => screen.Show(plan, console =>
    {
        Screen.Members(console, plan.Without("jobs"));
        Screen.Rows(console, plan.Items("jobs"), "No open dead letter fits.", "position", "stage", "id", "type", "ordering key=orderingKey", "died=diedAt", "check", "errors");
        if (plan.Count("checked") < plan.Count("matched"))
            console.WriteLine($"Only the first {plan.Count("checked")} of {plan.Count("matched")} were looked into.");
    });

    private static TimeSpan LimitOf(string? text) => text is null ? TimeSpan.FromHours(1) : JobCommands.WaitOf(text);

    internal sealed class FollowOptions
    {
        public Option<bool> Follow { get; } = Verbs.Flag("--follow", "Stay until it does not run any more.");

        public Option<string?> Timeout { get; } = Verbs.Text("--timeout", "Follow for so long at most; an hour unless given.", "DURATION");

        public TimeSpan LimitOf(Run run) => ReplayCommands.LimitOf(run.Get(Timeout));
    }

    /// <summary>What makes a replay by filter a staged one.</summary>
    internal sealed class StageOptions
    {
        private readonly Option<bool> staged = Verbs.Flag("--staged", "One first, then 10, 100, 1000: each stage only if the one before went well.");
        private readonly Option<string?> stages = Verbs.Text("--stages", "Other sizes, such as 1,5,50; the last holds for all that follow.", "N,N");
        private readonly Option<double?> rate = new("--rate") { Description = "Jobs a second; 10 unless given.", HelpName = "N" };
        private readonly Option<double?> bound = new("--stop-at") { Description = "Stop when this share of a stage dies again; 0.1 unless given.", HelpName = "SHARE" };
        private readonly Option<string?> stageTimeout = Verbs.Text("--stage-timeout", "How long a stage's jobs may take to end, ISO 8601; PT30M unless given.", "DURATION");
        private readonly Option<string?> timeout = Verbs.Text("--timeout", "Follow it for so long at most; an hour unless given.", "DURATION");

        public Option<bool> Detach { get; } = Verbs.Flag("--detach", "Begin it and do not follow it.");

        public IEnumerable<Option> All => [staged, stages, rate, bound, stageTimeout, timeout, Detach];

        public bool AreGiven(Run run) => All.Any(run.Has);

        public TimeSpan LimitOf(Run run) => ReplayCommands.LimitOf(run.Get(timeout));

        public void WriteTo(Run run, Dictionary<string, object> body)
        {
            body["stages"] = run.Get(stages) is { } text
                ? text.Split(',', StringSplitOptions.TrimEntries).Select(one => int.TryParse(one, NumberStyles.None, CultureInfo.InvariantCulture, out var size) ? size : throw new UsageException($"'{text}' are no sizes; expected whole numbers with commas between them, such as 1,10,100.")).ToArray()
                : true;
            if (run.Get(rate) is { } perSecond)
                body["rate"] = perSecond;
            if (run.Get(bound) is { } share)
                body["stopAtFailureRate"] = share;
            if (run.Get(stageTimeout) is { } time)
                body["stageTimeout"] = time;
        }
    }
}
