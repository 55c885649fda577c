using System.Net.Http.Json;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Browser.Tests;

/// <summary>The pages as a browser shows them. Each test has an app of its own: what one does is not what another looks at.</summary>
public sealed class PageTests : IAsyncLifetime
{
    private readonly SeededWeir seeded = new();

    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(10);

    private string[] Pages =>
    [
        "/dashboard", "/dashboard/jobs", "/dashboard/jobs?state=deadLettered", $"/dashboard/jobs?q={Uri.EscapeDataString("key-" + Hostile.Image)}&tenant={SeededWeir.Tenant}", $"/dashboard/jobs/{seeded.Succeeded}", $"/dashboard/jobs/{seeded.Running}",
        $"/dashboard/jobs/{seeded.Waiting}", $"/dashboard/jobs/{seeded.Compensated}", $"/dashboard/jobs/{seeded.Dead}", "/dashboard/dead-letters", $"/dashboard/dead-letters?fingerprint={seeded.Cause}", $"/dashboard/dead-letters/{seeded.Dead}",
        "/dashboard/replays", "/dashboard/workflows?type=probe.workflow", "/dashboard/batches", $"/dashboard/batches/{seeded.Batch}?state=all", "/dashboard/schedules", $"/dashboard/schedules/{SeededWeir.Tenant}/nightly",
        "/dashboard/catalogue", "/dashboard/catalogue/order.fulfil", "/dashboard/controls", "/dashboard/controls/type/email.welcome", "/dashboard/controls/queue/bulk",
        "/dashboard/capacity?arrivalsPerSecond=20&serviceTime=PT0.2S&simulate=true&duration=PT1M", "/dashboard/audit",
        $"/dashboard/jobs?q={Uri.EscapeDataString(Hostile.Script + Hostile.Image)}&type={Uri.EscapeDataString(Hostile.Image)}&state={Uri.EscapeDataString(Hostile.Script)}",
    ];

    public ValueTask InitializeAsync() => seeded.InitializeAsync();

    public ValueTask DisposeAsync() => seeded.DisposeAsync();

    [Fact]
    public async Task Every_page_in_both_colour_schemes_at_desktop_and_phone_width_has_no_error_no_policy_report_nothing_serious_of_axe_and_runs_no_text()
    {
        await NodeTools.RequireBrowserAsync();
        var visits = await WalkAsync(Pages);
        Assert.Equal(2 * Pages.Length + 1, visits.Length);
        var complaints = visits.SelectMany(Complaints).ToArray();
        Assert.True(complaints.Length == 0, string.Join('\n', complaints));

        // What is hostile was on the pages, or nothing was proved.
        foreach (var page in new[] { $"/dashboard/jobs/{seeded.Succeeded}", $"/dashboard/jobs/{seeded.Dead}", "/dashboard/dead-letters", $"/dashboard/dead-letters/{seeded.Dead}", "/dashboard/batches", "/dashboard/controls", "/dashboard/jobs", "/dashboard" })
            Assert.All(visits.Where(visit => visit.GetProperty("path").GetString() == page), visit => Assert.Contains("window.pwned=", visit.GetProperty("text").GetString(), StringComparison.Ordinal));
        Assert.Contains(seeded.Succeeded[..8], Text(visits, Pages[3]), StringComparison.Ordinal);
        // What fails is counted at each full 10 s: the first walk may have come before.
        await SeededWeir.UntilAsync(async () => Text(await WalkAsync("/dashboard"), "/dashboard").Contains("probe fails", StringComparison.Ordinal), "the overview says that probe fails");
        foreach (var page in new[] { "/dashboard/batches", $"/dashboard/batches/{seeded.Batch}?state=all" })
            Assert.Contains("completed, 2 failed", Text(visits, page), StringComparison.Ordinal);
        using var ofAllTenants = seeded.Key.Client(seeded.Weir);
        await SeededWeir.UntilAsync(async () => await OldestOfBulkAsync(ofAllTenants) == seeded.Running, "the job that runs in the queue bulk is its oldest");
        Assert.Contains("Oldest", Text(visits, "/dashboard"), StringComparison.Ordinal);
        Assert.Contains("undoing", Text(visits, $"/dashboard/jobs/{seeded.Compensated}"), StringComparison.Ordinal);
        Assert.Contains("It waits for the event 'go'", Text(visits, $"/dashboard/jobs/{seeded.Waiting}"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Every_action_is_done_by_its_button_says_so_and_names_who_did_it()
    {
        await NodeTools.RequireBrowserAsync();
        var steps = new JsonArray(
            Step("cancel", $"/dashboard/jobs/{seeded.Running}", "Cancel this job", new() { ["Why (optional)"] = "enough" }),
            Step("send", $"/dashboard/jobs/{seeded.Waiting}", "Send an event", new() { ["What it carries, as JSON"] = "{\"a\": 1}" }),
            Step("mend wrongly", $"/dashboard/dead-letters/{seeded.DeadToo}", "Mend its payload and replay it", new() { ["Payload, as JSON"] = "{\"note\": " + "<script>window.pwned=1</script>" }),
            Step("mend against the contract", $"/dashboard/dead-letters/{seeded.DeadToo}", "Mend its payload and replay it", new() { ["Payload, as JSON"] = """{"notes": 1}""" }),
            Step("mend", $"/dashboard/dead-letters/{seeded.DeadToo}", "Mend its payload and replay it", new() { ["Payload, as JSON"] = """{"note": "mended"}""" }),
            Step("discard", $"/dashboard/dead-letters/{seeded.DeadLast}", "Discard it", new() { ["Why"] = "not worth it" }),
            Step("replay a group", "/dashboard/dead-letters?type=probe", "See what would be replayed", new() { ["Jobs a second"] = "5" }, then: "Replay them in stages now"),
            Step("retry", $"/dashboard/batches/{seeded.Batch}", "Retry the failed items", []),
            Step("run", $"/dashboard/schedules/{SeededWeir.Tenant}/nightly", "Run it now", []),
            Step("pause", $"/dashboard/schedules/{SeededWeir.Tenant}/nightly", "Pause it", new() { ["Why"] = "holidays", ["For"] = "PT2H" }),
            Step("resume", $"/dashboard/schedules/{SeededWeir.Tenant}/nightly", "Resume it", []),
            Step("put", "/dashboard/controls", "Pause a queue, a type or a tenant", new() { ["What"] = "queue", ["Its name"] = "bulk", ["Why"] = "the disk is full" }),
            Step("put wrongly", "/dashboard/controls", "Pause a queue, a type or a tenant", new() { ["What"] = "type", ["Its name"] = "no.such.type", ["Why"] = "a typing error" }),
            Step("remove", "/dashboard/controls/queue/bulk", "Remove it", []));
        var seen = await DoAsync("act", new JsonObject { ["steps"] = steps });
        var done = seen.GetProperty("done").EnumerateArray().ToDictionary(step => step.GetProperty("step").GetString()!);
        string Said(string step) => done[step].GetProperty("text").GetString()!;

        Assert.Contains("Cancelled. A job that runs is asked to stop", Said("cancel"), StringComparison.Ordinal);
        Assert.Contains("The event was sent", Said("send"), StringComparison.Ordinal);
        Assert.Contains("not JSON", Said("mend wrongly"), StringComparison.Ordinal);
        Assert.Contains("/payload/notes", Said("mend against the contract"), StringComparison.Ordinal);
        Assert.Contains("Replayed: the job runs once more", Said("mend"), StringComparison.Ordinal);
        Assert.Contains("discarded by night-shift", Said("discard"), StringComparison.OrdinalIgnoreCase);
        Assert.Contains("It has begun with its first stage", Said("replay a group"), StringComparison.Ordinal);
        Assert.Contains("The failed items run once more", Said("retry"), StringComparison.Ordinal);
        Assert.Contains("It runs now", Said("run"), StringComparison.Ordinal);
        Assert.Contains("Paused by night-shift", Said("pause"), StringComparison.Ordinal);
        Assert.Contains("Resumed.", Said("resume"), StringComparison.Ordinal);
        Assert.Contains("by night-shift", Said("put"), StringComparison.Ordinal);
        Assert.Contains("There is no job type 'no.such.type' here", Said("put wrongly"), StringComparison.Ordinal);
        Assert.Contains("Removed", Said("remove"), StringComparison.Ordinal);
        Assert.Contains("night-shift", Said("remove"), StringComparison.Ordinal);
        Assert.All(done.Values, step => Assert.Equal(JsonValueKind.Null, step.GetProperty("pwned").ValueKind));
        // A page whose status is 4xx is an error on the console, and no other error may be there.
        Assert.All(done.Values.SelectMany(step => step.GetProperty("said").EnumerateArray()), said => Assert.Contains("Failed to load resource: the server responded with a status of 4", said.GetString(), StringComparison.Ordinal));

        Assert.Equal(("Skip to the content", "main"), (seen.GetProperty("skip").GetString(), seen.GetProperty("after").GetString()));
        Assert.EndsWith("/dashboard/sign-in", seen.GetProperty("out").GetString(), StringComparison.Ordinal);
        Assert.Contains("/dashboard/sign-in?return=", seen.GetProperty("again").GetString(), StringComparison.Ordinal);

        // It was really done.
        Assert.Equal("cancelled", (await seeded.Http.FinalAsync(seeded.Running)).GetProperty("state").GetString());
        Assert.Equal("succeeded", (await seeded.Http.FinalAsync(seeded.Waiting)).GetProperty("state").GetString());
        Assert.Equal("mended", (await seeded.Http.FinalAsync(seeded.DeadToo)).GetProperty("result").GetProperty("note").GetString());
    }

    /// <summary>An hour at five seconds is 720 renewals: set WEIR_DASHBOARD_RENEWALS=720.</summary>
    [Fact]
    public async Task The_overview_stays_live_without_growing_and_asks_nothing_while_nobody_looks()
    {
        await NodeTools.RequireBrowserAsync();
        var times = int.TryParse(Environment.GetEnvironmentVariable("WEIR_DASHBOARD_RENEWALS"), out var wish) ? wish : 60;
        var seen = await DoAsync("grow", new JsonObject { ["before"] = 15, ["times"] = times });
        double Of(string when, string what) => seen.GetProperty(when).GetProperty(what).GetDouble();
        var figures = $"{times} renewals: {seen}";

        Assert.True(Math.Abs(Of("after", "elements") - Of("fresh", "elements")) <= 30, figures);
        Assert.True(Of("after", "nodes") <= Of("fresh", "nodes") * 1.1 + 200, figures);
        Assert.True(Of("after", "listeners") <= Of("before", "listeners") + 10, figures);
        Assert.True(Of("after", "heap") <= Of("before", "heap") + 1_000_000, figures);
        Assert.Equal(0, seen.GetProperty("askedWhileHidden").GetInt32());
        Assert.Empty(seen.GetProperty("said").EnumerateArray());
        TestContext.Current.TestOutputHelper?.WriteLine(figures);
    }

    private static async Task<string?> OldestOfBulkAsync(HttpClient http)
    {
        var queues = (await http.GetFromJsonAsync<JsonElement>("api/queues")).GetProperty("queues").EnumerateArray();
        return queues.Single(queue => queue.GetProperty("queue").GetString() == "bulk").TryGetProperty("oldest", out var oldest) ? oldest.GetProperty("jobId").GetString() : null;
    }

    private static JsonObject Step(string name, string path, string open, Dictionary<string, string> fill, string? then = null)
    {
        var step = new JsonObject { ["name"] = name, ["path"] = path, ["open"] = open, ["fill"] = JsonSerializer.SerializeToNode(fill) };
        if (then is not null)
            step["then"] = new JsonArray(then);
        return step;
    }

    private static IEnumerable<string> Complaints(JsonElement visit)
    {
        var where = $"{visit.GetProperty("path").GetString()} ({visit.GetProperty("width").GetString()})";
        var isWrong = visit.GetProperty("status").GetInt32() is not 200;
        foreach (var said in visit.GetProperty("said").EnumerateArray().Where(said => !isWrong || !said.GetString()!.Contains("Failed to load resource", StringComparison.Ordinal)))
            yield return $"{where}: {said}";
        if (visit.GetProperty("status").GetInt32() >= 500)
            yield return $"{where}: status {visit.GetProperty("status")}";
        foreach (var violation in visit.GetProperty("violations").EnumerateArray())
            yield return $"{where}: policy: {violation}";
        foreach (var rule in visit.GetProperty("axe").EnumerateArray())
            yield return $"{where}: axe: {rule}";
        if (visit.GetProperty("pwned").ValueKind != JsonValueKind.Null)
            yield return $"{where}: ran {visit.GetProperty("pwned")}";
        if (visit.GetProperty("strangers").GetInt32() > 0)
            yield return $"{where}: {visit.GetProperty("strangers")} elements that no page of ours has";
        if (visit.GetProperty("wide").ValueKind != JsonValueKind.Null)
            yield return $"{where}: {visit.GetProperty("wide")}";
    }

    private static string Text(JsonElement[] visits, string page) => visits.First(visit => visit.GetProperty("path").GetString() == page).GetProperty("text").GetString()!;

    private async Task<JsonElement[]> WalkAsync(params string[] pages) =>
        [.. (await DoAsync("walk", new JsonObject { ["pages"] = new JsonArray([.. pages.Select(page => JsonValue.Create(page))]) })).GetProperty("visits").EnumerateArray()];

    private async Task<JsonElement> DoAsync(string what, JsonObject task)
    {
        task["do"] = what;
        task["base"] = $"http://localhost:{seeded.Weir.Port}";
        task["chromium"] = NodeTools.Chromium;
        task["key"] = seeded.Key.Text;
        if (Environment.GetEnvironmentVariable("WEIR_DASHBOARD_PICTURES") is { Length: > 0 } pictures)
            task["pictures"] = pictures;
        var file = Path.GetTempFileName();
        try
        {
            await File.WriteAllTextAsync(file, task.ToJsonString());
            return JsonElement.Parse(await NodeTools.RunAsync(NodeTools.Folder, Limit, "node", "walk.mjs", file));
        }
        finally
        {
            File.Delete(file);
        }
    }
}
