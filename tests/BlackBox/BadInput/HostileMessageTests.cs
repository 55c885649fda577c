using System.Net.Http.Json;
using System.Text.Json;
using Azure.Data.Tables;
using Azure.Messaging.ServiceBus;
using Azure.Messaging.ServiceBus.Administration;

namespace BlackBox.Tests.BadInput;

/// <summary>
/// Messages that somebody else puts straight on the queues: each ends, in the catalogue of dead letters or because the job that it names has ended long ago.
/// None runs anything, none goes round and round, none is dropped without a word.
/// </summary>
public sealed class HostileMessageTests : IAsyncLifetime
{
    private static readonly string[] Queues = ["weir-default", "weir-critical", "weir-bulk"];
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(90);

    private readonly DataFolder data = new();
    private WeirProcess weir = null!;

    public async ValueTask InitializeAsync() => weir = await WeirProcess.StartAsync(data);

    public async ValueTask DisposeAsync()
    {
        if (weir is not null)
            await weir.DisposeAsync();
        data.Dispose();
    }

    [Fact]
    public async Task A_message_that_no_app_of_ours_sent_ends_as_poison()
    {
        var random = new Random(Hunt.Seed);
        var ids = Enumerable.Range(0, Hunt.Cases(200)).Select(number => $"hostile-{number}").ToArray();
        var sent = new Dictionary<string, string>();
        await using (var bus = new ServiceBusClient($"DataDirectory={data.Path}"))
        {
            foreach (var id in ids)
            {
                // A job that is not there, or no id at all.
                var job = random.Next(4) == 0 ? Hostile.Text(random) : $"00000000-0000-4000-8000-{random.Next():D12}";
                var message = HostileMessage.Next(random, id, job);
                sent[id] = Shown(message);
                await bus.CreateSender(random.Pick(Queues)).SendMessageAsync(message);
            }
        }
        await UntilEmptyAsync();

        var kept = await PoisonAsync();
        var lost = ids.Where(id => !kept.Contains(id)).Select(id => $"{id}: {sent[id]}").ToArray();
        Assert.True(lost.Length == 0, $"WEIR_HUNT_SEED={Hunt.Seed}: not in the catalogue:\n{string.Join("\n", lost)}\n{weir.Output[^Math.Min(weir.Output.Length, 8_000)..]}");
        Assert.Equal(0, (await weir.Http.EffectsAsync("forged")).GetProperty("starts").GetInt32());
        Assert.Equal(JsonValueKind.Object, (await weir.Http.GetFromJsonAsync<JsonElement>($"api/dead-letters/{await AnyPoisonAsync()}")).ValueKind);
        await AssertWorksAsync();
    }

    [Fact]
    public async Task A_forged_message_never_runs_a_job_again_that_has_ended()
    {
        var random = new Random(Hunt.Seed + 1);
        var jobs = new List<string>();
        for (var count = 0; count < 10; count++)
            jobs.Add(await weir.Http.SubmitAsync("probe", new { effect = "once" }));
        foreach (var job in jobs)
            Assert.Equal("succeeded", (await weir.Http.FinalAsync(job)).GetProperty("state").GetString());

        await using (var bus = new ServiceBusClient($"DataDirectory={data.Path}"))
        {
            for (var number = 0; number < Hunt.Cases(100); number++)
                await bus.CreateSender(random.Pick(Queues)).SendMessageAsync(HostileMessage.Next(random, $"forged-{number}", random.Pick(jobs)));
            // The star fits every receipt: with nothing else wrong, it would be claimed.
            var star = HostileMessage.Next(new Random(1), "star", jobs[0]);
            (star.Subject, star.Body) = ("probe", BinaryData.FromString("""{"effect": "forged"}"""));
            star.ApplicationProperties["weir-payload-sha256"] = Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(star.Body));
            (star.ApplicationProperties["weir-job"], star.ApplicationProperties["weir-attempt"], star.ApplicationProperties["weir-version"]) = (jobs[0], 1, 1);
            star.ApplicationProperties["weir-receipt"] = "*";
            await bus.CreateSender("weir-default").SendMessageAsync(star);
        }
        await UntilEmptyAsync();

        foreach (var job in jobs)
        {
            var after = await weir.Http.GetFromJsonAsync<JsonElement>($"api/jobs/{job}");
            Assert.Equal(("succeeded", 1), (after.GetProperty("state").GetString(), after.GetProperty("attempts").GetArrayLength()));
        }
        Assert.Equal((10, 10), ((await weir.Http.EffectsAsync("once")).GetProperty("count").GetInt32(), (await weir.Http.EffectsAsync("once")).GetProperty("starts").GetInt32()));
        Assert.Equal(0, (await weir.Http.EffectsAsync("forged")).GetProperty("starts").GetInt32());
        await AssertWorksAsync();
    }

    [Fact]
    public async Task A_payload_whose_rows_are_gone_is_a_dead_letter_that_says_so()
    {
        // A unique job's payload lies beside its receipt, and its message only points there.
        var receipts = new TableServiceClient($"DataDirectory={data.Path}").GetTableClient("Receipts");
        await receipts.GetEntityIfExistsAsync<TableEntity>("opens", "the store");
        var id = await weir.Http.SubmitAsync("probe", new { effect = "chunks" }, more: new { delay = "PT10S", unique = new { key = "chunks", mode = "reject" } });
        await receipts.DeleteEntityAsync(id, "payload-00");

        var job = await weir.Http.FinalAsync(id);
        Assert.Equal("deadLettered", job.GetProperty("state").GetString());
        var entry = await weir.Http.DeadLetterAsync(id);
        Assert.Equal(("poison", true), (entry.GetProperty("reason").GetString(), entry.GetProperty("payloadDamaged").GetBoolean()));
        Assert.Equal(0, (await weir.Http.EffectsAsync("chunks")).GetProperty("starts").GetInt32());
        await AssertWorksAsync();
    }

    private async Task AssertWorksAsync()
    {
        Assert.DoesNotContain("Unhandled exception", weir.Output);
        Assert.Equal("succeeded", (await weir.Http.FinalAsync(await weir.Http.SubmitAsync("probe", new { note = "after" }))).GetProperty("state").GetString());
    }

    /// <summary>Waits until nothing is on the queues, scheduled for later, or dead and not collected.</summary>
    private async Task UntilEmptyAsync()
    {
        var administration = new ServiceBusAdministrationClient($"DataDirectory={data.Path}");
        using var limit = new CancellationTokenSource(Limit);
        var left = "";
        try
        {
            while (true)
            {
                var counts = new List<string>();
                foreach (var queue in Queues)
                {
                    var now = (await administration.GetQueueRuntimePropertiesAsync(queue, limit.Token)).Value;
                    if (now.TotalMessageCount > 0)
                        counts.Add($"{queue}: {now.ActiveMessageCount} active, {now.ScheduledMessageCount} scheduled, {now.DeadLetterMessageCount} dead");
                }
                if (counts.Count == 0)
                    return;
                left = string.Join("; ", counts);
                await Task.Delay(TimeSpan.FromMilliseconds(200), limit.Token);
            }
        }
        catch (OperationCanceledException)
        {
            Assert.Fail($"WEIR_HUNT_SEED={Hunt.Seed}: after {Limit} there is still {left}.\n{weir.Output[^Math.Min(weir.Output.Length, 8_000)..]}");
        }
    }

    private async Task<string> AnyPoisonAsync() =>
        (await weir.Http.GetFromJsonAsync<JsonElement>("api/dead-letters?reason=poison&limit=1")).GetProperty("deadLetters")[0].GetProperty("id").GetString()!;

    private async Task<HashSet<string>> PoisonAsync()
    {
        var found = new HashSet<string>();
        for (var cursor = ""; ;)
        {
            var page = await weir.Http.GetFromJsonAsync<JsonElement>($"api/dead-letters?reason=poison{cursor}");
            found.UnionWith(page.GetProperty("deadLetters").EnumerateArray().Select(entry => entry.GetProperty("messageId").GetString()!));
            if (!page.TryGetProperty("cursor", out var next) || next.ValueKind == JsonValueKind.Null)
                return found;
            cursor = $"&cursor={next.GetString()}";
        }
    }

    private static string Shown(ServiceBusMessage message) =>
        $"{message.Subject}, session {message.SessionId}, {message.Body.ToMemory().Length} bytes, {string.Join(", ", message.ApplicationProperties.Select(one => $"{one.Key}={one.Value?.GetType().Name}:{one.Value}"))}";
}
