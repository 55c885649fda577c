using System.Net;
using System.Net.Http.Json;

namespace BlackBox.Tests;

/// <summary>The process dies in the midst of workflows: between any two of their steps' effects, at each in turn, and at random with many on their way.</summary>
public sealed class WorkflowCrashTests
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(120);

    /// <summary>
    /// One data directory, and a process for each place to die at; each also goes on with what those before it have left, and the last one brings all of it to its end.
    /// </summary>
    [Fact]
    public async Task Killed_anywhere_workflows_come_to_their_end_and_each_effect_is_there_once()
    {
        string[] points =
        [
            "submit.send", "workflow.claim", "workflow.start", "workflow.plan", "step.begun", "step.run", "step.recorded", "workflow.outcome", "workflow.followed", "undo.begun", "undo.run", "undo.recorded",
        ];
        using var data = new DataFolder();
        foreach (var point in points)
        {
            try
            {
                await using var dying = await WeirProcess.StartAsync(data, ("Weir__KillPoint", point));
                await SubmitAsync(dying.Http, point);
                await dying.ExitedAsync();
            }
            catch (Exception died) when (died is HttpRequestException or EndedEarlyException)
            {
                // Before it could answer; or even before it was ready, of what those before it had left.
            }
        }

        await using var weir = await WeirProcess.StartAsync(data);
        var tries = 0;
        foreach (var point in points)
        {
            var id = await SubmitAsync(weir.Http, point);
            var job = await weir.Http.FinalAsync(id, Limit);
            Assert.Equal(FailsAt(point) is null ? "succeeded" : "compensated", job.State());
            Assert.Equal(FailsAt(point) is null ? ["run:1", "run:2"] : ["run:1", "undo:1"], await weir.Http.NotesAsync(point));
            Assert.Single(job.GetProperty("attempts").EnumerateArray());
            tries += job.Steps().Sum(step => step.GetProperty("attempts").GetInt32() + (step.TryGetProperty("compensation", out var undone) ? undone.GetProperty("attempts").GetInt32() : 0));
        }
        // Two steps each, three undoings; and four tries more: those that were cut off count. On a slow machine a kill may cut off a step of the workflow before, too.
        var least = 2 * points.Length + 3 + 4;
        Assert.InRange(tries, least, least + points.Length);

        static Task<string> SubmitAsync(HttpClient http, string point) => http.SubmitAsync("probe.workflow", new { effect = point, steps = 2, failAt = FailsAt(point) }, key: point);

        static int? FailsAt(string point) => point.StartsWith("undo.", StringComparison.Ordinal) ? 2 : null;
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
        using var data = new DataFolder();
        string id;
        await using (var dying = await WeirProcess.StartAsync(data, ("Weir__KillPoint", "collect.entry")))
        {
            id = await dying.Http.SubmitAsync("probe.workflow", new { effect = "stuck", steps = 2, failAt = 2, failCompensationAt = 1 });
            await dying.ExitedAsync();
        }
        await using (var dying = await WeirProcess.StartAsync(data, ("Weir__KillPoint", "collect.receipt")))
            await dying.ExitedAsync();

        await using var weir = await WeirProcess.StartAsync(data);
        var entry = await weir.Http.DeadLetterAsync(id);
        Assert.Equal("compensationFailed", entry.GetProperty("reason").GetString());
        using var replayed = await weir.Http.PostAsJsonAsync($"api/dead-letters/{id}/replay", new { payload = new { effect = "stuck", steps = 2, failAt = 2 } });
        Assert.Equal(HttpStatusCode.Accepted, replayed.StatusCode);
        Assert.Equal("compensated", (await weir.Http.FinalAsync(id, Limit)).State());
        Assert.Equal(["run:1", "undo:1"], await weir.Http.NotesAsync("stuck"));
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
