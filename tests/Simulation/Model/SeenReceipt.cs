using Azure.Data.Tables;

namespace Simulation.Model;

/// <summary>A receipt as it lies in the table. Its columns are a format, which the checkers read for themselves.</summary>
internal sealed class SeenReceipt(TableEntity row)
{
    public string Type => row.GetString("Type") ?? "";

    public string Tenant => row.GetString("Tenant") ?? "";

    public string Queue => row.GetString("Queue") ?? "";

    public string? StrictKey => row.GetString("StrictKey");

    public string State => row.GetString("State") ?? "";

    public int Attempt => row.GetInt32("Attempt") ?? 0;

    /// <summary>How often it was replayed.</summary>
    public int Run => row.GetInt32("Replays") ?? 0;

    public int EarlierAttempts => row.GetInt32("EarlierAttempts") ?? 0;

    public string Owner => row.GetString("Owner") ?? "";

    public DateTimeOffset LeaseUntil => row.GetDateTimeOffset("LeaseUntil") ?? default;

    public DateTimeOffset? StartedAt => row.GetDateTimeOffset("StartedAt");

    public DateTimeOffset? ExpiresAt => row.GetDateTimeOffset("ExpiresAt");

    public DateTimeOffset? ReplayedAt => row.GetDateTimeOffset("ReplayedAt");

    /// <summary>How often the reconciler has sent its message again.</summary>
    public int Resends => row.GetInt32("Resends") ?? 0;

    /// <summary>A child's parent.</summary>
    public string? CorrelationId => row.GetString("CorrelationId");

    public string? DeadLetterReason => row.GetString("DeadLetterReason");

    public string? ErrorClass => row.GetString("ErrorClass");

    public DateTimeOffset? NotBefore => row.GetDateTimeOffset("NotBefore");

    public DateTimeOffset? FinishedAt => row.GetDateTimeOffset("FinishedAt");

    public bool IsFinal => State is "Succeeded" or "DeadLettered" or "Cancelled" or "Expired" or "Compensated";

    public void ApplyTo(SeenJob job)
    {
        if (job.State == "Running" && State == "Queued")
        {
            (job.HandedBack, job.IsGivenBack) = (true, true);
            if (job.Runs.Count > job.RunsBeforeClaim)
                job.HandBacks++; // else it was given back before it was started: its slot was over
        }
        if (State == "Running" && job.State != State)
            (job.RunsBeforeClaim, job.IsGivenBack) = (job.Runs.Count, false);
        if (State == "DeadLettered" && job.State != State)
            job.DeadLetterings++;
        if (job.State is "DeadLettered" or "Expired" && State != job.State)
        {
            job.Replays++;
            job.RetriesAtOnce = 0; // the same delays again: they follow from the job's id and the attempt's number in its run
            if (job.IsGivenBack)
                job.GivenUp.Add(job.Attempt);
            job.HandedBack = false;
        }
        job.HasExpired |= State == "Expired";
        job.Discarded = row.ContainsKey("DiscardedBy") && State is ("DeadLettered" or "Expired");
        if (IsFinal)
            job.Ends.TryAdd(Run, State);
        (job.Type, job.Tenant, job.Queue, job.StrictKey) = (Type, Tenant, Queue, StrictKey);
        (job.Batch, job.Schedule, job.Occurrence) = (row.GetString("Batch"), row.GetString("Schedule"), row.GetDateTimeOffset("Occurrence") ?? default);
        (job.UniqueKey, job.UniqueFor, job.SupersededBy) = (row.GetString("UniqueKey"), TimeSpan.FromSeconds(row.GetDouble("UniqueForSeconds") ?? 0), row.GetString("SupersededBy"));
        job.CancelRequestedIn = row.GetInt32("CancelRequestedIn") is { } attempt && attempt > EarlierAttempts ? attempt : 0;
        (job.EarlierAttempts, job.ReplayedAt, job.Resends) = (EarlierAttempts, ReplayedAt, Resends);
        (job.CallbackUrl, job.CorrelationId) = (row.GetString("CallbackUrl"), CorrelationId);
        (job.State, job.Attempt, job.Owner) = (State, Attempt, Owner);
        (job.LeaseUntil, job.NotBefore, job.FinishedAt) = (LeaseUntil, NotBefore, FinishedAt);
    }
}
