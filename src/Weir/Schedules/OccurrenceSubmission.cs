using System.Text.Json;
using Microsoft.Extensions.Logging;
using Weir.Cancellation;
using Weir.Catalog;
using Weir.Execution;
using Weir.Receipts;
using Weir.Submission;
using Weir.Telemetry;

namespace Weir.Schedules;

/// <summary>Makes the jobs of schedules: one for each occurrence, under an id that follows from it.</summary>
internal sealed partial class OccurrenceSubmission(JobSubmission submission, ReceiptTable receipts, JobCancellation cancellations, KillPoints kill, TimeProvider clock, ILogger<OccurrenceSubmission> logger)
{
    private const int MaxDetail = 1_000;

    /// <summary>Submits one occurrence, or notes why it cannot be; done again it changes nothing.</summary>
    /// <returns>The schedule with the occurrence behind it, not written yet.</returns>
    public async Task<Schedule> FireAsync(Schedule schedule, DateTimeOffset occurrence, CancellationToken cancellation)
    {
        if (schedule is { Definition.Overlap: OverlapPolicy.Replace, Last: { } before } && before.Occurrence != occurrence)
        {
            await cancellations.CancelAsync(before.JobId, schedule.Tenant, new CancelRequest($"replaced by the occurrence of {occurrence:O}", $"schedule {schedule.Name}"), cancellation);
            kill.Pass(KillPoints.AfterReplaced);
        }
        var jobId = schedule.JobIdOf(occurrence);
        var submitted = await SubmitAsync(schedule, new ScheduledOccurrence(jobId, schedule.Name, occurrence), cancellation);
        kill.Pass(KillPoints.AfterFired);
        if (submitted is Submitted.Accepted { Replayed: false })
            JobMetrics.Fired(clock.GetUtcNow() - occurrence);
        var after = schedule with { Cursor = occurrence, Decided = null };
        if (submitted is Submitted.Refused refused)
        {
            LogRefused(schedule.Name, schedule.Tenant, occurrence, CodeOf(refused));
            return after with { LastError = new ScheduleError(clock.GetUtcNow(), occurrence, CodeOf(refused), DetailOf(refused)) };
        }
        return after with { Last = new Fired(occurrence, jobId, clock.GetUtcNow()), FiredCount = schedule.FiredCount + 1 };
    }

    /// <summary>Whether the job of the occurrence before has not ended yet.</summary>
    public async Task<bool> IsBusyAsync(Schedule schedule, CancellationToken cancellation) =>
        schedule.Last is { } last && await receipts.FindAsync(last.JobId, cancellation) is { } job && !job.State.IsFinal();

    public Task<Submitted> SubmitAsync(Schedule schedule, ScheduledOccurrence occurrence, CancellationToken cancellation)
    {
        var errors = new List<ContractError>();
        var request = SubmitRequest.Read(JsonElement.Parse(schedule.Definition.Submission), errors)
            ?? throw new InvalidDataException($"The submission of schedule {schedule.Name} cannot be read: {string.Join("; ", errors.Select(error => error.Pointer))}.");
        return submission.SubmitOccurrenceAsync(request with { Occurrence = occurrence }, schedule.Tenant, cancellation);
    }

    /// <summary>As the HTTP API calls it.</summary>
    private static string CodeOf(Submitted.Refused refused) => JsonNamingPolicy.CamelCase.ConvertName(refused.Refusal.ToString());

    private static string DetailOf(Submitted.Refused refused)
    {
        var detail = string.Join(" ", refused.Errors.Select(error => $"{error.Pointer}: {error.Detail}.").Prepend(refused.Detail));
        return detail.Length <= MaxDetail ? detail : $"{detail[..MaxDetail]}…";
    }

    [LoggerMessage(550, LogLevel.Error, "Schedule {Schedule} of {Tenant} could not submit its occurrence of {Occurrence:O}: {Code}; it goes on with the next")]
    private partial void LogRefused(string schedule, string tenant, DateTimeOffset occurrence, string code);
}
