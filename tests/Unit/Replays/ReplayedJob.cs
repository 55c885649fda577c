using System.Collections.Concurrent;
using Weir;

namespace Unit.Tests.Replays;

internal sealed record ReplayedRequest(string Name);

/// <summary>The other side: what it refuses dies.</summary>
internal sealed class OtherSide
{
    public bool IsDown { get; set; } = true;

    public HashSet<string> Refused { get; } = [];

    public ConcurrentQueue<string> Taken { get; } = [];

    public void Take(string name)
    {
        if (IsDown || Refused.Contains(name))
            throw new PermanentException("The other side refuses it.");
        Taken.Enqueue(name);
    }
}

[Job("replayed")]
internal sealed class ReplayedJob(OtherSide other) : IJobHandler<ReplayedRequest>
{
    public Task<object?> RunAsync(ReplayedRequest job, JobContext context, CancellationToken cancellation)
    {
        other.Take(job.Name);
        return Task.FromResult<object?>(null);
    }
}

[Job("replayed.ordered", Ordering = Ordering.Strict)]
internal sealed class ReplayedInOrder(OtherSide other) : IJobHandler<ReplayedRequest>
{
    public Task<object?> RunAsync(ReplayedRequest job, JobContext context, CancellationToken cancellation)
    {
        other.Take(job.Name);
        return Task.FromResult<object?>(null);
    }
}
