using Weir;

namespace Unit.Tests.Reconciliation;

/// <summary>Fails as its payload says, and may enqueue another job.</summary>
/// <param name="Permanent">In this attempt and before it fails for good.</param>
/// <param name="Transient">In this attempt and before it fails for now.</param>
public sealed record ReconciledRequest(string Name, int Permanent = 0, int Transient = 0, bool HasChild = false);

/// <summary>Who started, in their order. One for each world.</summary>
internal sealed class Starts
{
    public List<string> Names { get; } = [];
}

[Job("reconciled", Retry = "standard")]
internal sealed class ReconciledJob(Starts starts) : IJobHandler<ReconciledRequest>
{
    public async Task<object?> RunAsync(ReconciledRequest job, JobContext context, CancellationToken cancellation)
    {
        starts.Names.Add(job.Name);
        if (context.Attempt <= job.Permanent)
            throw new PermanentException("for good");
        if (context.Attempt <= job.Transient)
            throw new TransientException("for now", TimeSpan.FromMinutes(1));
        if (job.HasChild)
            await context.EnqueueAsync("reconciled", new ReconciledRequest(job.Name + "'s child"));
        return null;
    }
}

[Job("reconciled.strict", Retry = "standard", Ordering = Ordering.Strict)]
internal sealed class ReconciledInOrder(Starts starts) : IJobHandler<ReconciledRequest>
{
    public Task<object?> RunAsync(ReconciledRequest job, JobContext context, CancellationToken cancellation) => new ReconciledJob(starts).RunAsync(job, context, cancellation);
}

[Job("reconciled.free", Retry = "standard", Guarantee = Guarantee.AtLeastOnce)]
internal sealed class ReconciledUnclaimed(Starts starts) : IJobHandler<ReconciledRequest>
{
    public Task<object?> RunAsync(ReconciledRequest job, JobContext context, CancellationToken cancellation) => new ReconciledJob(starts).RunAsync(job, context, cancellation);
}
