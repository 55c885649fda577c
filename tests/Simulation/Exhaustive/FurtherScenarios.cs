using System.Text.Json;
using Simulation.Faults;
using Simulation.Model;
using Simulation.World;

namespace Simulation.Exhaustive;

/// <summary>Scenarios of more than one job: schedules, batches, unique keys, bulks, an outage behind a breaker, replays by filter and in stages; and those who are told of an end.</summary>
internal static class FurtherScenarios
{
    private const string Tenant = "tenant0";

    private static readonly (string, string)[] Headers = [("Weir-Tenant", Tenant)];

    public static IReadOnlyList<Scenario> All { get; } =
    [
        new("webhook and event", async stage => await stage.SubmitAsync("sim.plain", new Work(3))) { Listens = true },
        new("webhooks of two runs", async stage =>
        {
            var job = await stage.SubmitAsync("sim.plain", new Work(3, FailTimes: 9, FailAs: "permanent"));
            await stage.UntilAsync(job, "DeadLettered");
            await stage.ReplayAsync(job, new Work(3));
        }) { Listens = true },
        new("webhook of a cancelled job", async stage => await stage.CancelAsync(await stage.SubmitAsync("sim.plain", new Work(3), delay: TimeSpan.FromSeconds(20)))) { Listens = true },
        new("schedule", stage => ScheduleAsync(stage, "allow", sleepMs: 0, pauses: false)),
        new("schedule that skips", stage => ScheduleAsync(stage, "skip", sleepMs: 7_000, pauses: false)),
        new("schedule that replaces", stage => ScheduleAsync(stage, "replace", sleepMs: 7_000, pauses: false)),
        new("schedule, paused", stage => ScheduleAsync(stage, "allow", sleepMs: 0, pauses: true)),
        new("batch", async stage => await BatchAsync(stage, _ => Task.CompletedTask)),
        new("batch, failed items retried", async stage =>
        {
            var batch = await BatchAsync(stage, _ => Task.CompletedTask);
            await AskBatchAsync(stage, batch, "RetryBatch", "POST", "/retry");
            await UntilOverAsync(stage, batch);
        }),
        new("batch, paused", async stage => await BatchAsync(stage, async batch =>
        {
            await AskBatchAsync(stage, batch, "PauseBatch", "POST", "/pause");
            await stage.World.Outside.DelayAsync(TimeSpan.FromSeconds(3));
            await AskBatchAsync(stage, batch, "ResumeBatch", "POST", "/resume");
        })),
        new("batch, cancelled", async stage => await BatchAsync(stage, async batch =>
        {
            batch.IsCancelled = true;
            await AskBatchAsync(stage, batch, "CancelBatch", "DELETE", "");
        })),
        new("unique: returnExisting", stage => UniqueAsync(stage, "returnExisting", new Work(1, SleepMs: 2_000))),
        new("unique: reject", stage => UniqueAsync(stage, "reject", new Work(1, SleepMs: 2_000))),
        new("unique: keepLastIfActive", stage => UniqueAsync(stage, "keepLastIfActive", new Work(1, SleepMs: 4_000))),
        new("unique: replaceScheduled", stage => UniqueAsync(stage, UniqueRules.MayRunBeside, new Work(1), delay: 4)),
        new("unique: two at once", UniqueAtOnceAsync),
        new("bulk", BulkAsync),
        new("replay by filter", async stage =>
        {
            var first = await stage.SubmitAsync("sim.plain", new Work(1, FailTimes: 1, FailAs: "permanent"));
            var second = await stage.SubmitAsync("sim.plain", new Work(2, FailTimes: 1, FailAs: "permanent"));
            await stage.UntilAsync(first, "DeadLettered");
            await stage.UntilAsync(second, "DeadLettered");
            await stage.Gateway.InsistAsync("ReplayDeadLetters", "POST", "/api/dead-letters/replay", """{"type": "sim.plain"}""");
        }),
        new("outage behind a breaker", async stage =>
        {
            stage.World.OutUntil[(int)Dependency.Downstream] = stage.World.Now.AddSeconds(10);
            await Task.WhenAll(Enumerable.Range(1, 6).Select(number => stage.SubmitAsync("sim.depends", new Work(number))));
            stage.World.Observer.Cases.ForEach(known => known.IsCutOff = true); // each takes as many attempts as it takes
        }),
        new("staged replay in two stages", async stage =>
        {
            var jobs = await Task.WhenAll(
                stage.SubmitAsync("sim.plain", new Work(1, FailTimes: 1, FailAs: "permanent", SleepMs: 8_000)), stage.SubmitAsync("sim.plain", new Work(2, FailTimes: 1, FailAs: "permanent", SleepMs: 8_000)));
            foreach (var job in jobs)
                await stage.UntilAsync(job, "DeadLettered");
            await stage.Gateway.InsistAsync("ReplayDeadLetters", "POST", "/api/dead-letters/replay", """{"type": "sim.plain", "stages": [1, 10], "rate": 20}""");
            await stage.WaitAsync(TimeSpan.FromMinutes(1));
        }),
        new("staged replay of a strict key", async stage =>
        {
            await stage.SubmitAsync("sim.strict", new Work(1, SleepMs: 3_000), "key");
            var second = await stage.SubmitAsync("sim.strict", new Work(2, SleepMs: 3_000), "key", expiresIn: TimeSpan.FromSeconds(1)); // it waits behind the first until it is too late
            var third = await stage.SubmitAsync("sim.strict", new Work(3), "key", expiresIn: TimeSpan.FromSeconds(1));
            await stage.UntilAsync(second, "Expired");
            await stage.UntilAsync(third, "Expired");
            await stage.Gateway.InsistAsync("ReplayDeadLetters", "POST", "/api/dead-letters/replay", """{"type": "sim.strict", "stages": [10], "rate": 20}""");
            await stage.WaitAsync(TimeSpan.FromMinutes(1));
        }),
        new("staged replay of what dies again", async stage =>
        {
            var jobs = await Task.WhenAll(
                stage.SubmitAsync("sim.plain", new Work(1, FailTimes: 9, FailAs: "permanent")),
                stage.SubmitAsync("sim.plain", new Work(2, FailTimes: 9, FailAs: "permanent")),
                stage.SubmitAsync("sim.plain", new Work(3, FailTimes: 1, FailAs: "permanent", SleepMs: 20_000)));
            foreach (var job in jobs)
                await stage.UntilAsync(job, "DeadLettered");
            await stage.Gateway.InsistAsync("ReplayDeadLetters", "POST", "/api/dead-letters/replay", """{"type": "sim.plain", "stages": [3, 10], "rate": 20, "stopAtFailureRate": 0.3}""");
            await stage.WaitAsync(TimeSpan.FromMinutes(1));
        }),
    ];

    private static async Task ScheduleAsync(Stage stage, string overlap, int sleepMs, bool pauses)
    {
        var known = new ScheduleCase(Tenant, "plan") { Every = 5, Missed = "all", Overlap = overlap };
        stage.World.Observer.Schedules.Add(known);
        var definition = JsonSerializer.Serialize(new { type = "sim.plain", payload = new Work(1, SleepMs: sleepMs), cron = "*/5 * * * * *", missed = "all", overlap }, JsonSerializerOptions.Web);
        known.Put = (await AskAsync("PutSchedule", "PUT", "", definition))?.Asked;
        await stage.World.Outside.DelayAsync(TimeSpan.FromSeconds(8));
        if (pauses)
        {
            known.Paused = (await AskAsync("PauseSchedule", "POST", "/pause", """{"reason": "quiet"}"""))?.Asked;
            await stage.World.Outside.DelayAsync(TimeSpan.FromSeconds(6));
            known.Resumed = (await AskAsync("ResumeSchedule", "POST", "/resume"))?.Asked;
            await stage.World.Outside.DelayAsync(TimeSpan.FromSeconds(6));
        }
        known.Removed = (await AskAsync("DeleteSchedule", "DELETE", ""))?.Asked;

        Task<Answer?> AskAsync(string function, string method, string what, string? body = null) =>
            stage.Gateway.InsistAsync(function, method, $"/api/schedules/plan{what}", body, headers: Headers, route: [("name", "plan")]);
    }

    private static async Task<BatchCase> BatchAsync(Stage stage, Func<BatchCase, Task> meanwhile)
    {
        var batch = new BatchCase(Tenant, "batch", [true, false, true, true], HasCompletion: true);
        stage.World.Observer.Batches.Add(batch);
        string[] items =
        [
            Item(new Work(1)), """{"type": "sim.unheard", "payload": {}}""", Item(new Work(2, FailTimes: 1, FailAs: "permanent")), Item(new Work(3, SleepMs: 500)),
        ];
        var answer = await stage.Gateway.InsistAsync(
            "SubmitBatch", "POST", "/api/batches", $"[{string.Join(",", items)}]", $"?completion={BatchRules.CompletionType}", [("Weir-Tenant", Tenant), ("Idempotency-Key", batch.Key)]);
        if (answer is not { Reply.Status: 202 })
            throw new InvalidOperationException($"The batch was answered with {answer?.Reply}.");
        var view = JsonElement.Parse(answer.Reply.Body);
        batch.Id = view.GetProperty("id").GetString();
        BatchRules.CheckAccepted(stage.World, batch, view);
        await meanwhile(batch);
        await UntilOverAsync(stage, batch);
        return batch;

        static string Item(Work work) => JsonSerializer.Serialize(new { type = "sim.plain", payload = work }, JsonSerializerOptions.Web);
    }

    private static async Task UntilOverAsync(Stage stage, BatchCase batch)
    {
        for (var until = stage.World.Now.AddMinutes(30); stage.World.Now < until;)
        {
            var view = await AskBatchAsync(stage, batch, "GetBatch", "GET", "");
            if (view is { Reply.Status: 200 } && JsonElement.Parse(view.Reply.Body).GetProperty("state").GetString() is "completed" or "cancelled")
                return;
            await stage.World.Outside.DelayAsync(TimeSpan.FromSeconds(2));
        }
        stage.World.Observer.Break("I10", $"{batch} has no end", batch.Id!);
    }

    private static Task<Answer?> AskBatchAsync(Stage stage, BatchCase batch, string function, string method, string what) =>
        stage.Gateway.InsistAsync(function, method, $"/api/batches/{batch.Id}{what}", headers: Headers, route: [("id", batch.Id!)]);

    /// <summary>Three submissions under one key, one after the other: the first holds it, and the others do what the mode says.</summary>
    private static async Task UniqueAsync(Stage stage, string mode, Work work, int? delay = null)
    {
        for (var number = 1; number <= 3; number++)
        {
            await SubmitUniqueAsync(stage, number, mode, work, delay);
            await stage.World.Outside.DelayAsync(TimeSpan.FromMilliseconds(700));
        }
    }

    /// <summary>Two that find the same holder, which has ended: one of them takes its place.</summary>
    private static async Task UniqueAtOnceAsync(Stage stage)
    {
        var first = await SubmitUniqueAsync(stage, 1, "reject", new Work(1), delay: null);
        await stage.UntilAsync(first!, "Succeeded");
        await Task.WhenAll(SubmitUniqueAsync(stage, 2, "reject", new Work(1, SleepMs: 2_000), delay: null), SubmitUniqueAsync(stage, 3, "reject", new Work(1, SleepMs: 2_000), delay: null));
    }

    /// <returns>Its id; null when the holder was named instead.</returns>
    private static async Task<string?> SubmitUniqueAsync(Stage stage, int number, string mode, Work work, int? delay)
    {
        var known = new JobCase(number, "sim.plain", Tenant, work with { Number = number })
        {
            IdempotencyKey = $"unique-{number}", Unique = ("key", mode, TimeSpan.Zero), SentAt = stage.World.Now, Delay = delay is { } seconds ? TimeSpan.FromSeconds(seconds) : null,
        };
        stage.World.Observer.Cases.Add(known);
        var body = JsonSerializer.Serialize(new { type = known.Type, payload = known.Work, unique = new { key = "key", mode }, delay = delay is null ? null : $"PT{delay}S" }, JsonSerializerOptions.Web);
        var answer = await stage.Gateway.InsistAsync("SubmitJob", "POST", "/api/jobs", body, headers: [("Weir-Tenant", Tenant), ("Idempotency-Key", known.IdempotencyKey)]);
        if (answer is not { Reply.Status: 200 or 202 or 409 })
            throw new InvalidOperationException($"A unique job was answered with {answer?.Reply}.");
        var view = JsonElement.Parse(answer.Reply.Body);
        if (answer.Reply.Status == 409 || view.TryGetProperty("existing", out _))
        {
            UniqueRules.CheckHolder(stage.World, known, view.GetProperty(answer.Reply.Status == 409 ? "jobId" : "id").GetString()!, answer.Asked.First);
            return null;
        }
        var id = view.GetProperty("id").GetString()!;
        known.Ids.Add(id);
        return id;
    }

    private static async Task BulkAsync(Stage stage)
    {
        var items = Enumerable.Range(1, 3).Select(number => new JobCase(number, "sim.plain", Tenant, new Work(number)) { IdempotencyKey = $"bulk-{number}", SentAt = stage.World.Now }).ToArray();
        stage.World.Observer.Cases.AddRange(items);
        var body = JsonSerializer.Serialize(items.Select(item => new { type = item.Type, payload = item.Work, idempotencyKey = item.IdempotencyKey }), JsonSerializerOptions.Web);
        for (var until = stage.World.Now.AddMinutes(20); stage.World.Now < until && items.Any(item => item.Ids.Count == 0);)
        {
            if (await stage.Gateway.InsistAsync("SubmitJobs", "POST", "/api/jobs/bulk", body, headers: Headers) is not { Reply.Status: 200 } answer)
                throw new InvalidOperationException("The bulk was never answered.");
            foreach (var (known, result) in items.Zip(JsonElement.Parse(answer.Reply.Body).GetProperty("results").EnumerateArray()).Where(pair => pair.Second.GetProperty("status").GetInt32() == 202))
                known.Ids.Add(result.GetProperty("id").GetString()!);
            await stage.World.Outside.DelayAsync(TimeSpan.FromSeconds(1));
        }
        if (items.Any(item => item.Ids.Count != 1))
            stage.World.Observer.Break("I4", "a bulk has items without a job, or with two");
    }
}
