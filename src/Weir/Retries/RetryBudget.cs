using System.Collections.Concurrent;
using Weir.Catalog;

namespace Weir.Retries;

/// <summary>
/// Counts, for each job type in this instance, how many of the last minute's attempts were retries. While they are more than the policy's
/// budget, delays double: a downstream that fails is then asked less, not more.
/// </summary>
internal sealed class RetryBudget(TimeProvider clock)
{
    /// <summary>Fewer attempts say nothing about a share.</summary>
    private const int LeastAttempts = 20;

    private static readonly TimeSpan Slice = TimeSpan.FromSeconds(10);
    private const int Slices = 6;

    private readonly ConcurrentDictionary<string, Window> windows = new(StringComparer.Ordinal);

    /// <summary>Whether an attempt of the type was ever counted here.</summary>
    public bool Knows(JobType type) => windows.ContainsKey(type.Name);

    public void Count(JobType type, int attempt) => WindowOf(type).Count(Now, isRetry: attempt > 1);

    /// <summary>2 while the type retries too much, else 1.</summary>
    public int Factor(JobType type, RetryPolicy policy)
    {
        if (policy.Budget >= 1)
            return 1;
        var (attempts, retries) = WindowOf(type).Totals(Now);
        return attempts >= LeastAttempts && retries > attempts * policy.Budget ? 2 : 1;
    }

    private long Now => clock.GetUtcNow().Ticks / Slice.Ticks;

    private Window WindowOf(JobType type) => windows.GetOrAdd(type.Name, _ => new Window());

    private sealed class Window
    {
        private readonly (long Slice, int Attempts, int Retries)[] slices = new (long, int, int)[Slices];
        private readonly Lock gate = new();

        public void Count(long now, bool isRetry)
        {
            lock (gate)
            {
                ref var slice = ref slices[now % Slices];
                if (slice.Slice != now)
                    slice = (now, 0, 0);
                slice.Attempts++;
                if (isRetry)
                    slice.Retries++;
            }
        }

        public (int Attempts, int Retries) Totals(long now)
        {
            lock (gate)
            {
                int attempts = 0, retries = 0;
                foreach (var slice in slices)
                {
                    if (slice.Slice <= now - Slices)
                        continue;
                    attempts += slice.Attempts;
                    retries += slice.Retries;
                }
                return (attempts, retries);
            }
        }
    }
}
