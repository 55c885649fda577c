using System.Text;
using BlackBox.Tests.Chaos;

namespace BlackBox.Tests;

/// <summary>A job can be followed from its request to its end, in whatever shows OpenTelemetry's traces.</summary>
public sealed class TraceTests : IAsyncLifetime
{
    private readonly DataFolder data = new();
    private readonly OtlpCollector collector = new();
    private WeirProcess weir = null!;

    public async ValueTask InitializeAsync() => weir = await WeirProcess.StartAsync(data, [.. collector.Settings, ("Weir:Retries:standard:Base", "00:00:00.1")]);

    public async ValueTask DisposeAsync()
    {
        await weir.DisposeAsync();
        await collector.DisposeAsync();
        data.Dispose();
    }

    [Fact]
    public async Task Request_attempts_and_replay_are_one_trace_or_linked_to_it()
    {
        var trace = NewTrace();
        var id = await SubmitAsync(trace, """{"type": "probe", "payload": {"effect": "traced", "failFirst": 9, "failAs": "transient"}}""");
        Assert.Equal("deadLettered", (await weir.Http.FinalAsync(id)).State());
        await weir.Http.DeadLetterAsync(id);
        using var replayed = await weir.Http.ReplayAsync(id, new { payload = new { effect = "traced" } });
        Assert.True(replayed.IsSuccessStatusCode);
        Assert.Equal("succeeded", (await weir.Http.FinalAsync(id)).State());

        var spans = await collector.UntilAsync(all => all.Any(span => span.TraceId == trace && span["weir.outcome"] == "Succeeded"));

        var submit = Assert.Single(spans, span => span.TraceId == trace && span.Name == "submit");
        Assert.Equal(id, submit["weir.job.id"]);
        Assert.Contains(spans, span => span.SpanId == submit.ParentId && span.TraceId == trace); // the request's own
        var attempts = spans.Where(span => span.Name == "process weir-default" && span["weir.job.id"] == id).ToArray();
        Assert.All(attempts, attempt => Assert.Equal((trace, submit.SpanId), (attempt.TraceId, attempt.ParentId)));
        Assert.Equal(["1", "2", "3", "4", "5", "6"], attempts.Select(attempt => attempt["weir.job.attempt"]).Order());
        Assert.Equal(5, attempts.Count(attempt => attempt["weir.outcome"] == "Failed" && attempt["error.type"] == "Weir.TransientException"));
        Assert.Contains(trace, Assert.Single(spans, span => span.Name == "replay").Links);
    }

    [Fact]
    public async Task Steps_and_undoings_of_a_workflow_stand_in_its_trace()
    {
        var trace = NewTrace();
        var id = await SubmitAsync(trace, """{"type": "probe.workflow", "payload": {"effect": "traced-flow", "steps": 3, "failAt": 3}}""");
        Assert.Equal("compensated", (await weir.Http.FinalAsync(id)).State());

        var spans = await collector.UntilAsync(all => all.Count(span => span.TraceId == trace && span.Name.StartsWith("undo ", StringComparison.Ordinal)) == 2);

        var steps = spans.Where(span => span["weir.job.id"] == id && span["weir.step"] is not null).Select(span => (span.TraceId, span.Name.Split(' ')[0], span["error.type"])).ToArray();
        Assert.All(steps, step => Assert.Equal(trace, step.TraceId));
        Assert.Equal(["step", "step", "step", "undo", "undo"], steps.Select(step => step.Item2).Order());
        Assert.Single(steps, step => step.Item3 is not null);
    }

    [Fact]
    public async Task Metrics_and_logs_go_the_same_way_and_carry_no_payload()
    {
        var id = await weir.Http.SubmitAsync("probe", new { note = "a-secret-note", failFirst = 1, failAs = "transient" });
        Assert.Equal("succeeded", (await weir.Http.FinalAsync(id)).State());
        await ChaosScale.UntilAsync(() => Task.FromResult(collector.Metrics.IsSupersetOf(["weir.jobs.submitted", "weir.job.end_to_end", "weir.queue.depth", "dotnet.gc.collections"])), "the metrics");
        await ChaosScale.UntilAsync(() => Task.FromResult(collector.Logs.Contains("failed on attempt", StringComparison.Ordinal) && collector.Logs.Contains(id, StringComparison.Ordinal)), "the logs");
        Assert.DoesNotContain("a-secret-note", collector.Logs);
    }

    private static string NewTrace() => Guid.NewGuid().ToString("N");

    private async Task<string> SubmitAsync(string trace, string body)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "api/jobs") { Content = new StringContent(body, Encoding.UTF8, "application/json") };
        request.Headers.Add("traceparent", $"00-{trace}-0123456789abcdef-01");
        using var response = await weir.Http.SendAsync(request);
        return (await response.ReadJsonAsync()).Text("id")!;
    }
}
