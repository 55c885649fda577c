using System.Text;

namespace Cli.Load;

/// <summary>
/// An open loop: each arrival has its moment, drawn beforehand, and is sent then, whatever became of those before it. A closed loop, in which a client waits for its answer before it
/// sends the next request, would send less just when the server is slow, and never see how slow ("coordinated omission"). Latencies count from the intended moment.
/// </summary>
internal sealed class LoadRun(WeirServer server, LoadPlan plan, LoadFigures figures, int sample, TimeProvider clock, Random chance)
{
    /// <summary>A timer is not exact to less.</summary>
    private static readonly TimeSpan Tick = TimeSpan.FromMilliseconds(1);

    /// <summary>Requests after the last arrival may take as long as a request may.</summary>
    private static readonly TimeSpan LastAnswers = TimeSpan.FromSeconds(100);

    private readonly Lock gate = new();
    private readonly string name = $"load-{chance.NextInt64():x}";
    private readonly double weights = plan.Mix.Sum(one => one.Weight);
    private readonly TaskCompletionSource idle = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private long began;
    private int open = 1; // clients, and the loop that makes them

    public TimeSpan Elapsed => clock.GetElapsedTime(began);

    /// <summary>Returns when the last answer is there, or <paramref name="cancellation"/> says that it is enough.</summary>
    public async Task RunAsync(CancellationToken cancellation)
    {
        began = clock.GetTimestamp();
        try
        {
            var number = 0;
            for (var at = Next(TimeSpan.Zero); at < plan.Duration; at = Next(at))
            {
                if (at - Elapsed is var early && early > Tick)
                    await Task.Delay(early, clock, cancellation);
                cancellation.ThrowIfCancellationRequested();
                figures.Arrived();
                Interlocked.Increment(ref open);
                _ = SendAsync(Arrival(number++), at, cancellation);
            }
            End();
            await idle.Task.WaitAsync(LastAnswers, clock, cancellation);
        }
        catch (TimeoutException)
        {
            // They count as in flight, or as waiting.
        }
    }

    /// <summary>Chance belongs to one caller at a time.</summary>
    private T Draw<T>(Func<Random, T> draw)
    {
        lock (gate)
            return draw(chance);
    }

    private TimeSpan Next(TimeSpan at) =>
        at + TimeSpan.FromSeconds(plan.IsRandom ? -Math.Log(1 - Draw(one => one.NextDouble())) / plan.PerSecond : 1 / plan.PerSecond);

    private ClientRequest Arrival(int number)
    {
        var body = new Dictionary<string, object> { ["type"] = plan.Type, ["payload"] = plan.Payload };
        if (plan.Mix.Count > 0)
            body["priority"] = QueueOf(Draw(one => one.NextDouble()) * weights);
        return new ClientRequest(Json.Of(body).Compact(), plan.Tenants[number % plan.Tenants.Count], $"{name}-{number}");
    }

    private string QueueOf(double draw)
    {
        foreach (var (queue, weight) in plan.Mix)
        {
            if ((draw -= weight) < 0)
                return queue;
        }
        return plan.Mix[^1].Queue;
    }

    /// <summary>One client: sends, and comes again if it honours Retry-After. Its exceptions are figures.</summary>
    private async Task SendAsync(ClientRequest client, TimeSpan intended, CancellationToken cancellation)
    {
        for (var tries = 1; figures.TryBegin(plan.MostInFlight); tries++)
        {
            if (await TryAsync(client, intended, cancellation) is not { } wait)
                break;
            if (!plan.HonoursRetryAfter)
                break;
            if (tries >= plan.MostTries)
            {
                figures.GaveUp();
                break;
            }
            if (!figures.TryWait(plan.MostWaiting))
                break;
            intended = Elapsed + wait;
            try
            {
                await Task.Delay(wait, clock, cancellation);
            }
            catch (OperationCanceledException)
            {
                break;
            }
            finally
            {
                figures.HasWaited();
            }
        }
        End();
    }

    /// <returns>After how long to come again; null when there is no reason to.</returns>
    private async Task<TimeSpan?> TryAsync(ClientRequest client, TimeSpan intended, CancellationToken cancellation)
    {
        var sent = Elapsed;
        Answer answer;
        try
        {
            using var content = new StringContent(client.Body, Encoding.UTF8, "application/json");
            answer = await server.TrySendAsync(HttpMethod.Post, "api/jobs", content, cancellation, ("Idempotency-Key", plan.HonoursRetryAfter ? client.Key : null), ("Weir-Tenant", client.Tenant));
        }
        catch (Exception failure) when (failure is NotReachableException or OperationCanceledException)
        {
            figures.Fail(failure is OperationCanceledException ? "interrupted" : failure.InnerException is HttpRequestException { HttpRequestError: var error } ? $"{error}" : "noAnswer");
            return null;
        }
        figures.Answer(Elapsed - intended, Elapsed - sent);
        if (answer.Status is >= 200 and < 300 && answer.Body.Text("id") is { } id)
        {
            Draw(one =>
            {
                figures.Accept(id, sample, one);
                return 0;
            });
            return null;
        }
        figures.Refuse(answer.Body.Text("code") ?? $"{answer.Status}");
        return answer.RetryAfter;
    }

    private void End()
    {
        if (Interlocked.Decrement(ref open) == 0)
            idle.TrySetResult();
    }

    private sealed record ClientRequest(string Body, string? Tenant, string Key);
}
