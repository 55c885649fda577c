using System.Net;
using System.Text.Json;

namespace BlackBox.Tests;

/// <summary>Among the jobs of one type that name a key, one counts.</summary>
public sealed class UniqueTests(OneInstance weir) : IClassFixture<OneInstance>
{
    [Fact]
    public async Task Fifty_submissions_with_one_key_are_one_job()
    {
        var answers = await Task.WhenAll(Enumerable.Range(0, 50).Select(number => weir.Http.AskAsync("fifty", "returnExisting", new { effect = "unique-fifty", sleepMs = 500, note = $"{number}" })));
        Assert.All(answers, answer => Assert.Equal(HttpStatusCode.Accepted, answer.Status));
        var id = Assert.Single(answers.Select(answer => answer.Id).Distinct());
        Assert.Single(answers, answer => !answer.Existing);
        Assert.Equal("succeeded", (await weir.Http.FinalAsync(id!)).State());
        var effects = await weir.Http.EffectsAsync("unique-fifty");
        Assert.Equal((1, 1), (effects.GetProperty("count").GetInt32(), effects.GetProperty("starts").GetInt32()));
    }

    [Fact]
    public async Task Two_instances_agree_on_who_holds_a_key()
    {
        using var data = new DataFolder();
        await using var one = await WeirProcess.StartAsync(data);
        await using var other = await WeirProcess.StartAsync(data);
        var answers = await Task.WhenAll(Enumerable.Range(0, 40).Select(number => (number % 2 == 0 ? one : other).Http.AskAsync("shared", "reject", new { effect = "unique-shared", sleepMs = 5_000 })));
        var holder = Assert.Single(answers, answer => answer.Status == HttpStatusCode.Accepted);
        Assert.All(answers.Where(answer => answer != holder), answer => Assert.Equal((HttpStatusCode.Conflict, holder.Id), (answer.Status, answer.InTheWay)));

        var kept = await Task.WhenAll(Enumerable.Range(0, 20).Select(number => (number % 2 == 0 ? one : other).Http.AskAsync("shared", "keepLastIfActive", new { effect = "unique-shared" })));
        var ended = await Task.WhenAll(kept.Select(answer => one.Http.FinalAsync(answer.Id!)));
        Assert.Single(ended, job => job.State() == "succeeded");
        Assert.Equal(19, ended.Count(job => job.State() == "cancelled"));
        Assert.Equal((2, 1), ((await one.Http.EffectsAsync("unique-shared")).GetProperty("starts").GetInt32(), (await one.Http.EffectsAsync("unique-shared")).GetProperty("maxConcurrent").GetInt32()));
    }

    [Fact]
    public async Task A_key_is_free_again_when_its_job_has_ended()
    {
        var first = await weir.Http.AskAsync("again", "returnExisting", new { });
        await weir.Http.FinalAsync(first.Id!);
        var second = await weir.Http.AskAsync("again", "returnExisting", new { });
        Assert.False(second.Existing);
        Assert.NotEqual(first.Id, second.Id);
    }

    [Fact]
    public async Task A_key_stays_taken_for_as_long_as_its_job_asked()
    {
        var first = await weir.Http.AskAsync("stays", "returnExisting", new { }, stays: "PT2S");
        await weir.Http.FinalAsync(first.Id!);
        var within = await weir.Http.AskAsync("stays", "returnExisting", new { });
        Assert.Equal((HttpStatusCode.OK, first.Id, true, "succeeded"), (within.Status, within.Id, within.Existing, within.State));

        await Task.Delay(2_100);
        var after = await weir.Http.AskAsync("stays", "returnExisting", new { });
        Assert.False(after.Existing);
    }

    [Fact]
    public async Task Reject_names_the_job_that_is_in_the_way_and_other_types_and_keys_are_not()
    {
        var first = await weir.Http.AskAsync("reject", "reject", new { sleepMs = 1_000 });
        var second = await weir.Http.AskAsync("reject", "reject", new { });
        Assert.Equal((HttpStatusCode.Conflict, "notUnique", first.Id), (second.Status, second.Code, second.InTheWay));
        Assert.Equal(HttpStatusCode.Accepted, (await weir.Http.AskAsync("reject-other", "reject", new { })).Status);
        Assert.Equal(HttpStatusCode.Accepted, (await weir.Http.AskAsync("reject", "reject", new { userId = "u", email = "u@example.org" }, type: "crm.sync")).Status);
    }

    [Fact]
    public async Task An_idempotency_key_counts_before_the_unique_key()
    {
        var first = await weir.Http.AskAsync("keyed", "reject", new { sleepMs = 1_000, note = "keyed" }, idempotencyKey: "unique-keyed");
        var again = await weir.Http.AskAsync("keyed", "reject", new { sleepMs = 1_000, note = "keyed" }, idempotencyKey: "unique-keyed");
        Assert.Equal((HttpStatusCode.Accepted, first.Id), (again.Status, again.Id));
        var reused = await weir.Http.AskAsync("keyed", "reject", new { note = "other" }, idempotencyKey: "unique-keyed");
        Assert.Equal((HttpStatusCode.UnprocessableEntity, "idempotencyKeyReused"), (reused.Status, reused.Code));
        Assert.Equal(HttpStatusCode.Conflict, (await weir.Http.AskAsync("keyed", "reject", new { note = "other" }, idempotencyKey: "unique-keyed-2")).Status);
    }

    [Fact]
    public async Task Of_fifty_debounced_submissions_the_last_runs_and_the_others_say_what_took_their_place()
    {
        var ids = new List<string>();
        foreach (var number in Enumerable.Range(0, 10))
            ids.Add((await weir.Http.AskAsync("debounce", "replaceScheduled", new { effect = "debounce", note = $"{number}" }, delay: "PT3S")).Id!);
        var burst = await Task.WhenAll(Enumerable.Range(10, 40).Select(number => weir.Http.AskAsync("debounce", "replaceScheduled", new { effect = "debounce", note = $"{number}" }, delay: "PT3S")));
        Assert.All(burst, answer => Assert.Equal(HttpStatusCode.Accepted, answer.Status));
        ids.AddRange(burst.Select(answer => answer.Id!));

        var jobs = await Task.WhenAll(ids.Distinct().Select(id => weir.Http.FinalAsync(id)));
        Assert.Equal(50, jobs.Length);
        var ran = Assert.Single(jobs, job => job.State() == "succeeded");
        Assert.All(jobs.Where(job => job.State() != "succeeded"), job => Assert.Equal(("cancelled", "superseded", true), (job.State(), job.Text("cancelReason"), job.Text("supersededBy") is not null)));
        Assert.Equal(1, (await weir.Http.EffectsAsync("debounce")).GetProperty("starts").GetInt32());
        Assert.Contains(ran.GetProperty("id").GetString(), ids.Skip(10));
    }

    [Fact]
    public async Task A_holder_that_has_begun_is_not_replaced_and_the_next_one_holds_the_key()
    {
        var running = await weir.Http.AskAsync("begun", "replaceScheduled", new { effect = "begun", sleepMs = 1_500 });
        await weir.Http.BecomesAsync(running.Id!, "running");
        var next = await weir.Http.AskAsync("begun", "replaceScheduled", new { effect = "begun" }, delay: "PT1H");
        var third = await weir.Http.AskAsync("begun", "replaceScheduled", new { effect = "begun" }, delay: "PT1S");
        Assert.Equal("succeeded", (await weir.Http.FinalAsync(running.Id!)).State());
        Assert.Equal(third.Id, (await weir.Http.FinalAsync(next.Id!)).Text("supersededBy"));
        Assert.Equal("succeeded", (await weir.Http.FinalAsync(third.Id!)).State());
    }

    [Fact]
    public async Task Behind_an_active_job_only_the_newest_is_kept_and_follows_it()
    {
        var active = await weir.Http.AskAsync("keep", "keepLastIfActive", new { effect = "keep", sleepMs = 2_000 });
        await weir.Http.BecomesAsync(active.Id!, "running");
        var waiting = await Task.WhenAll(Enumerable.Range(0, 20).Select(number => weir.Http.AskAsync("keep", "keepLastIfActive", new { effect = "keep", note = $"{number}" })));
        Assert.All(waiting, answer => Assert.Equal((HttpStatusCode.Accepted, "held"), (answer.Status, answer.State)));
        var last = await weir.Http.AskAsync("keep", "keepLastIfActive", new { effect = "keep", note = "last" });

        var kept = await weir.Http.FinalAsync(last.Id!);
        Assert.Equal("succeeded", kept.State());
        Assert.True(kept.GetProperty("startedAt").GetDateTimeOffset() >= (await weir.Http.ShowAsync(active.Id!)).GetProperty("finishedAt").GetDateTimeOffset());
        Assert.All(await Task.WhenAll(waiting.Select(answer => weir.Http.FinalAsync(answer.Id!))), job => Assert.Equal("cancelled", job.State()));
        var effects = await weir.Http.EffectsAsync("keep");
        Assert.Equal((2, 2, 1), (effects.GetProperty("count").GetInt32(), effects.GetProperty("starts").GetInt32(), effects.GetProperty("maxConcurrent").GetInt32()));
    }

    [Fact]
    public async Task The_kept_job_follows_a_holder_that_is_cancelled_and_can_be_cancelled_itself()
    {
        var active = await weir.Http.AskAsync("keep-cancel", "keepLastIfActive", new { }, delay: "PT1H");
        var gone = await weir.Http.AskAsync("keep-cancel", "keepLastIfActive", new { });
        using (var cancelled = await weir.Http.CancelAsync(gone.Id!))
            Assert.Equal("cancelled", (await cancelled.ReadJsonAsync()).State());
        var kept = await weir.Http.AskAsync("keep-cancel", "keepLastIfActive", new { });
        Assert.Equal("held", kept.State);
        using (var cancelled = await weir.Http.CancelAsync(active.Id!))
            Assert.Equal(HttpStatusCode.Accepted, cancelled.StatusCode);
        Assert.Equal("succeeded", (await weir.Http.FinalAsync(kept.Id!)).State());
    }

    [Theory]
    [InlineData("\"key\"", "/unique")]
    [InlineData("{\"mode\": \"reject\"}", "/unique/key")]
    [InlineData("{\"key\": \"k\"}", "/unique/mode")]
    [InlineData("{\"key\": \"k\", \"mode\": \"Reject\"}", "/unique/mode")]
    [InlineData("{\"key\": \"k\", \"mode\": \"reject\", \"for\": \"soon\"}", "/unique/for")]
    [InlineData("{\"key\": \"k\", \"mode\": \"replaceScheduled\", \"for\": \"PT1S\"}", "/unique/for")]
    [InlineData("{\"key\": \"k\", \"mode\": \"reject\", \"ttl\": 5}", "/unique/ttl")]
    public async Task A_wrong_wish_is_refused_with_its_pointer(string unique, string pointer)
    {
        using var response = await weir.Http.PostAsync($$"""{"type": "probe", "payload": {}, "unique": {{unique}}}""");
        var problem = await response.ReadJsonAsync();
        Assert.Equal((HttpStatusCode.BadRequest, "invalidRequest"), (response.StatusCode, problem.Text("code")));
        Assert.Equal(pointer, Assert.Single(problem.GetProperty("errors").EnumerateObject()).Name);
    }

    [Theory]
    [InlineData("submit.receipt", "returnExisting")]
    [InlineData("submit.unique", "returnExisting")]
    [InlineData("submit.unique", "reject")]
    public async Task A_kill_during_a_submission_leaves_a_key_that_works(string point, string mode)
    {
        using var data = new DataFolder();
        await using var first = await WeirProcess.StartAsync(data, ("Weir__KillPoint", point));
        await Assert.ThrowsAnyAsync<HttpRequestException>(() => first.Http.AskAsync("kill", mode, new { effect = "unique-kill", note = "first" }, delay: "PT2S"));
        await first.ExitedAsync();

        await using var second = await WeirProcess.StartAsync(data);
        var next = await second.Http.AskAsync("kill", mode, new { effect = "unique-kill", note = "second" }, delay: "PT2S");
        var id = next.Id ?? next.InTheWay;
        Assert.NotNull(id); // the second's own job, or the first's, which the second has sent
        Assert.Equal(point != "submit.receipt", next.Existing || next.Status == HttpStatusCode.Conflict);
        Assert.Equal("succeeded", (await second.Http.FinalAsync(id)).State());
        Assert.Equal(1, (await second.Http.EffectsAsync("unique-kill")).GetProperty("starts").GetInt32());
        Assert.False((await second.Http.AskAsync("kill", mode, new { })).Existing);
    }

    [Theory]
    [InlineData("submit.unique")]
    [InlineData("submit.send")]
    public async Task What_a_cut_off_replacement_left_behind_goes_with_the_next_one(string point)
    {
        using var data = new DataFolder();
        string accepted;
        await using (var first = await WeirProcess.StartAsync(data))
            accepted = (await first.Http.AskAsync("chain", "replaceScheduled", new { effect = "chain" }, delay: "PT10M")).Id!;
        await using (var second = await WeirProcess.StartAsync(data, ("Weir__KillPoint", point)))
        {
            await Assert.ThrowsAnyAsync<HttpRequestException>(() => second.Http.AskAsync("chain", "replaceScheduled", new { effect = "chain" }, delay: "PT10M", idempotencyKey: "chain"));
            await second.ExitedAsync();
        }

        await using var third = await WeirProcess.StartAsync(data);
        Assert.Equal("scheduled", (await third.Http.ShowAsync(accepted)).State()); // nothing accepted is lost to a job that was not
        var last = await third.Http.AskAsync("chain", "replaceScheduled", new { effect = "chain" });
        Assert.Equal("succeeded", (await third.Http.FinalAsync(last.Id!)).State());
        Assert.Equal(("cancelled", last.Id), ((await third.Http.ShowAsync(accepted)).State(), (await third.Http.ShowAsync(accepted)).Text("supersededBy")));
        var cutOff = await third.Http.AskAsync("chain", "replaceScheduled", new { effect = "chain" }, delay: "PT10M", idempotencyKey: "chain");
        Assert.Equal((HttpStatusCode.Accepted, "cancelled"), (cutOff.Status, cutOff.State));
        Assert.Equal(1, (await third.Http.EffectsAsync("chain")).GetProperty("starts").GetInt32());
    }

    [Theory]
    [InlineData("run.outcome")]
    [InlineData("unique.handed-on")]
    public async Task A_kill_while_a_key_is_handed_on_loses_nothing_and_runs_nothing_twice(string point)
    {
        using var data = new DataFolder();
        await using var first = await WeirProcess.StartAsync(data, ("Weir__KillPoint", point));
        var active = await first.Http.AskAsync("hand-on", "keepLastIfActive", new { effect = "hand-on", sleepMs = 1_000 });
        var kept = await first.Http.AskAsync("hand-on", "keepLastIfActive", new { effect = "hand-on" });
        Assert.Equal("held", kept.State);
        await first.ExitedAsync();

        await using var second = await WeirProcess.StartAsync(data);
        Assert.Equal("succeeded", (await second.Http.FinalAsync(kept.Id!)).State());
        Assert.Equal("succeeded", (await second.Http.FinalAsync(active.Id!)).State());
        var effects = await second.Http.EffectsAsync("hand-on");
        Assert.Equal((2, 1), (effects.GetProperty("count").GetInt32(), effects.GetProperty("maxConcurrent").GetInt32()));
        Assert.False((await second.Http.AskAsync("hand-on", "reject", new { })).Existing);
    }
}

internal sealed record Asked(HttpStatusCode Status, string? Id, string? State, bool Existing, string? Code, string? InTheWay);

internal static class UniqueClient
{
    public static async Task<Asked> AskAsync(
        this HttpClient http, string key, string mode, object payload, string? delay = null, string? stays = null, string? idempotencyKey = null, string type = "probe")
    {
        var body = JsonSerializer.Serialize(new { type, payload, delay, unique = new Dictionary<string, string?> { ["key"] = key, ["mode"] = mode, ["for"] = stays } });
        using var response = await http.PostAsync(body, idempotencyKey);
        var answer = await response.ReadJsonAsync();
        return new Asked(response.StatusCode, answer.Text("id"), answer.Text("state"), answer.TryGetProperty("existing", out var existing) && existing.GetBoolean(), answer.Text("code"), answer.Text("jobId"));
    }
}
