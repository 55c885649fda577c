using System.Net;
using System.Net.Http.Json;

namespace BlackBox.Tests;

/// <summary>The process dies in the midst of workflows: between any two of their steps' effects, at each in turn, and at random with many on their way.</summary>
public sealed class WorkflowCrashTests
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(120);

    /// <summary>Where it dies, how the workflow ends, and how often the step at which it died was begun.</summary>
    [Theory]
    [InlineData("submit.send", null)]
    [InlineData("workflow.claim", null)]
    [InlineData("workflow.start", null)]
    [InlineData("workflow.plan", null)]
    [InlineData("step.begun", null)]
    [InlineData("step.run", null)]
    [InlineData("step.recorded", null)]
    [InlineData("workflow.outcome", null)]
    [InlineData("workflow.followed", null)]
    [InlineData("undo.begun", 2)]
    [InlineData("undo.run", 2)]
    [InlineData("undo.recorded", 2)]
    public async Task Killed_anywhere_a_workflow_comes_to_its_end_and_each_effect_is_there_once(string point, int? failAt)
    {
        using var data = new DataFolder();
        await using (var dying = await WeirProcess.StartAsync(data, ("Weir__KillPoint", point)))
        {
            try
            {
                await dying.Http.SubmitAsync("probe.workflow", new { effect = "killed", steps = 2, failAt }, key: "one");
            }
            catch (HttpRequestException)
            {
                // It died before it could answer.
            }
            await dying.ExitedAsync();
        }

        await using var weir = await WeirProcess.StartAsync(data);
        var id = await weir.Http.SubmitAsync("probe.workflow", new { effect = "killed", steps = 2, failAt }, key: "one");
        var job = await weir.Http.FinalAsync(id, Limit);
        Assert.Equal(failAt is null ? "succeeded" : "compensated", job.State());
        Assert.Equal(failAt is null ? ["run:1", "run:2"] : ["run:1", "undo:1"], await weir.Http.NotesAsync("killed"));
        Assert.Single(job.GetProperty("attempts").EnumerateArray());
        if (point is "step.begun" or "step.run")
            Assert.Equal(2, job.Steps()[0].GetProperty("attempts").GetInt32());
        if (point is "undo.begun" or "undo.run")
            Assert.Equal(2, job.Steps()[0].GetProperty("compensation").GetProperty("attempts").GetInt32());
    }

    [Theory]
    [InlineData("wait.opened")]
    [InlineData("wait.event")]
    [InlineData("wait.closed")]
    [InlineData("cancel.recorded")]
    public async Task Killed_around_an_event_or_a_request_to_cancel_it_is_taken_when_it_is_sent_again(string point)
    {
        using var data = new DataFolder();
        string id;
        await using (var dying = await WeirProcess.StartAsync(data, ("Weir__KillPoint", point)))
        {
            id = await dying.Http.SubmitAsync("probe.workflow", new { effect = "waits", steps = 1, waitForEventAt = 1 });
            if (point != "wait.opened")
            {
                await dying.Http.BecomesAsync(id, "waiting");
                await Assert.ThrowsAnyAsync<Exception>(() => AskAsync(dying.Http, id, point));
            }
            await dying.ExitedAsync();
        }

        await using var weir = await WeirProcess.StartAsync(data);
        await AskAsync(weir.Http, id, point);
        var job = await weir.Http.FinalAsync(id, Limit);
        Assert.Equal(point == "cancel.recorded" ? "cancelled" : "succeeded", job.State());
    }

    [Fact]
    public async Task Killed_while_a_failed_compensation_is_put_on_record_it_is_one_dead_letter_and_can_be_replayed()
    {
        foreach (var point in new[] { "collect.entry", "collect.receipt" })
        {
            using var data = new DataFolder();
            string id;
            await using (var dying = await WeirProcess.StartAsync(data, ("Weir__KillPoint", point)))
            {
                id = await dying.Http.SubmitAsync("probe.workflow", new { effect = "stuck", steps = 2, failAt = 2, failCompensationAt = 1 });
                await dying.ExitedAsync();
            }

            await using var weir = await WeirProcess.StartAsync(data);
            var entry = await weir.Http.DeadLetterAsync(id);
            Assert.Equal("compensationFailed", entry.GetProperty("reason").GetString());
            using var replayed = await weir.Http.PostAsJsonAsync($"api/dead-letters/{id}/replay", new { payload = new { effect = "stuck", steps = 2, failAt = 2 } });
            Assert.Equal(HttpStatusCode.Accepted, replayed.StatusCode);
            Assert.Equal("compensated", (await weir.Http.FinalAsync(id, Limit)).State());
            Assert.Equal(["run:1", "undo:1"], await weir.Http.NotesAsync("stuck"));
        }
    }

    /// <summary>Whatever fails in passing and whenever the process dies: all steps are done, or all that were done are undone; and nothing twice.</summary>
    [Fact]
    public async Task Three_hundred_workflows_come_through_three_kills()
    {
        const int Count = 300;
        var chance = new Random(7);
        using var data = new DataFolder();
        var weir = await WeirProcess.StartAsync(data);
        try
        {
            var ids = new Dictionary<string, (string Id, bool Fails)>();
            for (var number = 0; number < Count; number++)
            {
                var effect = $"many-{number}";
                var fails = chance.Next(3) == 0;
                var payload = fails
                    ? (object)new { effect, steps = 4, failAt = chance.Next(1, 5), failCompensationAt = chance.Next(1, 5), failCompensationTimes = chance.Next(0, 2), sleepMs = chance.Next(0, 40) }
                    : new { effect, steps = 4, failAt = chance.Next(1, 5), failTimes = chance.Next(0, 2), failAs = "transient", sleepMs = chance.Next(0, 40) };
                ids.Add(effect, (await weir.Http.SubmitAsync("probe.workflow", payload), fails));
                if (number is 120 or 200 or 290)
                {
                    await weir.KillAsync();
                    await weir.DisposeAsync();
                    weir = await WeirProcess.StartAsync(data);
                }
            }

            foreach (var (effect, (id, fails)) in ids)
            {
                var job = await weir.Http.FinalAsync(id, Limit);
                Assert.Equal(fails ? "compensated" : "succeeded", job.State());
                var notes = await weir.Http.NotesAsync(effect);
                Assert.Equal(notes.Distinct(), notes);
                var done = job.Steps().Where(step => step.State() == "done").ToArray();
                Assert.Equal(done.Length, notes.Count(note => note.StartsWith("run:", StringComparison.Ordinal)));
                if (fails)
                {
                    Assert.All(done, step => Assert.Equal("done", step.GetProperty("compensation").State()));
                    Assert.Equal(Enumerable.Range(1, done.Length).Reverse().Select(number => $"undo:{number}"), notes.Skip(done.Length));
                }
                else
                {
                    Assert.Equal(["run:1", "run:2", "run:3", "run:4"], notes);
                }
            }
        }
        finally
        {
            await weir.DisposeAsync();
        }
    }

    private static async Task AskAsync(HttpClient http, string id, string point)
    {
        if (point == "wait.closed")
        {
            using var sent = await http.PostAsJsonAsync($"api/jobs/{id}/events/go", 1);
            Assert.Equal(HttpStatusCode.Accepted, sent.StatusCode);
            // The request may have been answered before the wait was closed, which is where it dies.
            await http.FinalAsync(id, TimeSpan.FromSeconds(10));
            return;
        }
        using var answer = point == "cancel.recorded" ? await http.CancelAsync(id) : await http.PostAsJsonAsync($"api/jobs/{id}/events/go", 1);
        Assert.Equal(HttpStatusCode.Accepted, answer.StatusCode);
    }
}
