using System.Net;
using System.Net.Http.Json;
using System.Text.Json;

namespace BlackBox.Tests;

/// <summary>Workflows, at the running product: steps, compensation, events, cancellation, replays.</summary>
public sealed class WorkflowTests : IAsyncLifetime
{
    private readonly DataFolder data = new();
    private WeirProcess weir = null!;

    public async ValueTask InitializeAsync() => weir = await WeirProcess.StartAsync(data);

    public async ValueTask DisposeAsync()
    {
        await weir.DisposeAsync();
        data.Dispose();
    }

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
}

/// <summary>What tests ask of workflows.</summary>
internal static class WorkflowQuestions
{
    /// <summary>The effects of a probe, in the order in which they took place.</summary>
    public static async Task<string[]> NotesAsync(this HttpClient http, string effect) =>
        [.. (await http.EffectsAsync(effect)).GetProperty("jobs").EnumerateArray().Select(one => one.GetProperty("note").GetString()!)];

    public static JsonElement[] Steps(this JsonElement job) => [.. job.GetProperty("steps").EnumerateArray()];
}
