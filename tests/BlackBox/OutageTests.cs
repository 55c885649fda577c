using System.Diagnostics;
using System.Net.Http.Json;
using System.Text.Json;

namespace BlackBox.Tests;

/// <summary>A dependency goes down, comes back, and is weak at first.</summary>
public sealed class OutageTests
{
    private const int Jobs = 200;

    /// <summary>A tenant's lanes: so many may be on their way when it goes down.</summary>
    private const int Lanes = 32;

    private const int Trials = 4;

    /// <summary>20 s is what is promised; every run of all tests has less time.</summary>
    private static readonly TimeSpan Outage = TimeSpan.FromSeconds(int.Parse(Environment.GetEnvironmentVariable("WEIR_OUTAGE_SECONDS") ?? "8", System.Globalization.CultureInfo.InvariantCulture));

    [Fact]
    public async Task The_breaker_opens_within_two_seconds_no_attempt_is_burnt_for_nothing_and_the_backlog_does_not_knock_it_over_again()
    {
        using var data = new DataFolder();
        await using var weir = await WeirProcess.StartAsync(data);
        await BecomeAsync(weir, new { failureRate = 1, latencyMs = 50 });
        var outage = Stopwatch.StartNew();
        var ids = new List<string>();
        for (var number = 0; number < 20; number++)
            ids.Add(await SubmitAsync(weir, number));
        var found = Stopwatch.StartNew();
        while (await StateAsync(weir) != "open")
        {
            Assert.True(found.Elapsed < TimeSpan.FromSeconds(2), $"The breaker is {await StateAsync(weir)} 2 s after 20 jobs were accepted.");
            await Task.Delay(50);
        }
        for (var number = ids.Count; number < Jobs; number++)
            ids.Add(await SubmitAsync(weir, number));
        await Task.Delay(Outage - outage.Elapsed is { Ticks: > 0 } rest ? rest : TimeSpan.Zero);

        // For two seconds after its first call it takes six calls at once, and fails each one more.
        await BecomeAsync(weir, new { failureRate = 0, latencyMs = 50, maxConcurrent = 6, warmUpMs = 2_000 });
        var burnt = 0;
        foreach (var id in ids)
        {
            var job = await weir.Http.FinalAsync(id, TimeSpan.FromSeconds(90));
            Assert.Equal("succeeded", job.State());
            burnt += job.GetProperty("attempts").GetArrayLength() - 1;
        }
        Assert.InRange(burnt, 5, 5 + Lanes + Trials);
        var service = (await weir.Http.GetFromJsonAsync<JsonElement>("sim")).GetProperty("crm");
        Assert.Equal(0, service.GetProperty("overloaded").GetInt32());
        Assert.Equal(Jobs, service.GetProperty("succeeded").GetInt32());
    }

    private static Task<string> SubmitAsync(WeirProcess weir, int number) =>
        weir.Http.SubmitAsync("crm.sync", new { userId = $"u{number}", email = $"u{number}@example.org" });

    private static async Task BecomeAsync(WeirProcess weir, object behaviour)
    {
        using var answer = await weir.Http.PutAsJsonAsync("sim/crm", behaviour);
        Assert.True(answer.IsSuccessStatusCode, await answer.Content.ReadAsStringAsync());
    }

    private static async Task<string?> StateAsync(WeirProcess weir) =>
        (await weir.Http.GetFromJsonAsync<JsonElement>("api/breakers")).GetProperty("breakers").EnumerateArray().FirstOrDefault(one => one.Text("dependency") == "crm") is { ValueKind: JsonValueKind.Object } breaker ? breaker.State() : null;
}
