using System.Diagnostics;
using System.Net;

namespace BlackBox.Tests;

/// <summary>DELETE /api/jobs/{id}, in every state a job can be in.</summary>
public sealed class CancelTests(OneInstance weir) : IClassFixture<OneInstance>
{
    [Fact]
    public async Task A_scheduled_job_is_cancelled_at_once_and_never_runs()
    {
        var id = await weir.Http.SubmitAsync("probe", new { effect = "cancel-scheduled" }, more: new { delay = "PT1S", orderingKey = "cancel-scheduled" });
        using var response = await weir.Http.CancelAsync(id, "not needed");
        var answer = await response.ReadJsonAsync();
        Assert.Equal((HttpStatusCode.Accepted, "cancelled"), (response.StatusCode, answer.State()));

        var job = await weir.Http.ShowAsync(id);
        Assert.Equal(("cancelled", "not needed"), (job.State(), job.Text("cancelReason")));
        Assert.True(job.TryGetProperty("finishedAt", out _));

        // Behind it in its lane, and later: when this one is done, the cancelled one's message has been received.
        await weir.Http.FinalAsync(await weir.Http.SubmitAsync("probe", new { }, more: new { delay = "PT2S", orderingKey = "cancel-scheduled" }));
        Assert.Equal(0, (await weir.Http.EffectsAsync("cancel-scheduled")).GetProperty("starts").GetInt32());
    }

    [Fact]
    public async Task A_queued_job_is_cancelled_and_those_behind_it_go_on()
    {
        var first = await weir.Http.SubmitAsync("probe", new { sleepMs = 1_500 }, more: new { orderingKey = "cancel-queued" });
        var queued = await weir.Http.SubmitAsync("probe", new { effect = "cancel-queued" }, more: new { orderingKey = "cancel-queued" });
        var behind = await weir.Http.SubmitAsync("probe", new { }, more: new { orderingKey = "cancel-queued" });
        using var response = await weir.Http.CancelAsync(queued);
        Assert.Equal("cancelled", (await response.ReadJsonAsync()).State());

        Assert.Equal("succeeded", (await weir.Http.FinalAsync(behind)).State());
        Assert.Equal("succeeded", (await weir.Http.FinalAsync(first)).State());
        Assert.Equal("cancelled", (await weir.Http.ShowAsync(queued)).State());
        Assert.Equal(0, (await weir.Http.EffectsAsync("cancel-queued")).GetProperty("starts").GetInt32());
    }

    [Fact]
    public async Task A_job_between_two_attempts_is_cancelled_and_not_tried_again()
    {
        var failing = await weir.Http.SubmitAsync("probe", new { effect = "cancel-retrying", failFirst = 1_000 });
        HttpStatusCode status;
        do
        {
            using var response = await weir.Http.CancelAsync(failing);
            status = response.StatusCode;
        }
        while (status == HttpStatusCode.Accepted && (await weir.Http.ShowAsync(failing)).State() != "cancelled");
        var job = await weir.Http.FinalAsync(failing);
        Assert.Equal("cancelled", job.State());
        Assert.InRange(job.GetProperty("attempts").GetArrayLength(), 0, 4);
    }

    [Fact]
    public async Task A_running_job_that_obeys_ends_cancelled_at_once()
    {
        var id = await weir.Http.SubmitAsync("probe", new { effect = "cancel-running", sleepMs = 600_000 });
        await weir.Http.BecomesAsync(id, "running");
        using var response = await weir.Http.CancelAsync(id, "wrong customer");
        var answer = await response.ReadJsonAsync();
        Assert.Equal((HttpStatusCode.Accepted, "running"), (response.StatusCode, answer.State()));
        Assert.True(answer.GetProperty("cancelRequested").GetBoolean());

        var job = await weir.Http.FinalAsync(id);
        Assert.Equal(("cancelled", "wrong customer"), (job.State(), job.Text("cancelReason")));
        Assert.Equal("cancelled", Assert.Single(job.GetProperty("attempts").EnumerateArray()).Text("outcome"));
        Assert.Equal(0, (await weir.Http.EffectsAsync("cancel-running")).GetProperty("count").GetInt32());
    }

    [Fact]
    public async Task A_job_that_has_ended_cannot_be_cancelled()
    {
        var id = await weir.Http.SubmitAsync("probe", new { });
        await weir.Http.FinalAsync(id);
        using var response = await weir.Http.CancelAsync(id);
        Assert.Equal((HttpStatusCode.Conflict, "jobFinal"), (response.StatusCode, (await response.ReadJsonAsync()).Text("code")));
        Assert.Equal("succeeded", (await weir.Http.ShowAsync(id)).State());
    }

    [Theory]
    [InlineData("00000000-0000-4000-8000-000000000000", 404, "jobNotFound")]
    [InlineData("nothing", 404, "jobNotFound")]
    [InlineData("00000000-0000-4000-8000-000000000000?reason=", 400, "invalidReason")]
    [InlineData("00000000-0000-4000-8000-000000000000?reason=a%0Ab", 400, "invalidReason")]
    public async Task A_wrong_request_gets_a_problem(string path, int status, string code)
    {
        using var response = await weir.Http.DeleteAsync($"api/jobs/{path}");
        Assert.Equal((status, code), ((int)response.StatusCode, (await response.ReadJsonAsync()).Text("code")));
    }

    [Fact]
    public async Task Fifty_cancellations_at_once_end_one_job_once()
    {
        var id = await weir.Http.SubmitAsync("probe", new { }, more: new { delay = "PT1H" });
        var answers = await Task.WhenAll(Enumerable.Range(0, 50).Select(_ => weir.Http.CancelAsync(id)));
        Assert.Equal(1, answers.Count(answer => answer.StatusCode == HttpStatusCode.Accepted));
        Assert.Equal(49, answers.Count(answer => answer.StatusCode == HttpStatusCode.Conflict));
    }

    [Fact]
    public async Task A_job_that_another_instance_runs_hears_of_it_long_before_it_renews_its_lease()
    {
        using var data = new DataFolder();
        await using var running = await WeirProcess.StartAsync(data, ("Weir__Lease", "00:05:00"));
        var id = await running.Http.SubmitAsync("probe", new { sleepMs = 600_000 });
        await running.Http.BecomesAsync(id, "running");
        await using var other = await WeirProcess.StartAsync(data, ("Weir__Lease", "00:05:00"));

        var asked = Stopwatch.GetTimestamp();
        using var response = await other.Http.CancelAsync(id);
        Assert.Equal(HttpStatusCode.Accepted, response.StatusCode);
        Assert.Equal("cancelled", (await other.Http.FinalAsync(id)).State());
        Assert.InRange(Stopwatch.GetElapsedTime(asked), TimeSpan.Zero, TimeSpan.FromSeconds(20)); // a renewal would come after 100 s
    }

    [Fact]
    public async Task A_request_to_stop_outlives_the_instance_that_was_asked()
    {
        using var data = new DataFolder();
        await using var first = await WeirProcess.StartAsync(data, ("Weir__KillPoint", "cancel.recorded"));
        var id = await first.Http.SubmitAsync("probe", new { effect = "cancel-kill", sleepMs = 600_000 });
        await first.Http.BecomesAsync(id, "running");
        await Assert.ThrowsAnyAsync<HttpRequestException>(() => first.Http.CancelAsync(id));
        await first.ExitedAsync();

        await using var second = await WeirProcess.StartAsync(data);
        var job = await second.Http.FinalAsync(id);
        Assert.Equal("cancelled", job.State());
        Assert.Equal("workerLost", Assert.Single(job.GetProperty("attempts").EnumerateArray()).Text("outcome"));
        Assert.Equal(1, (await second.Http.EffectsAsync("cancel-kill")).GetProperty("starts").GetInt32());
    }
}
