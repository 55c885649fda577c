using System.Net.Http.Json;
using System.Text.Json;

namespace BlackBox.Tests;

/// <summary>Batches: many jobs that belong together, with one summary.</summary>
public sealed class BatchTests(OneInstance weir) : IClassFixture<OneInstance>
{
    private const int Many = 10_000;

    [Fact]
    public async Task Of_ten_thousand_items_some_fail_for_good_and_the_counts_are_exact()
    {
        var failing = Enumerable.Range(0, Many).Where(index => index % 100 is 7 or 50 or 93).ToHashSet();
        var answer = await weir.Http.BatchAsync(Enumerable.Range(0, Many).Select(index => failing.Contains(index) ? (object)new { failFirst = 1, failAs = "permanent" } : new { }), key: "many");
        Assert.Equal((Many, 0), (answer.GetProperty("total").GetInt32(), answer.GetProperty("refused").GetInt32()));
        var id = answer.Text("id")!;

        var batch = await weir.Http.BatchBecomesAsync(id, "completed");
        Assert.Equal((100.0, 0, Many - 300, 300), (batch.GetProperty("percent").GetDouble(), batch.Count("pending"), batch.Count("succeeded"), batch.Count("deadLettered")));
        var failed = await weir.Http.ItemsAsync(id, "failed");
        Assert.Equal(failing.Order(), failed.Select(item => item.GetProperty("index").GetInt32()));
        Assert.All(failed, item => Assert.Equal(("deadLettered", "Attempt 1 fails for good, as it was told to."), (item.State(), item.GetProperty("error").Text("message"))));
    }
}
