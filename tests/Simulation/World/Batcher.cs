using System.Globalization;
using System.Text.Json;
using Simulation.Model;

namespace Simulation.World;

/// <summary>Sends a batch with good, bad and hopeless items until it is accepted; pauses or cancels it, waits for its end, and has what failed run again.</summary>
internal sealed class Batcher(WorldState world, int number, Random chance)
{
    private static readonly TimeSpan LongestWait = TimeSpan.FromMinutes(40);

    private readonly Gateway gateway = new(world, new Random(chance.Next()));

    public async Task RunAsync()
    {
        await world.Outside.DelayAsync(TimeSpan.FromMilliseconds(chance.Next(20_000)));
        var items = Enumerable.Range(0, 2 + chance.Next(9)).Select(_ => Item()).ToArray();
        var batch = new BatchCase(
            string.Create(CultureInfo.InvariantCulture, $"tenant{chance.Next(world.Settings.Tenants)}"), string.Create(CultureInfo.InvariantCulture, $"batch-{number}"), [.. items.Select(item => item.IsSound)], HasCompletion: chance.Next(3) > 0);
        world.Observer.Batches.Add(batch);
        var body = $"[{string.Join(",", items.Select(item => item.Json))}]";
        if (!await SubmitAsync(batch, body))
            return;
        if (chance.Next(3) == 0)
            await Task.WhenAll(SubmitAsync(batch, body), SubmitAsync(batch, body));
        await (chance.Next(5) switch { 0 => PauseAsync(batch), 1 => CancelAsync(batch), _ => Task.CompletedTask });
        await UntilOverAsync(batch);
        if (!batch.IsCancelled && chance.Next(3) > 0)
            await RetryAsync(batch);
    }

    private (string Json, bool IsSound) Item()
    {
        var work = new Work(2_000 + number, Effects: chance.Next(2), SleepMs: chance.Next(4) == 0 ? chance.Next(5_000) : 0);
        return chance.Next(10) switch
        {
            0 => ("""{"type": "sim.unheard", "payload": {}}""", false),
            1 => ("""{"type": "sim.plain", "payload": {"number": "many"}}""", false),
            2 or 3 => (Sound("sim.plain", work with { FailTimes = 1, FailAs = "permanent" }), true),
            4 => (Sound("sim.least", work with { FailTimes = chance.Next(3) }), true),
            5 => (Sound("sim.critical", work with { SleepMs = 0 }), true),
            _ => (Sound("sim.plain", work), true),
        };

        static string Sound(string type, Work work) => JsonSerializer.Serialize(new { type, payload = work }, JsonSerializerOptions.Web);
    }

    private async Task<bool> SubmitAsync(BatchCase batch, string body)
    {
        var answer = await gateway.InsistAsync("SubmitBatch", "POST", "/api/batches", body, batch.HasCompletion ? $"?completion={BatchRules.CompletionType}" : "", [("Weir-Tenant", batch.Tenant), ("Idempotency-Key", batch.Key)]);
        if (answer is not { Reply.Status: 202 })
        {
            world.Observer.Break("batches", $"{batch} was answered with {answer?.Reply}");
            return false;
        }
        var view = JsonElement.Parse(answer.Reply.Body);
        var id = view.GetProperty("id").GetString()!;
        if (batch.Id is { } before && before != id)
            world.Observer.Break("I4", $"{batch} is {id} for the same key", before, id);
        batch.Id ??= id;
        BatchRules.CheckAccepted(world, batch, view);
        return true;
    }

    private async Task PauseAsync(BatchCase batch)
    {
        await AskAsync(batch, "PauseBatch", "POST", "/pause");
        await world.Outside.DelayAsync(TimeSpan.FromMilliseconds(chance.Next(20_000)));
        await AskAsync(batch, "ResumeBatch", "POST", "/resume");
    }

    private async Task CancelAsync(BatchCase batch)
    {
        await world.Outside.DelayAsync(TimeSpan.FromMilliseconds(chance.Next(8_000)));
        batch.IsCancelled = true;
        await AskAsync(batch, "CancelBatch", "DELETE", "", "?reason=changed%20my%20mind");
    }

    private async Task UntilOverAsync(BatchCase batch)
    {
        for (var until = world.Now + LongestWait; world.Now < until;)
        {
            var state = await StateAsync(batch);
            if (state is "completed" or "cancelled")
                return;
            // A try to pause it that nobody answered may have been carried out since.
            if (state == "paused")
                await AskAsync(batch, "ResumeBatch", "POST", "/resume");
            await world.Outside.DelayAsync(TimeSpan.FromSeconds(5));
        }
        world.Observer.Break("I10", $"{batch} has not ended in {LongestWait}", batch.Id!);
    }

    /// <summary>Each run that is counted as failed has one successor, and no other item has one.</summary>
    private async Task RetryAsync(BatchCase batch)
    {
        if (await AskAsync(batch, "GetBatchItems", "GET", "/items", "?state=deadLettered&limit=100") is not { Reply.Status: 200 } listed)
            return;
        var failed = JsonElement.Parse(listed.Reply.Body).GetProperty("items").EnumerateArray()
            .Select(item => world.Observer.Find(item.GetProperty("id").GetString()!)!).Where(job => job is { State: "DeadLettered", Discarded: false }).Select(job => (Job: job, job.Replays)).ToArray();
        if (await AskAsync(batch, "RetryBatch", "POST", "/retry") is not { Reply.Status: 202 } answer)
            return;
        if (JsonElement.Parse(answer.Reply.Body).GetProperty("remaining").GetInt32() == 0)
        {
            foreach (var (job, replays) in failed.Where(item => item.Job.Replays == item.Replays && !item.Job.Discarded))
                world.Observer.Break("batches", $"{batch} was retried, and its failed item {job} was not (run {replays})", batch.Id!, job.Id);
        }
        await UntilOverAsync(batch);
    }

    private async Task<string?> StateAsync(BatchCase batch) =>
        await AskAsync(batch, "GetBatch", "GET", "") is { Reply.Status: 200 } answer ? JsonElement.Parse(answer.Reply.Body).GetProperty("state").GetString() : null;

    private Task<Answer?> AskAsync(BatchCase batch, string function, string method, string what, string query = "") =>
        gateway.InsistAsync(function, method, $"/api/batches/{batch.Id}{what}", query: query, headers: [("Weir-Tenant", batch.Tenant)], route: [("id", batch.Id!)]);
}
