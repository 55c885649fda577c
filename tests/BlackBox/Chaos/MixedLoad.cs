using System.Collections.Concurrent;
using System.Net;
using System.Text.Json.Nodes;

namespace BlackBox.Tests.Chaos;

/// <summary>
/// Clients who submit jobs of every kind, one after the other, and ask again under the same key, at another instance if there is one, until they have an answer.
/// It knows how each job has to end, and which effects have to be there then.
/// </summary>
/// <param name="effect">The name of all effects of this load.</param>
/// <param name="instances">Where to submit; read before each request, since instances come and go.</param>
internal sealed class MixedLoad(string effect, Func<IReadOnlyList<WeirProcess>> instances)
{
    private const int Clients = 8;

    /// <summary>How long a client asks again: longer than any fault here lasts.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly ConcurrentDictionary<string, Expected> accepted = new();
    private int refused;

    /// <summary>Answered 202 so far.</summary>
    public int Accepted => accepted.Count;

    /// <summary>Answered 5xx or not at all.</summary>
    public int Refused => refused;

    public Task SubmitAsync(int count, int sleepMs) =>
        Task.WhenAll(Enumerable.Range(0, Clients).Select(client => RunClientAsync(client, count / Clients, sleepMs)));

    /// <summary>Every accepted job has ended as it should, once; every effect is there once; the jobs of one key came in order.</summary>
    /// <param name="http">Where to ask.</param>
    /// <param name="limit">For each job.</param>
    /// <param name="oneClock">False when the instances' clocks differ: effects bear their times, which then say nothing of their order.</param>
    public async Task AssertAllEndedAsync(HttpClient http, TimeSpan limit, bool oneClock = true)
    {
        var jobs = new Dictionary<string, System.Text.Json.JsonElement>();
        foreach (var (id, expected) in accepted)
        {
            var job = jobs[id] = await http.FinalAsync(id, limit);
            Assert.True(job.State() == (expected.HasEffect ? "succeeded" : "deadLettered"), $"{job}");
        }
        var effects = (await http.EffectsAsync(effect)).GetProperty("jobs").EnumerateArray().Select(one => one.Text("id")!).ToArray();
        Assert.Equal(accepted.Where(job => job.Value.HasEffect).Select(job => job.Key).Order(), effects.Order());

        foreach (var key in accepted.Where(job => job.Value.Ordered && oneClock).GroupBy(job => job.Value.Client))
            Assert.Equal(key.OrderBy(job => job.Value.Number).Select(job => job.Key), effects.Where(id => key.Any(job => job.Key == id)));
        foreach (var (id, job) in jobs)
            Assert.Equal(job.Ending(), (await http.ShowAsync(id)).Ending());
    }

    /// <summary>How many attempts of accepted jobs ended so.</summary>
    public async Task<int> CountAttemptsAsync(HttpClient http, string outcome)
    {
        var count = 0;
        foreach (var id in accepted.Keys)
            count += (await http.ShowAsync(id)).GetProperty("attempts").EnumerateArray().Count(attempt => attempt.Text("outcome") == outcome);
        return count;
    }

    private async Task RunClientAsync(int client, int count, int sleepMs)
    {
        for (var number = 0; number < count; number++)
        {
            var kind = number % 5;
            var body = new JsonObject
            {
                ["type"] = kind == 2 ? "probe.ordered" : "probe",
                ["payload"] = new JsonObject
                {
                    ["effect"] = effect,
                    ["sleepMs"] = sleepMs,
                    ["failFirst"] = kind is 1 ? 1 : kind is 3 ? 1_000 : 0,
                    ["failAs"] = kind == 3 ? "permanent" : "transient",
                },
            };
            if (kind == 2)
                body["orderingKey"] = $"client-{client}";
            if (kind == 4)
                body["delay"] = "PT1S";
            var id = await AskAsync(body.ToJsonString(), $"{effect}-{client}-{number}");
            accepted[id] = new Expected(HasEffect: kind != 3, Ordered: kind == 2, client, number);
        }
    }

    private async Task<string> AskAsync(string body, string key)
    {
        using var limit = new CancellationTokenSource(Patience);
        for (var tries = 0; ; tries++)
        {
            var all = instances();
            try
            {
                using var response = await all[tries % all.Count].Http.PostAsync(body, key).WaitAsync(TimeSpan.FromSeconds(10));
                var answer = await response.ReadJsonAsync();
                if (response.StatusCode == HttpStatusCode.Accepted)
                    return answer.Text("id")!;
                Assert.True((int)response.StatusCode >= 500, $"{response.StatusCode}: {answer}");
            }
            catch (Exception noAnswer) when (noAnswer is HttpRequestException or TimeoutException or TaskCanceledException or ObjectDisposedException)
            {
                // It died, or stands still.
            }
            Interlocked.Increment(ref refused);
            await Task.Delay(TimeSpan.FromMilliseconds(200), limit.Token);
        }
    }

    private sealed record Expected(bool HasEffect, bool Ordered, int Client, int Number);
}
