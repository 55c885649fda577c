using System.Net.Http.Json;
using System.Text.Json;

namespace BlackBox.Tests;

/// <summary>Jobs of one ordering key run in the order of their submission, whatever fails or dies.</summary>
public sealed class OrderingTests
{
    private static Task UntilCollectedAsync(HttpClient http, string id) => UntilAsync(async () =>
    {
        using var response = await http.GetAsync($"api/dead-letters/{id}");
        return response.IsSuccessStatusCode;
    });

    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(3);

    /// <summary>Delays from 0 to 4 s: about half of the retries are made in place, the others come by a message while later jobs are parked.</summary>
    private static readonly (string, string)[] LongAndShortRetries = [("Weir__Retries__quick__Base", "00:00:04"), ("Weir__Retries__quick__Cap", "00:00:04")];

    [Fact]
    public async Task Twenty_keys_keep_their_order_through_failures_and_a_kill()
    {
        const int Keys = 20, Jobs = 50;
        using var data = new DataFolder();
        await using var survivor = await WeirProcess.StartAsync(data, LongAndShortRetries);
        await using var victim = await WeirProcess.StartAsync(data, LongAndShortRetries);
        var ids = await Task.WhenAll(Enumerable.Range(0, Keys).Select(key => SubmitInOrderAsync(survivor.Http, key, Jobs)));

        await UntilAsync(async () => await EffectsAsync(survivor.Http, Keys) >= Keys * Jobs / 5);
        await victim.KillAsync();

        foreach (var id in ids.SelectMany(one => one))
            Assert.Equal("succeeded", (await survivor.Http.FinalAsync(id, Limit)).GetProperty("state").GetString());
        for (var key = 0; key < Keys; key++)
        {
            var effects = await survivor.Http.EffectsAsync($"order-{key}");
            Assert.Equal(Enumerable.Range(0, Jobs).Select(number => $"{number}"), NotesOf(effects));
        }
    }

    [Fact]
    public async Task Behind_a_dead_letter_its_key_is_held_and_other_keys_of_the_lane_go_on()
    {
        using var data = new DataFolder();
        await using var weir = await WeirProcess.StartAsync(data, ("Weir__Lanes", "1"));
        var (dead, held) = await SubmitBehindADeadLetterAsync(weir.Http);

        var first = await weir.Http.GetFromJsonAsync<JsonElement>($"api/jobs/{held[0]}");
        Assert.Equal((dead, "deadLettered"), (first.GetProperty("heldBy").GetProperty("id").GetString(), first.GetProperty("heldBy").GetProperty("why").GetString()));
        var others = await Task.WhenAll(Enumerable.Range(0, 10).Select(number => SubmitAsync(weir.Http, "other", "others", $"{number}")));
        foreach (var id in others)
            Assert.Equal("succeeded", (await weir.Http.FinalAsync(id)).GetProperty("state").GetString());
        foreach (var id in held)
            Assert.Equal("held", await StateAsync(weir.Http, id));
        Assert.Equal(1, (await weir.Http.EffectsAsync("held")).GetProperty("starts").GetInt32());
    }

    [Fact]
    public async Task After_the_replay_of_a_dead_letter_its_key_goes_on_in_the_old_order()
    {
        using var data = new DataFolder();
        await using var weir = await WeirProcess.StartAsync(data, ("Weir__Lanes", "1"));
        var (dead, held) = await SubmitBehindADeadLetterAsync(weir.Http);

        await UntilCollectedAsync(weir.Http, dead);
        using var replayed = await weir.Http.PostAsJsonAsync($"api/dead-letters/{dead}/replay", new { payload = new { effect = "held", note = "mended" } });
        Assert.True(replayed.IsSuccessStatusCode, await replayed.Content.ReadAsStringAsync());

        foreach (var id in held.Prepend(dead))
            Assert.Equal("succeeded", (await weir.Http.FinalAsync(id)).GetProperty("state").GetString());
        Assert.Equal(["mended", "0", "1", "2", "3", "4"], NotesOf(await weir.Http.EffectsAsync("held")));
    }

    [Fact]
    public async Task After_the_discard_of_a_dead_letter_its_key_goes_on_without_it()
    {
        using var data = new DataFolder();
        await using var weir = await WeirProcess.StartAsync(data, ("Weir__Lanes", "1"));
        var (dead, held) = await SubmitBehindADeadLetterAsync(weir.Http);

        await UntilCollectedAsync(weir.Http, dead);
        using var discarded = await weir.Http.DeleteAsync($"api/dead-letters/{dead}?reason=not%20needed");
        Assert.True(discarded.IsSuccessStatusCode, await discarded.Content.ReadAsStringAsync());

        foreach (var id in held)
            Assert.Equal("succeeded", (await weir.Http.FinalAsync(id)).GetProperty("state").GetString());
        Assert.Equal(["0", "1", "2", "3", "4"], NotesOf(await weir.Http.EffectsAsync("held")));
    }

    [Fact]
    public Task A_kill_between_two_steps_of_a_key_forgets_nobody_and_keeps_the_order() => Task.WhenAll(
        KilledAtAsync("order.blocked"), KilledAtAsync("order.held"), KilledAtAsync("order.parked"), KilledAtAsync("order.promoted"), KilledAtAsync("order.release-sent"));

    private static async Task KilledAtAsync(string killPoint)
    {
        using var data = new DataFolder();
        (string, string)[] settings = [("Weir__Lanes", "1"), ("Weir__Retries__quick__Base", "00:00:20"), ("Weir__Retries__quick__Cap", "00:00:20")];
        await using (var first = await WeirProcess.StartAsync(data, [.. settings, ("Weir__KillPoint", killPoint)]))
        {
            await SubmitFiveAsync(first.Http);
            await first.ExitedAsync();
        }

        await using var second = await WeirProcess.StartAsync(data, settings);
        foreach (var id in await SubmitFiveAsync(second.Http))
            Assert.Equal("succeeded", (await second.Http.FinalAsync(id!)).GetProperty("state").GetString());
        Assert.Equal(["0", "1", "2", "3", "4"], NotesOf(await second.Http.EffectsAsync("one")));
    }

    /// <summary>Five jobs of one key, the first of which fails once. Sent again they are the same; null when the process died meanwhile.</summary>
    private static async Task<string?[]> SubmitFiveAsync(HttpClient http)
    {
        var ids = new string?[5];
        try
        {
            for (var number = 0; number < ids.Length; number++)
                ids[number] = await SubmitAsync(http, "one", "one", $"{number}", failFirst: number == 0 ? 1 : 0, idempotencyKey: number == 0 ? SlowRetry : $"one-{number}");
        }
        catch (HttpRequestException)
        {
            // Killed, as it was told to be.
        }
        return ids;
    }

    /// <summary>An Idempotency-Key whose job, of the type probe.ordered and the default tenant, waits 3 s (of up to 20) before its second attempt: too long to wait in place.</summary>
    private const string SlowRetry = "slow-retry-53";

    private static async Task<(string Dead, string[] Held)> SubmitBehindADeadLetterAsync(HttpClient http)
    {
        var dead = await http.SubmitAsync("probe.ordered", new { effect = "held", failFirst = 1, failAs = "permanent" }, more: new { orderingKey = "blocked" });
        var held = new string[5];
        for (var number = 0; number < held.Length; number++)
            held[number] = await SubmitAsync(http, "blocked", "held", $"{number}");

        Assert.Equal("deadLettered", (await http.FinalAsync(dead)).GetProperty("state").GetString());
        foreach (var id in held)
            await UntilAsync(async () => await StateAsync(http, id) == "held");
        return (dead, held);
    }

    private static async Task<string[]> SubmitInOrderAsync(HttpClient http, int key, int count)
    {
        var ids = new string[count];
        for (var number = 0; number < count; number++)
            ids[number] = await SubmitAsync(http, $"key-{key}", $"order-{key}", $"{number}", failFirst: number % 10 == key % 10 ? 1 : 0);
        return ids;
    }

    private static Task<string> SubmitAsync(HttpClient http, string orderingKey, string effect, string note, int failFirst = 0, string? idempotencyKey = null) =>
        http.SubmitAsync("probe.ordered", new { effect, note, failFirst }, idempotencyKey, new { orderingKey });

    private static async Task<int> EffectsAsync(HttpClient http, int keys)
    {
        var counts = await Task.WhenAll(Enumerable.Range(0, keys).Select(async key => (await http.EffectsAsync($"order-{key}")).GetProperty("count").GetInt32()));
        return counts.Sum();
    }

    private static IEnumerable<string?> NotesOf(JsonElement effects) => effects.GetProperty("jobs").EnumerateArray().Select(job => job.GetProperty("note").GetString());

    private static async Task<string?> StateAsync(HttpClient http, string id) => (await http.GetFromJsonAsync<JsonElement>($"api/jobs/{id}")).GetProperty("state").GetString();

    private static async Task UntilAsync(Func<Task<bool>> condition)
    {
        using var limit = new CancellationTokenSource(Limit);
        while (!await condition())
            await Task.Delay(50, limit.Token);
    }
}
