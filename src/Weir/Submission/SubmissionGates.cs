using Weir.Statistics;

namespace Weir.Submission;

/// <summary>Says whether there is room for a job. Its answer must be cheap: it is asked for every job that comes from outside.</summary>
internal interface ISubmissionGate
{
    /// <returns>Null when the job may be accepted.</returns>
    ValueTask<Backoff?> AskAsync(NewJob job, CancellationToken cancellation);
}

/// <summary>
/// All gates, in the order of their registration; the first that refuses decides. Only a job from outside that is not there yet is asked for: what follows from accepted work
/// (children, occurrences, webhooks, the items of an accepted batch) was accepted with it, and a repetition of an accepted request makes no job.
/// </summary>
internal sealed class SubmissionGates(IEnumerable<ISubmissionGate> gates, JobStatistics statistics)
{
    private readonly ISubmissionGate[] gates = [.. gates];

    public async ValueTask<Submitted.Refused?> AskAsync(NewJob job, CancellationToken cancellation)
    {
        foreach (var gate in gates)
        {
            if (await gate.AskAsync(job, cancellation) is not { } backoff)
                continue;
            statistics.Count(JobEvent.Refused, job.Type.Name, job.Queue, job.Tenant, backoff.Code);
            return Submitted.Refuse(Refusal.NoRoom, backoff.Detail) with { Backoff = backoff };
        }
        return null;
    }
}

/// <summary>Nothing is wrong with the request: it comes at a bad time.</summary>
/// <param name="Code">The problem's code.</param>
/// <param name="Detail">What is full or used up, of how much, for a reader.</param>
/// <param name="RetryAfter">When it is worth trying again, already jittered.</param>
internal sealed record Backoff(string Code, string Detail, TimeSpan RetryAfter)
{
    /// <summary>503 rather than 429: the service is at its end, whatever the caller has sent.</summary>
    public bool IsUnavailable { get; init; }

    /// <summary>Further members of the problem, such as <c>queue</c>, <c>pressure</c> and <c>estimatedWait</c>.</summary>
    public IReadOnlyDictionary<string, object?> Members { get; init; } = new Dictionary<string, object?>();
}
