using System.Collections.Concurrent;

namespace Weir.Execution;

/// <summary>The claims of the jobs that run in this process at this moment, by job.</summary>
internal sealed class InFlight
{
    private readonly ConcurrentDictionary<string, Claim> running = new(StringComparer.Ordinal);

    /// <summary>A snapshot.</summary>
    public ICollection<Claim> Claims => running.Values;

    /// <summary>Lists a claim until the answer is disposed of.</summary>
    public Entry Enter(Claim claim)
    {
        // A job may be here twice: an attempt that lost its claim and does not know it yet, and the one after it. The newer one counts.
        running[claim.Message.JobId] = claim;
        return new Entry(this, claim);
    }

    /// <summary>Asks a job to stop if it runs here.</summary>
    /// <param name="jobId">The job.</param>
    /// <param name="attempt">Only this attempt; null is any.</param>
    public void RequestCancel(string jobId, int? attempt)
    {
        if (!running.TryGetValue(jobId, out var claim) || (attempt is { } number && claim.Attempt.Number != number))
            return;
        try
        {
            claim.RequestCancel();
        }
        catch (Exception ignored) when (ignored is ObjectDisposedException or AggregateException)
        {
            // It has just ended, or a handler's own callback on its token threw: nothing that concerns whoever cancels.
        }
    }

    public readonly struct Entry(InFlight all, Claim claim) : IDisposable
    {
        public void Dispose() => all.running.TryRemove(KeyValuePair.Create(claim.Message.JobId, claim));
    }
}
