using System.Text.Json;
using Microsoft.Extensions.Logging;
using Weir.Catalog;
using Weir.Execution;
using Weir.Lanes;
using Weir.Receipts;
using Weir.Submission;

namespace Weir.Completion;

/// <summary>
/// Tells of a job's end whoever asked to be told: a webhook, as a job of its own, and an event. Both have an id that follows from the job
/// and its run, so doing this again after a crash tells nobody twice. A job that asked for neither costs nothing here.
/// </summary>
internal sealed partial class JobAnnouncements(ReceiptTable receipts, JobSubmission submission, CompletionEvents events, KillPoints kill, ILogger<JobAnnouncements> logger)
{
    public async Task AfterAsync(JobMessage message, CancellationToken cancellation)
    {
        if ((message.Follows & (Follows.Callback | Follows.Event)) == 0)
            return;
        if (await receipts.FindAsync(message.JobId, cancellation) is not { } receipt || !receipt.State.IsFinal())
            return;

        var report = CompletionReport.Of(receipt);
        if (receipt.CallbackUrl is { } url)
            await EnqueueWebhookAsync(report, url, cancellation);
        kill.Pass(KillPoints.AfterCallback);
        if (message.Follows.HasFlag(Follows.Event))
            await events.SendAsync(report, cancellation);
        kill.Pass(KillPoints.AfterEvent);
    }

    private async Task EnqueueWebhookAsync(CompletionReport report, string url, CancellationToken cancellation)
    {
        var payload = JsonSerializer.SerializeToElement(new WebhookDelivery(url, SendWebhook.BodyOf(report)), ContractJson.Options);
        var request = new SubmitRequest(SendWebhook.Type, payload) { IsInternal = true, CorrelationId = report.JobId };
        if (await submission.SubmitFollowingAsync(request, report.Tenant, $"webhook:{report.Id}", cancellation) is Submitted.Refused refused)
            LogRefused(report.JobId, refused.Refusal);
    }

    [LoggerMessage(1510, LogLevel.Error, "The webhook for the end of job {JobId} could not be enqueued: {Refusal}")]
    private partial void LogRefused(string jobId, Refusal refusal);
}
