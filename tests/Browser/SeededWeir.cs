using System.Net;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using Azure;
using Azure.Data.Tables;

namespace Browser.Tests;

/// <summary>A running Weir in which there is something of everything, and hostile text wherever somebody outside can put it.</summary>
public sealed class SeededWeir : IAsyncLifetime
{
    public const string Tenant = "acme";

    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(4);

    private readonly DataFolder data = new();

    internal ApiKey Key { get; } = new("night-shift", "*", "submit read operate");

    internal WeirProcess Weir { get; private set; } = null!;

    internal HttpClient Http { get; private set; } = null!;

    public string Succeeded { get; private set; } = "";

    public string Running { get; private set; } = "";

    public string Dead { get; private set; } = "";

    public string DeadToo { get; private set; } = "";

    public string DeadLast { get; private set; } = "";

    public string Waiting { get; private set; } = "";

    public string Compensated { get; private set; } = "";

    public string Batch { get; private set; } = "";

    public string Cause { get; private set; } = "";

    public async ValueTask InitializeAsync()
    {
        // Entra's and others' names are free; a key's name is the operator's own, and shown on every page.
        Weir = await WeirProcess.StartAsync(data, [.. Key.Settings]);
        Http = Key.Client(Weir);
        Http.DefaultRequestHeaders.Add("Weir-Tenant", Tenant);
        var hostile = new { note = Hostile.Script + Hostile.Image + Hostile.Mixed };
        var everywhere = new { correlationId = Hostile.Image, orderingKey = Hostile.Script };
        Succeeded = await Http.SubmitAsync("probe", hostile, "key-" + Hostile.Image, everywhere);
        Running = await Http.SubmitAsync("probe", new { sleepMs = 600_000 }, more: new { priority = "bulk" }); // in a queue of its own: nothing is to wait behind it
        var fails = new { note = Hostile.Mixed, failFirst = 1, failAs = "permanent" };
        Dead = await Http.SubmitAsync("probe", fails, more: everywhere);
        DeadToo = await Http.SubmitAsync("probe", fails, more: everywhere);
        DeadLast = await Http.SubmitAsync("probe", fails, more: everywhere);
        // Of a type that no action replays: the catalogue is never empty, whichever test comes first.
        var stays = await Http.SubmitAsync("probe.ordered", new { effect = "stays", note = Hostile.Mixed, failFirst = 1, failAs = "permanent" }, more: new { orderingKey = "stays" });
        Waiting = await Http.SubmitAsync("probe.workflow", new { effect = "waits", steps = 3, waitForEventAt = 2 });
        Compensated = await Http.SubmitAsync("probe.workflow", new { effect = "undone", steps = 3, failAt = 3 });
        await Http.SubmitAsync("probe", new { }, more: new { delay = "PT1H", correlationId = Hostile.Script });
        await PutAsync("api/schedules/nightly", new { cron = "0 3 * * *", timeZone = "Europe/Berlin", type = "probe", payload = hostile });
        using (var ofAllTenants = Key.Client(Weir))
            await PutAsync("api/controls/type/email.welcome", new { reason = Hostile.Script + Hostile.Image }, ofAllTenants);
        using (var batch = await Http.PostAsync($"api/batches?type=probe&name={Uri.EscapeDataString("march " + Hostile.Image)}", Body("""{"note": "one"}""" + "\n" + """{"failFirst": 1, "failAs": "permanent"}""" + "\n" + """{"<img src=x onerror=window.pwned='field'>": 1}""", "application/x-ndjson")))
            Batch = (await batch.ReadJsonAsync()).GetProperty("id").GetString()!;

        foreach (var id in new[] { Succeeded, Dead, DeadToo, DeadLast, stays, Compensated })
            await Http.FinalAsync(id);
        foreach (var id in new[] { Dead, DeadToo, DeadLast, stays })
            await UntilAsync(async () => (await Http.GetAsync($"api/dead-letters/{id}")).StatusCode == HttpStatusCode.OK, $"{id} comes into the catalogue");
        Cause = (await Http.GetFromJsonAsync<JsonElement>($"api/dead-letters/{Dead}")).GetProperty("fingerprint").GetString()!;
        await UntilAsync(async () => (await Http.GetFromJsonAsync<JsonElement>($"api/batches/{Batch}")).GetProperty("state").GetString() == "completed", "the batch ends");
        await UntilAsync(async () => (await Http.GetFromJsonAsync<JsonElement>($"api/jobs/{Waiting}")).GetProperty("state").GetString() == "waiting", "the workflow waits");
        await PoisonAsync();
    }

    /// <summary>An error's words come from the code of a job, or of what it called: here as bad as they can be.</summary>
    private async Task PoisonAsync()
    {
        var tables = new TableServiceClient($"DataDirectory={data.Path}");
        var text = new Dictionary<string, object> { ["ErrorMessage"] = Hostile.Script + Hostile.Image + Hostile.Mixed, ["ErrorType"] = Hostile.Image, ["ErrorStack"] = "   at " + Hostile.Script + Hostile.Image };
        await foreach (var row in tables.GetTableClient("Receipts").QueryAsync<TableEntity>($"PartitionKey eq '{Dead}'"))
        {
            if (row.RowKey is "job" || row.RowKey.StartsWith("attempt-", StringComparison.Ordinal))
                await MergeAsync(tables.GetTableClient("Receipts"), row, text);
        }
        await foreach (var row in tables.GetTableClient("DeadLetters").QueryAsync<TableEntity>())
            await MergeAsync(tables.GetTableClient("DeadLetters"), row, text);
    }

    private static async Task MergeAsync(TableClient table, TableEntity row, Dictionary<string, object> columns) =>
        await table.UpdateEntityAsync(new TableEntity(columns.Where(column => row.ContainsKey(column.Key)).ToDictionary()) { PartitionKey = row.PartitionKey, RowKey = row.RowKey }, ETag.All, TableUpdateMode.Merge);

    public static async Task UntilAsync(Func<Task<bool>> holds, string what)
    {
        using var limit = new CancellationTokenSource(Patience);
        while (!await holds())
        {
            Assert.False(limit.IsCancellationRequested, $"In {Patience} it did not happen that {what}.");
            await Task.Delay(50);
        }
    }

    private async Task PutAsync(string address, object body, HttpClient? http = null)
    {
        using var answer = await (http ?? Http).PutAsync(address, Body(JsonSerializer.Serialize(body), "application/json"));
        Assert.True(answer.IsSuccessStatusCode, $"{address}: {answer.StatusCode} {await answer.Content.ReadAsStringAsync()}");
    }

    private static StringContent Body(string text, string type) => new(text, Encoding.UTF8, type);

    public async ValueTask DisposeAsync()
    {
        Http?.Dispose();
        if (Weir is not null)
            await Weir.DisposeAsync();
        data.Dispose();
    }
}
