using System.Net;
using System.Net.Http.Json;
using System.Text.Json;

namespace BlackBox.Tests;

/// <summary>Workflows, at the running product: steps, compensation, events, cancellation, replays.</summary>
public sealed class WorkflowTests(WorkflowInstance running, ITestOutputHelper output) : IClassFixture<WorkflowInstance>
{
    private readonly WeirProcess weir = running.Weir;

    [Fact]
    public async Task All_steps_run_in_their_order_and_the_job_shows_each()
    {
        var id = await weir.Http.SubmitAsync("probe.workflow", new { effect = "plain", steps = 3 });
        var job = await weir.Http.FinalAsync(id);
        Assert.Equal("succeeded", job.State());
        Assert.Equal(3, job.GetProperty("result").GetProperty("steps").GetInt32());
        Assert.Equal(["run:1", "run:2", "run:3"], await weir.Http.NotesAsync("plain"));
        Assert.All(job.Steps(), step => Assert.Equal("done", step.State()));
        Assert.All(job.Steps(), step => Assert.Equal(1, step.GetProperty("attempts").GetInt32()));
        Assert.Equal("succeeded", job.GetProperty("attempts")[0].GetProperty("outcome").GetString());
    }

    [Fact]
    public async Task A_step_that_fails_for_good_has_the_earlier_ones_undone_last_first()
    {
        var id = await weir.Http.SubmitAsync("probe.workflow", new { effect = "undone", steps = 6, failAt = 4 });
        var job = await weir.Http.FinalAsync(id);
        Assert.Equal("compensated", job.State());
        Assert.Equal(["run:1", "run:2", "run:3", "undo:3", "undo:2", "undo:1"], await weir.Http.NotesAsync("undone"));
        Assert.Equal(["done", "done", "done", "failed", "pending", "pending"], job.Steps().Select(step => step.State()));
        Assert.All(job.Steps().Take(3), step => Assert.Equal("done", step.GetProperty("compensation").State()));
        Assert.Contains("as it was told to", job.GetProperty("error").GetProperty("message").GetString(), StringComparison.Ordinal);
        Assert.Contains("RunProbeWorkflow", job.Steps()[3].GetProperty("error").GetProperty("stack").GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Steps_and_compensations_that_fail_in_passing_are_tried_again_and_take_effect_once()
    {
        var id = await weir.Http.SubmitAsync("probe.workflow", new { effect = "retried", steps = 3, failAt = 3, failAs = "transient", failTimes = 2 });
        var other = await weir.Http.SubmitAsync("probe.workflow", new { effect = "retried-undo", steps = 3, failAt = 3, failCompensationAt = 1, failCompensationTimes = 2 });
        var job = await weir.Http.FinalAsync(id);
        Assert.Equal("succeeded", job.State());
        Assert.Equal([1, 1, 3], job.Steps().Select(step => step.GetProperty("attempts").GetInt32()));
        Assert.Equal(["run:1", "run:2", "run:3"], await weir.Http.NotesAsync("retried"));

        var undone = await weir.Http.FinalAsync(other);
        Assert.Equal("compensated", undone.State());
        Assert.Equal(3, undone.Steps()[0].GetProperty("compensation").GetProperty("attempts").GetInt32());
        Assert.Equal(["run:1", "run:2", "undo:2", "undo:1"], await weir.Http.NotesAsync("retried-undo"));
    }

    [Fact]
    public async Task A_compensation_that_fails_for_good_is_a_dead_letter_and_its_replay_runs_it_alone()
    {
        var id = await weir.Http.SubmitAsync("probe.workflow", new { effect = "stuck", steps = 4, failAt = 4, failCompensationAt = 2 });
        var job = await weir.Http.FinalAsync(id);
        Assert.Equal("deadLettered", job.State());
        Assert.Equal("compensationFailed", job.GetProperty("error").GetProperty("reason").GetString());
        Assert.Equal(["run:1", "run:2", "run:3", "undo:3", "undo:1"], await weir.Http.NotesAsync("stuck"));
        Assert.Equal("failed", job.Steps()[1].GetProperty("compensation").State());

        var entry = await weir.Http.DeadLetterAsync(id);
        Assert.Equal("compensationFailed", entry.GetProperty("reason").GetString());
        Assert.Equal(4, entry.GetProperty("payload").GetProperty("steps").GetInt32());
        Assert.NotEmpty(entry.GetProperty("attempts").EnumerateArray());
        Assert.Contains("UndoAsync", entry.GetProperty("error").GetProperty("stack").GetString(), StringComparison.Ordinal);
        Assert.Contains("'s2' could not be undone", entry.GetProperty("error").GetProperty("message").GetString(), StringComparison.Ordinal);
        Assert.Contains("'s4' failed", entry.GetProperty("error").GetProperty("message").GetString(), StringComparison.Ordinal);
        Assert.NotEmpty(entry.Text("traceParent")!);

        using var replayed = await weir.Http.PostAsJsonAsync($"api/dead-letters/{id}/replay", new { payload = new { effect = "stuck", steps = 4, failAt = 4 }, reason = "mended" });
        Assert.Equal(HttpStatusCode.Accepted, replayed.StatusCode);
        job = await weir.Http.FinalAsync(id);
        Assert.Equal("compensated", job.State());
        Assert.Equal(["run:1", "run:2", "run:3", "undo:3", "undo:1", "undo:2"], await weir.Http.NotesAsync("stuck"));
        Assert.Equal("done", job.Steps()[1].GetProperty("compensation").State());
        Assert.Equal(1, job.Steps()[0].GetProperty("compensation").GetProperty("attempts").GetInt32());

        using var again = await weir.Http.PostAsJsonAsync($"api/dead-letters/{id}/replay", new { });
        Assert.Equal(HttpStatusCode.Conflict, again.StatusCode);
    }

    [Fact]
    public async Task A_replay_whose_compensation_fails_again_is_another_dead_letter()
    {
        var id = await weir.Http.SubmitAsync("probe.workflow", new { effect = "twice", steps = 2, failAt = 2, failCompensationAt = 1 });
        await weir.Http.FinalAsync(id);
        var first = await weir.Http.DeadLetterAsync(id);
        using var replayed = await weir.Http.PostAsJsonAsync($"api/dead-letters/{id}/replay", new { });
        Assert.Equal(HttpStatusCode.Accepted, replayed.StatusCode);
        await weir.Http.BecomesAsync(id, "deadLettered");
        var second = await weir.Http.DeadLetterAsync(id, run: 1);
        Assert.Equal(1, second.GetProperty("run").GetInt32());
        Assert.NotEqual(first.GetProperty("diedAt").GetString(), second.GetProperty("diedAt").GetString());
        Assert.Equal(["run:1"], await weir.Http.NotesAsync("twice"));
    }

    [Fact]
    public async Task It_waits_for_its_event_and_takes_one_that_came_early()
    {
        var waiting = await weir.Http.SubmitAsync("probe.workflow", new { effect = "waits", steps = 2, waitForEventAt = 2 });
        var early = await weir.Http.SubmitAsync("probe.workflow", new { effect = "early", steps = 2, waitForEventAt = 2 }, more: new { delay = "PT2S" });
        using (var sent = await weir.Http.PostAsJsonAsync($"api/jobs/{early}/events/go", new { by = "ada" }))
            Assert.Equal(HttpStatusCode.Accepted, sent.StatusCode);

        var job = await weir.Http.BecomesAsync(waiting, "waiting");
        Assert.Equal(["run:1"], await weir.Http.NotesAsync("waits"));
        Assert.Equal("waiting", job.Steps()[1].State());
        Assert.NotNull(job.Steps()[1].Text("until"));
        using (var sent = await weir.Http.PostAsJsonAsync($"api/jobs/{waiting}/events/go", 7))
            Assert.Equal(HttpStatusCode.Accepted, sent.StatusCode);
        using (var again = await weir.Http.PostAsJsonAsync($"api/jobs/{waiting}/events/go", 7))
            Assert.Equal(HttpStatusCode.Accepted, again.StatusCode);
        Assert.Equal("succeeded", (await weir.Http.FinalAsync(waiting)).State());
        Assert.Equal("succeeded", (await weir.Http.FinalAsync(early)).State());
    }

    [Fact]
    public async Task An_event_that_does_not_come_in_time_fails_its_step()
    {
        var id = await weir.Http.SubmitAsync("probe.workflow", new { effect = "late", steps = 2, waitForEventAt = 2, eventTimeoutMs = 300 });
        var job = await weir.Http.FinalAsync(id);
        Assert.Equal("compensated", job.State());
        Assert.Equal(["run:1", "undo:1"], await weir.Http.NotesAsync("late"));
        Assert.Equal("EventTooLate", job.GetProperty("error").Text("type"));
        await AssertProblemAsync(id, "go", "1", 409, "eventTooLate");
    }

    [Fact]
    public async Task Wrong_events_are_told_apart()
    {
        var workflow = await weir.Http.SubmitAsync("probe.workflow", new { effect = "wrong", steps = 1, waitForEventAt = 1 });
        var order = await weir.Http.SubmitAsync("order.fulfil", Order(amount: 2_000));
        var plain = await weir.Http.SubmitAsync("probe", new { sleepMs = 1_000 });
        var done = await weir.Http.SubmitAsync("probe.workflow", new { effect = "wrong-done", steps = 1 });
        await weir.Http.FinalAsync(done);
        await AssertProblemAsync(workflow, "stop", "1", 422, "unknownEvent");
        await AssertProblemAsync(workflow, "go", "{", 400, "malformedJson");
        await AssertProblemAsync(plain, "go", "1", 409, "notAWorkflow");
        await AssertProblemAsync(done, "go", "1", 409, "jobFinal");
        await AssertProblemAsync("0198c7a2-0000-7000-8000-000000000000", "go", "1", 404, "jobNotFound");
        await AssertProblemAsync("none", "go", "1", 404, "jobNotFound");
        await AssertProblemAsync(order, "approval", """{"approved": "perhaps"}""", 422, "contractViolation");
        using (var sent = await weir.Http.PostAsJsonAsync($"api/jobs/{workflow}/events/go", 1))
            Assert.Equal(HttpStatusCode.Accepted, sent.StatusCode);
        await AssertProblemAsync(workflow, "go", "2", 409, "eventAlreadyReceived");
    }

    [Fact]
    public async Task A_cancelled_workflow_undoes_what_it_has_done()
    {
        var id = await weir.Http.SubmitAsync("probe.workflow", new { effect = "cancelled", steps = 3, waitForEventAt = 3 });
        await weir.Http.BecomesAsync(id, "waiting");
        using (var asked = await weir.Http.CancelAsync(id, "not wanted"))
            Assert.Equal(HttpStatusCode.Accepted, asked.StatusCode);
        var job = await weir.Http.FinalAsync(id);
        Assert.Equal("cancelled", job.State());
        Assert.Equal("not wanted", job.Text("cancelReason"));
        Assert.Equal(["run:1", "run:2", "undo:2", "undo:1"], await weir.Http.NotesAsync("cancelled"));
        using var again = await weir.Http.CancelAsync(id);
        Assert.Equal(HttpStatusCode.Conflict, again.StatusCode);
    }

    [Fact]
    public async Task Steps_in_parallel_run_at_once_and_all_that_were_done_are_undone()
    {
        var id = await weir.Http.SubmitAsync("probe.workflow", new { effect = "parallel", steps = 5, parallel = true, failAt = 3, sleepMs = 500 });
        var job = await weir.Http.FinalAsync(id);
        Assert.Equal("compensated", job.State());
        var notes = await weir.Http.NotesAsync("parallel");
        Assert.Equal(["run:1", "run:2", "run:4", "run:5"], notes.Take(4).Order());
        Assert.Equal(["undo:1", "undo:2", "undo:4", "undo:5"], notes.Skip(4).Order());
        Assert.True((await weir.Http.EffectsAsync("parallel")).GetProperty("maxConcurrent").GetInt32() >= 3);
    }

    [Fact]
    public async Task Two_hundred_steps_take_seconds()
    {
        var started = TimeProvider.System.GetTimestamp();
        var id = await weir.Http.SubmitAsync("probe.workflow", new { effect = "long", steps = 200 });
        var job = await weir.Http.FinalAsync(id);
        var took = TimeProvider.System.GetElapsedTime(started);
        output.WriteLine($"200 steps: {took.TotalSeconds:0.0} s");
        Assert.Equal("succeeded", job.State());
        Assert.Equal(200, job.Steps().Length);
        Assert.Equal(Enumerable.Range(1, 200).Select(number => $"run:{number}"), await weir.Http.NotesAsync("long"));
        Assert.True(took < TimeSpan.FromSeconds(60), $"It took {took}.");
    }

    [Fact]
    public async Task An_order_is_fulfilled_once_it_is_approved_and_taken_back_when_it_cannot_be_shipped()
    {
        var approved = await weir.Http.SubmitAsync("order.fulfil", Order(amount: 2_000));
        await weir.Http.BecomesAsync(approved, "waiting");
        using (var sent = await weir.Http.PostAsJsonAsync($"api/jobs/{approved}/events/approval", new { approved = true, by = "ada" }))
            Assert.Equal(HttpStatusCode.Accepted, sent.StatusCode);
        var job = await weir.Http.FinalAsync(approved);
        Assert.Equal("succeeded", job.State());
        Assert.Equal($"payments-{approved}:take-payment:0", job.GetProperty("result").Text("payment"));

        var refused = await weir.Http.SubmitAsync("order.fulfil", Order(amount: 2_000));
        using (var sent = await weir.Http.PostAsJsonAsync($"api/jobs/{refused}/events/approval", new { approved = false }))
            Assert.Equal(HttpStatusCode.Accepted, sent.StatusCode);
        Assert.Equal("compensated", (await weir.Http.FinalAsync(refused)).State());

        using (await weir.Http.PutAsJsonAsync("sim/carrier", new { failureRate = 1, failWith = 422 })) { }
        var stranded = await weir.Http.SubmitAsync("order.fulfil", Order(amount: 20));
        job = await weir.Http.FinalAsync(stranded);
        Assert.Equal("compensated", job.State());
        var steps = job.Steps().ToDictionary(step => step.Text("name")!);
        Assert.Equal("skipped", steps["needs-approval"].State());
        Assert.Equal("failed", steps["parcel-label"].State());
        Assert.All(["reserve-stock", "take-payment", "customs-form"], name => Assert.Equal("done", steps[name].GetProperty("compensation").State()));
        Assert.Equal("pending", steps["confirm"].State());
    }

    private static object Order(decimal amount) => new { orderId = "o-1", email = "ada@example.org", amount, lines = new[] { new { sku = "book", quantity = 1 } } };

    private async Task AssertProblemAsync(string id, string name, string body, int status, string code)
    {
        using var response = await weir.Http.PostAsync($"api/jobs/{id}/events/{name}", new StringContent(body, System.Text.Encoding.UTF8, "application/json"));
        var problem = await response.ReadJsonAsync();
        Assert.True((int)response.StatusCode == status && problem.Text("code") == code, $"{response.StatusCode}: {problem}");
    }
}

/// <summary>One running instance for all tests of a class.</summary>
public sealed class WorkflowInstance : IAsyncLifetime
{
    private readonly DataFolder data = new();

    internal WeirProcess Weir { get; private set; } = null!;

    public async ValueTask InitializeAsync() => Weir = await WeirProcess.StartAsync(data);

    public async ValueTask DisposeAsync()
    {
        await Weir.DisposeAsync();
        data.Dispose();
    }
}

/// <summary>What tests ask of workflows.</summary>
internal static class WorkflowQuestions
{
    /// <summary>The effects of a probe, in the order in which they took place.</summary>
    public static async Task<string[]> NotesAsync(this HttpClient http, string effect) =>
        [.. (await http.EffectsAsync(effect)).GetProperty("jobs").EnumerateArray().Select(one => one.GetProperty("note").GetString()!)];

    public static JsonElement[] Steps(this JsonElement job) => [.. job.GetProperty("steps").EnumerateArray()];
}
