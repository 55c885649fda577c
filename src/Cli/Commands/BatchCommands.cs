using System.CommandLine;
using System.Net.Http.Headers;
using System.Text.Json;
using Spectre.Console;

namespace Cli.Commands;

/// <summary>batches submit, get, items, list, retry, pause, resume, cancel</summary>
internal static class BatchCommands
{
    private static readonly TimeSpan BetweenTries = TimeSpan.FromSeconds(2);

    public static Command All(Verbs verbs) => Verbs.Group(
        "batches", "Many jobs that belong together.", Submit(verbs), Get(verbs), Items(verbs), List(verbs), Retry(verbs),
        Act(verbs, "pause", "What has not begun is held."), Act(verbs, "resume", "A paused batch goes on."), Cancel(verbs));

    private static Command Submit(Verbs verbs)
    {
        var file = new Argument<FileInfo>("file") { Description = "Items: one JSON a line, or a JSON array when its name ends with .json." };
        var type = Verbs.Text("--type", "Every item is a payload of this type; without it each item is a submission.", "NAME");
        var version = Verbs.Whole("--contract-version", "Of the items' contract.");
        var priority = Verbs.Choice("--priority", "Which queue", "critical", "default", "bulk");
        var name = Verbs.Text("--name", "Yours, shown again.");
        var completion = Verbs.Text("--completion", "A job of this type is submitted when the last item has ended.", "NAME");
        var key = Verbs.Text("--idempotency-key", "Sent again under it, the same file goes on as the same batch; with it, a connection that breaks is tried again.");
        var wait = Verbs.Text("--wait", "Wait until all items have ended, at most so long.", "DURATION");
        return verbs.Of("submit", "Submits a file of items.", [file, type, version, priority, name, completion, key, wait], async (run, cancellation) =>
        {
            var limit = run.Get(wait) is { } text ? JobCommands.WaitOf(text) : (TimeSpan?)null;
            var path = Query.Of("api/batches", ("type", run.Get(type)), ("version", run.Get(version)), ("priority", run.Get(priority)), ("name", run.Get(name)), ("completion", run.Get(completion)));
            var accepted = await WithProgressAsync(run, "Sending", progress => SendAsync(run, path, run.Get(file), run.Get(key), progress, cancellation));
            if (limit is null)
            {
                ShowAccepted(run.Screen, accepted);
                return accepted.Count("refused") > 0 ? ExitCode.Failed : ExitCode.Ok;
            }
            return await WaitAsync(run, accepted.Id(), limit.Value, cancellation);
        });
    }

    /// <summary>The file as it is read, told to the progress bar.</summary>
    private static async Task<JsonElement> SendAsync(Run run, string path, FileInfo file, string? key, Action<double> progress, CancellationToken cancellation)
    {
        const int Tries = 5;
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                await using var items = new ProgressStream(file.OpenRead(), progress);
                using var content = new StreamContent(items);
                content.Headers.ContentType = new MediaTypeHeaderValue(file.Extension.Equals(".json", StringComparison.OrdinalIgnoreCase) ? "application/json" : "application/x-ndjson");
                return (await run.Server.SendAsync(HttpMethod.Post, path, content, cancellation, ("Idempotency-Key", key))).Body;
            }
            catch (Exception unreadable) when (unreadable is FileNotFoundException or DirectoryNotFoundException or UnauthorizedAccessException)
            {
                throw new UsageException($"{file.Name} cannot be read: {unreadable.Message}");
            }
            catch (NotReachableException) when (key is not null && attempt < Tries)
            {
                await Task.Delay(BetweenTries, run.Surroundings.Clock, cancellation); // nothing was promised; the key makes it the same batch
            }
        }
    }

    private static Command Get(Verbs verbs)
    {
        var (id, wait) = (Verbs.Id("The batch's id."), Verbs.Text("--wait", "Wait until all items have ended, at most so long.", "DURATION"));
        return verbs.Of("get", "Shows a batch with its counts.", [id, wait], async (run, cancellation) =>
        {
            if (run.Get(wait) is { } text)
                return await WaitAsync(run, run.Get(id), JobCommands.WaitOf(text), cancellation);
            ShowBatch(run.Screen, (await run.Server.GetAsync($"api/batches/{Query.Part(run.Get(id))}", cancellation)).Body);
            return ExitCode.Ok;
        });
    }

    private static Command Items(Verbs verbs)
    {
        var (id, state) = (Verbs.Id("The batch's id."), Verbs.Choice("--state", "Only these", "pending", "succeeded", "deadLettered", "cancelled", "expired", "compensated", "refused", "failed"));
        var (limit, cursor) = (Verbs.Whole("--limit", "The most items; 50 unless given."), Verbs.Text("--cursor", "Where the list before ended."));
        return verbs.Of("items", "Lists a batch's items in their order.", [id, state, limit, cursor], async (run, cancellation) =>
        {
            var page = await run.PagesAsync("items", JobCommands.Limit(run.Get(limit), 50), 100,
                (some, after) => Query.Of($"api/batches/{Query.Part(run.Get(id))}/items", ("state", run.Get(state)), ("limit", some), ("cursor", after)), run.Get(cursor), cancellation);
            run.Screen.ShowList(page, "items", "No items.", "index", "state", "id", "type", "attempt", "finished=finishedAt", "error=error.message", "problem=problem.detail");
            JobCommands.More(run.Screen, page);
            return ExitCode.Ok;
        });
    }

    private static Command List(Verbs verbs)
    {
        var (limit, cursor) = (Verbs.Whole("--limit", "The most batches; 50 unless given."), Verbs.Text("--cursor", "Where the list before ended."));
        return verbs.Of("list", "Lists batches, the newest first.", [limit, cursor], async (run, cancellation) =>
        {
            var page = await run.PagesAsync("batches", JobCommands.Limit(run.Get(limit), 50), 100, (some, after) => Query.Of("api/batches", ("limit", some), ("cursor", after)), run.Get(cursor), cancellation);
            run.Screen.ShowList(page, "batches", "No batches.", "id", "name", "state", "total", "percent", "succeeded=counts.succeeded", "dead=counts.deadLettered", "pending=counts.pending", "created=createdAt");
            JobCommands.More(run.Screen, page);
            return ExitCode.Ok;
        });
    }

    private static Command Retry(Verbs verbs)
    {
        var id = Verbs.Id("The batch's id.");
        return verbs.Of("retry", "Runs the items that are dead or expired once more.", [id], async (run, cancellation) =>
        {
            const int MostRequests = 1_000;
            var (retried, answer) = (0, default(JsonElement));
            for (var request = 0; request < MostRequests; request++)
            {
                answer = (await run.Server.PostAsync($"api/batches/{Query.Part(run.Get(id))}/retry", null, cancellation)).Body;
                retried += answer.Count("retried");
                if (answer.Count("remaining") == 0 || answer.Count("retried") == 0)
                    break;
            }
            var sum = Json.Of(new { retried, remaining = answer.Count("remaining"), notRetryable = answer.Items("notRetryable") });
            run.Screen.Show(sum, console =>
            {
                Screen.Members(console, sum.Without("notRetryable"));
                if (sum.Items("notRetryable") is { Count: > 0 } others)
                    Screen.Rows(console, others, "", "index", "id", "detail");
            });
            return ExitCode.Ok;
        });
    }

    private static Command Act(Verbs verbs, string verb, string description)
    {
        var id = Verbs.Id("The batch's id.");
        return verbs.Of(verb, description, [id], async (run, cancellation) =>
        {
            ShowBatch(run.Screen, (await run.Server.PostAsync($"api/batches/{Query.Part(run.Get(id))}/{verb}", null, cancellation)).Body);
            return ExitCode.Ok;
        });
    }

    private static Command Cancel(Verbs verbs)
    {
        var (id, reason) = (Verbs.Id("The batch's id."), Verbs.Text("--reason", "Shown with the batch."));
        return verbs.Of("cancel", "What has not begun is cancelled, what runs is asked to stop.", [id, reason], async (run, cancellation) =>
        {
            ShowBatch(run.Screen, (await run.Server.DeleteAsync(Query.Of($"api/batches/{Query.Part(run.Get(id))}", ("reason", run.Get(reason))), cancellation)).Body);
            return ExitCode.Ok;
        });
    }

    private static async Task<int> WaitAsync(Run run, string id, TimeSpan limit, CancellationToken cancellation)
    {
        var batch = await WithProgressAsync(run, "Running", progress => EndAsync(run, id, limit, progress, cancellation));
        ShowBatch(run.Screen, batch);
        return !IsOver(batch) ? ExitCode.NotYet : batch.Member("counts.succeeded")?.GetInt32() == batch.Count("total") ? ExitCode.Ok : ExitCode.Failed;
    }

    private static async Task<JsonElement> EndAsync(Run run, string id, TimeSpan limit, Action<double> progress, CancellationToken cancellation)
    {
        var began = run.Surroundings.Clock.GetTimestamp();
        while (true)
        {
            var left = limit - run.Surroundings.Clock.GetElapsedTime(began);
            var batch = (await run.Server.GetAsync(Query.Of($"api/batches/{Query.Part(id)}", ("wait", left > TimeSpan.Zero ? "PT1S" : null)), cancellation)).Body;
            progress(batch.Member("percent") is { } percent ? percent.GetDouble() / 100 : 0);
            if (IsOver(batch) || left <= TimeSpan.Zero)
                return batch;
        }
    }

    private static bool IsOver(JsonElement batch) => batch.Text("state") is "completed" or "cancelled" or "refused";

    private static async Task<T> WithProgressAsync<T>(Run run, string title, Func<Action<double>, Task<T>> work)
    {
        if (!run.Screen.IsLive)
            return await work(_ => { });
        return await run.Screen.Error.Progress().AutoClear(true).StartAsync(async context =>
        {
            var task = context.AddTask(title);
            return await work(share => task.Value = share * task.MaxValue);
        });
    }

    private static void ShowAccepted(Screen screen, JsonElement accepted) => screen.Show(accepted, console =>
    {
        Screen.Members(console, accepted.Without("refusedItems"));
        if (accepted.Items("refusedItems") is { Count: > 0 } refused)
            Screen.Rows(console, refused, "", "index", "code", "detail", "errors");
    });

    private static void ShowBatch(Screen screen, JsonElement batch) => screen.Show(batch, console =>
    {
        Screen.Members(console, batch.Without("failed"));
        if (batch.Items("failed.items") is { Count: > 0 } failed)
            Screen.Rows(console, failed, "", "index", "state", "id", "type", "error=error.message", "problem=problem.detail");
    });
}
