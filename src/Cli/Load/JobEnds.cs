using System.Globalization;
using System.Text.Json;
using Capacity;

namespace Cli.Load;

/// <summary>Follows a sample of the jobs to their ends.</summary>
internal sealed class JobEnds(WeirServer server, TimeProvider clock)
{
    private const int AtOnce = 32;

    private readonly Lock gate = new();
    private readonly LatencyHistogram wait = new();
    private readonly LatencyHistogram run = new();
    private readonly LatencyHistogram endToEnd = new();
    private readonly SortedDictionary<string, int> states = new(StringComparer.Ordinal);

    public async Task<JobsView> FollowAsync(IReadOnlyList<string> ids, TimeSpan limit, CancellationToken cancellation)
    {
        var began = clock.GetTimestamp();
        var left = new Queue<string>(ids);
        await Task.WhenAll(Enumerable.Range(0, AtOnce).Select(_ => FollowSomeAsync()));
        return new JobsView(ids.Count, states, LatencyView.Of(wait), LatencyView.Of(run), LatencyView.Of(endToEnd));

        async Task FollowSomeAsync()
        {
            while (true)
            {
                string? id;
                lock (gate)
                {
                    if (!left.TryDequeue(out id))
                        return;
                }
                Count(await EndAsync(id, began, limit, cancellation));
            }
        }
    }

    private async Task<JsonElement> EndAsync(string id, long began, TimeSpan limit, CancellationToken cancellation)
    {
        while (true)
        {
            var left = limit - clock.GetElapsedTime(began);
            var job = (await server.GetAsync(Query.Of($"api/jobs/{id}", ("wait", left > TimeSpan.Zero ? $"PT{Math.Clamp((int)left.TotalSeconds, 1, 10)}S" : null)), cancellation)).Body;
            if (job.Text("finishedAt") is not null || left <= TimeSpan.Zero)
                return job;
        }
    }

    private void Count(JsonElement job)
    {
        lock (gate)
        {
            var state = job.Text("state") ?? "unknown";
            states[state] = states.GetValueOrDefault(state) + 1;
            if (Time(job, "submittedAt") is not { } submitted)
                return;
            var attempts = job.Items("attempts");
            if (attempts.Count > 0 && Time(attempts[0], "startedAt") is { } started)
                wait.Record(started - submitted);
            if (attempts.Count > 0 && Time(attempts[^1], "startedAt") is { } last && Time(attempts[^1], "finishedAt") is { } ended)
                run.Record(ended - last);
            if (Time(job, "finishedAt") is { } finished)
                endToEnd.Record(finished - submitted);
        }
    }

    private static DateTimeOffset? Time(JsonElement value, string name) =>
        value.Text(name) is { } text && DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var time) ? time : null;
}
