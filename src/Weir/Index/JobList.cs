using Weir.Receipts;

namespace Weir.Index;

/// <summary>What a list is to show; null is everything.</summary>
internal sealed record JobFilter(JobState? State, string? Type, string? Tenant, DateTimeOffset From, DateTimeOffset? To)
{
    public bool Takes(JobSummary job) =>
        (Type is null || job.Type == Type) && (Tenant is null || job.Tenant == Tenant) && job.SubmittedAt >= From && (To is null || job.SubmittedAt <= To);
}

/// <param name="Next">Where the next page begins; null after the last.</param>
internal sealed record JobPage(IReadOnlyList<ListedJob> Jobs, string? Next);

/// <summary>A job of a list in its present state.</summary>
internal sealed record ListedJob(JobSummary Summary, JobState State, DateTimeOffset? FinishedAt);

/// <summary>
/// Reads pages of the index, newest first. A line that is behind is looked up in its receipt; the others are right as they stand. What a page costs is bounded: one
/// that finds too little within its bounds comes short, even empty, and says where to go on.
/// </summary>
internal sealed class JobList(JobIndexTable table, ReceiptTable receipts, TimeProvider clock)
{
    private const int MostLines = 10_000;
    private const int MostQueries = 60;
    private const int MostLookUps = 200;
    private const int LookUpsAtOnce = 20;

    /// <param name="filter">What is to be shown.</param>
    /// <param name="after">Where an earlier page ended.</param>
    /// <param name="limit">How many at most.</param>
    /// <param name="cancellation">Ends the waiting.</param>
    /// <param name="patience">After this much time it shows what it has: for somebody who looks at the page. Null: the bounds on what it reads suffice.</param>
    public async Task<JobPage> ReadAsync(JobFilter filter, string? after, int limit, CancellationToken cancellation, TimeSpan? patience = null)
    {
        var began = clock.GetTimestamp();
        var to = filter.To ?? clock.GetUtcNow().AddHours(1); // another instance's clock may be ahead
        var walk = new IndexWalk(table, after ?? IndexKey.At(to), filter.From);
        var jobs = new List<ListedJob>();
        int lines = 0, lookUps = 0;
        while (!walk.IsAtEnd && lines < MostLines && walk.Queries < MostQueries && !(clock.GetElapsedTime(began) > patience))
        {
            var found = await walk.NextAsync(cancellation);
            lines += found.Count;
            foreach (var some in found.Where(filter.Takes).Chunk(LookUpsAtOnce))
            {
                var present = await Task.WhenAll(some.Select(job => PresentAsync(job, cancellation)));
                lookUps += some.Count(job => job.IsBehind);
                foreach (var (job, line) in present.Zip(some))
                {
                    if (job is not null && (filter.State is null || job.State == filter.State))
                        jobs.Add(job);
                    if (jobs.Count == limit)
                        return new JobPage(jobs, line.RowKey);
                }
                if (lookUps >= MostLookUps)
                    return new JobPage(jobs, some[^1].RowKey);
            }
        }
        return new JobPage(jobs, walk.IsAtEnd ? null : walk.Position);
    }

    private async Task<ListedJob?> PresentAsync(JobSummary job, CancellationToken cancellation)
    {
        if (!job.IsBehind)
            return new ListedJob(job, job.State!.Value, job.FinishedAt);
        // Removed since, by retention: its line follows.
        if (await receipts.FindAsync(job.Id, cancellation) is not { } receipt)
            return null;
        // A unique job that was taken back and then accepted at a later try, under one id, has a line of each: the later one counts.
        var own = JobSummary.Of(receipt);
        return own.RowKey == job.RowKey ? new ListedJob(own, receipt.State, receipt.State.IsFinal() ? receipt.FinishedAt : null) : null;
    }
}
