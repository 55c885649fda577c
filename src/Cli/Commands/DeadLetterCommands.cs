using System.CommandLine;
using System.Text.Json;

namespace Cli.Commands;

/// <summary>dead-letters list, groups, show, replay, discard</summary>
internal static class DeadLetterCommands
{
    public static Command All(Verbs verbs) =>
        Verbs.Group("dead-letters", "Jobs that could not be brought to a good end: look, replay, discard.", List(verbs), Groups(verbs), Show(verbs), Replay(verbs), Discard(verbs));

    private static Command List(Verbs verbs)
    {
        var (filters, limit, cursor) = (new Filters(), Verbs.Whole("--limit", "The most entries; 50 unless given."), Verbs.Text("--cursor", "Where the list before ended."));
        return verbs.Of("list", "Lists them, the newest first.", [.. filters.All, limit, cursor], async (run, cancellation) =>
        {
            var page = await run.PagesAsync("deadLetters", JobCommands.Limit(run.Get(limit), 50), 100,
                (some, after) => Query.Of("api/dead-letters", [.. filters.Values(run), ("limit", some), ("cursor", after)]), run.Get(cursor), cancellation);
            run.Screen.ShowList(page, "deadLetters", "No dead letters.", "id", "type", "state", "reason", "fingerprint", "died=diedAt", "error=error.message");
            JobCommands.More(run.Screen, page);
            return ExitCode.Ok;
        });
    }

    private static Command Groups(Verbs verbs)
    {
        var filters = new Filters();
        return verbs.Of("groups", "One line for each cause.", filters.All, async (run, cancellation) =>
        {
            var answer = (await run.Server.GetAsync(Query.Of("api/dead-letters/groups", filters.Values(run)), cancellation)).Body;
            run.Screen.ShowList(answer, "groups", "No dead letters.", "fingerprint", "type", "reason", "open", "count", "oldest", "newest", "error=error.message");
            if (answer.Is("partial"))
                run.Screen.Say("There are more than were counted: narrow it with --type, --reason, --from, --to.");
            return ExitCode.Ok;
        });
    }

    private static Command Show(Verbs verbs)
    {
        var id = Verbs.Id();
        return verbs.Of("show", "Shows one with everything: payload, attempts, stacks, who replayed it.", [id], async (run, cancellation) =>
        {
            var answer = (await run.Server.GetAsync($"api/dead-letters/{Query.Part(run.Get(id))}", cancellation)).Body;
            run.Screen.Show(answer, console =>
            {
                Screen.Members(console, answer.Without("attempts", "replays"));
                Screen.Rows(console, answer.Items("attempts"), "No attempts.", "attempt=number", "outcome", "started=startedAt", "instance", "error=error.message");
                if (answer.Items("replays") is { Count: > 0 } replays)
                    Screen.Rows(console, replays, "", "replay=number", "by", "at", "reason", "mended");
            });
            return ExitCode.Ok;
        });
    }

    private static Command Replay(Verbs verbs)
    {
        var id = new Argument<string?>("id") { Description = "The job's id; without it --type, --fingerprint, --reason, --from, --to or --all says which.", Arity = ArgumentArity.ZeroOrOne };
        var payload = Verbs.Text("--payload", "A mended payload, for one: JSON, @file, or -.", "JSON");
        var filters = new Filters();
        var all = Verbs.Flag("--all", "All that are open.");
        var limit = Verbs.Whole("--limit", "The most to replay.");
        var dryRun = Verbs.Flag("--dry-run", "Only say how many it would be; with --staged which, in their order, and whether their payloads keep the contract.");
        var stages = new ReplayCommands.StageOptions();
        var why = Verbs.Text("--why", "Stays on record.");
        return verbs.Of("replay", "Runs one again, or many.", [id, payload, .. filters.All.Where(one => one.Name != "--state"), all, limit, dryRun, why, .. stages.All], async (run, cancellation) =>
        {
            var chosen = filters.Values(run).Where(one => one.Value is not null && one.Name != "tenant").ToArray();
            if (run.Get(id) is { } one)
            {
                if (chosen.Length > 0 || run.Get(all) || run.Get(dryRun) || run.Has(limit) || stages.AreGiven(run))
                    throw new UsageException("An id names one: filters, --all, --limit, --dry-run and stages are for many.");
                run.Screen.ShowOne((await run.Server.PostAsync($"api/dead-letters/{Query.Part(one)}/replay", await BodyOfOneAsync(run, payload, why, cancellation), cancellation)).Body);
                return ExitCode.Ok;
            }
            if (run.Has(payload))
                throw new UsageException("A mended payload is for one dead letter: name its id.");
            if (chosen.Length == 0 == !run.Get(all))
                throw new UsageException("Say which: an id, a filter such as --fingerprint, or --all and no filter.");
            if (stages.AreGiven(run))
                return await ReplayCommands.StartAsync(run, stages, BodyOfMany(run, chosen, run.Get(all), run.Get(why), run.Get(limit)), run.Get(dryRun), cancellation);
            return await ReplayManyAsync(run, chosen, run.Get(all), run.Get(limit), run.Get(dryRun), run.Get(why), cancellation);
        });
    }

    private static async Task<JsonElement> BodyOfOneAsync(Run run, Option<string?> payload, Option<string?> why, CancellationToken cancellation)
    {
        var body = new Dictionary<string, object>();
        if (await run.JsonAsync(run.Get(payload), "The payload", cancellation) is { } mended)
            body["payload"] = mended;
        if (run.Get(why) is { } reason)
            body["reason"] = reason;
        return Json.Of(body);
    }

    private static Dictionary<string, object> BodyOfMany(Run run, (string Name, object? Value)[] chosen, bool all, string? why, int? limit)
    {
        var body = chosen.ToDictionary(one => one.Name, one => one.Value!);
        if (all)
            body["all"] = true;
        if (run.Tenant is { } tenant)
            body["tenant"] = tenant;
        if (why is not null)
            body["why"] = why;
        if (limit is not null)
            body["limit"] = JobCommands.Limit(limit, 1);
        return body;
    }

    /// <summary>A request works for up to 20 s and a thousand entries; its cursor goes on.</summary>
    private static async Task<int> ReplayManyAsync(Run run, (string Name, object? Value)[] chosen, bool all, int? limit, bool dryRun, string? why, CancellationToken cancellation)
    {
        const int MostOfARequest = 1_000;
        var (matched, replayed, skipped, failed, left) = (0, 0, 0, new List<JsonElement>(), limit is null ? int.MaxValue : JobCommands.Limit(limit, 1));
        string? cursor = null;
        do
        {
            var body = BodyOfMany(run, chosen, all, why, limit: null);
            if (cursor is not null)
                body["cursor"] = cursor;
            body["limit"] = Math.Min(left, MostOfARequest);
            body["dryRun"] = dryRun;
            var answer = (await run.Server.PostAsync("api/dead-letters/replay", Json.Of(body), cancellation)).Body;
            matched += answer.Count("matched");
            replayed += answer.Count("replayed");
            skipped += answer.Count("skipped");
            failed.AddRange(answer.Items("failed"));
            left -= answer.Count("matched");
            cursor = answer.Text("cursor");
        }
        while (cursor is not null && left > 0);

        var sum = Json.Of(new { dryRun, matched, replayed, skipped, failed });
        run.Screen.Show(sum, console =>
        {
            Screen.Members(console, sum.Without("failed"));
            if (failed.Count > 0)
                Screen.Rows(console, failed, "", "id", "code", "detail");
        });
        return failed.Count == 0 ? ExitCode.Ok : ExitCode.Failed;
    }

    private static Command Discard(Verbs verbs)
    {
        var id = Verbs.Id();
        var reason = new Option<string>("--reason") { Description = "Why it is given up; stays on record.", Required = true, HelpName = "TEXT" };
        return verbs.Of("discard", "Gives one up: it is never replayed any more.", [id, reason], async (run, cancellation) =>
        {
            run.Screen.ShowOne((await run.Server.DeleteAsync(Query.Of($"api/dead-letters/{Query.Part(run.Get(id))}", ("reason", run.Get(reason))), cancellation)).Body);
            return ExitCode.Ok;
        });
    }

    private sealed class Filters
    {
        private readonly Option<string?> type = Verbs.Text("--type", "Only of this job type.", "NAME");
        private readonly Option<string?> fingerprint = Verbs.Text("--fingerprint", "Only of this cause; see groups.");
        private readonly Option<string?> reason = Verbs.Text("--reason", "Only those that died of it, such as attemptsExhausted.", "NAME");
        private readonly Option<string?> state = Verbs.Choice("--state", "Only these", "open", "replayed", "discarded");
        private readonly Option<string?> from = Verbs.Text("--from", "Died at or after it.", "TIME");
        private readonly Option<string?> to = Verbs.Text("--to", "Died before it.", "TIME");

        public IEnumerable<Option> All => [type, fingerprint, reason, state, from, to];

        public (string Name, object? Value)[] Values(Run run) =>
        [
            ("type", run.Get(type)), ("fingerprint", run.Get(fingerprint)), ("reason", run.Get(reason)), ("state", run.Get(state)), ("from", run.Get(from)), ("to", run.Get(to)), ("tenant", run.Tenant),
        ];
    }
}
