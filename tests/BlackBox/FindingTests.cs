using System.Net;

namespace BlackBox.Tests;

/// <summary>What the reconciler came upon, as an operator asks for it. What it finds is shown with the parts in memory; finding it here takes minutes.</summary>
public sealed class FindingTests
{
    [Fact]
    public async Task A_system_that_is_well_has_no_findings_and_says_what_a_query_may_say()
    {
        using var data = new DataFolder();
        await using var weir = await WeirProcess.StartAsync(data, ("Weir__Reconcile__Every", "00:00:05"), ("Weir__Reconcile__After", "00:00:01"));
        var ids = await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => weir.Http.SubmitAsync("probe", new { sleepMs = 4_000 })));
        foreach (var id in ids)
            Assert.Equal("succeeded", (await weir.Http.FinalAsync(id, TimeSpan.FromSeconds(60))).GetProperty("state").GetString());

        using var response = await weir.Http.GetAsync("api/findings");
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Empty((await response.ReadJsonAsync()).GetProperty("findings").EnumerateArray());
        foreach (var wrong in new[] { "limit=0", "limit=101", "limit=x", "cursor=x", "limit=1&limit=2", "kind=messageMissing" })
        {
            using var refused = await weir.Http.GetAsync("api/findings?" + wrong);
            Assert.Equal(HttpStatusCode.BadRequest, refused.StatusCode);
            Assert.Equal("invalidQuery", (await refused.ReadJsonAsync()).GetProperty("code").GetString());
        }
    }

    [Fact]
    public async Task A_submission_that_died_before_its_message_and_is_never_asked_for_again_runs()
    {
        using var data = new DataFolder();
        await using (var dying = await WeirProcess.StartAsync(data, ("Weir__KillPoint", "submit.receipt")))
        {
            await Assert.ThrowsAnyAsync<HttpRequestException>(() => dying.Http.SubmitAsync("probe", new { effect = "killed" }));
            await dying.ExitedAsync();
        }

        await using var weir = await WeirProcess.StartAsync(data, ("Weir__Reconcile__Every", "00:00:05"), ("Weir__Reconcile__After", "00:00:01"));
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(180));
        while (true) // a minute until the dead instance is missed, and its lines found
        {
            using var response = await weir.Http.GetAsync("api/findings", limit.Token);
            if ((await response.ReadJsonAsync()).GetProperty("findings").EnumerateArray().FirstOrDefault() is { ValueKind: System.Text.Json.JsonValueKind.Object } finding)
            {
                Assert.Equal(("messageMissing", "resent"), (finding.GetProperty("kind").GetString(), finding.GetProperty("repair").GetString()));
                var job = await weir.Http.FinalAsync(finding.GetProperty("jobId").GetString()!, TimeSpan.FromSeconds(60));
                Assert.Equal("succeeded", job.GetProperty("state").GetString());
                return;
            }
            await Task.Delay(TimeSpan.FromSeconds(1), limit.Token);
        }
    }
}
