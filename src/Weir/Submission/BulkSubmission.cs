using Azure;
using Microsoft.Extensions.Logging;
using Weir.Execution;
using Weir.Lanes;
using Weir.Limits;
using Weir.Receipts;
using Weir.Statistics;
using Weir.Telemetry;

namespace Weir.Submission;

/// <summary>
/// Accepts many jobs at once, each for itself: receipts are inserted together (each is a partition of its own, so no transaction holds two),
/// messages go in batches, one operation each. As for a single job, Accepted means that the broker has it.
/// </summary>
internal sealed partial class BulkSubmission(
    JobSubmission submission, SubmissionGates gates, JobSlots slots, ReceiptTable receipts, JobQueues queues, KillPoints kill, JobStatistics statistics, ILogger<BulkSubmission> logger)
{
    public const int MaxItems = 1_000;

    /// <summary>As many as the local store commits together: with 32, a call of 500 took 16 commits and 1.5 times the processor time. In Azure the SDK's connections, 50 to a server, bound it.</summary>
    private const int AtOnce = 512;

    /// <returns>An answer for each item, in their order.</returns>
    public async Task<IReadOnlyList<Submitted>> SubmitAsync(IReadOnlyList<BulkItem> items, string tenant, CancellationToken cancellation)
    {
        using var span = Spans.Bulk(items.Count, tenant);
        var answers = new Submitted?[items.Count];
        var unsent = new Unsent?[items.Count];
        var next = -1;
        async Task WorkAsync()
        {
            while (Interlocked.Increment(ref next) is var index && index < items.Count)
                (answers[index], unsent[index]) = await AcceptAsync(items[index], tenant, cancellation);
        }
        await Task.WhenAll(Enumerable.Range(0, Math.Min(AtOnce, items.Count)).Select(_ => WorkAsync()));

        foreach (var queue in Enum.GetValues<Queue>())
            await SendAsync(queue, [.. Enumerable.Range(0, items.Count).Where(index => unsent[index]?.Job.Queue == queue)], unsent, answers, cancellation);
        return answers!;
    }

    /// <summary>Everything but the message; or all of it, for an item that is not as the others.</summary>
    private async Task<(Submitted? Answer, Unsent? Unsent)> AcceptAsync(BulkItem item, string tenant, CancellationToken cancellation)
    {
        try
        {
            if (item.Request.Unique is not null)
                return (await submission.SubmitAsync(item.Request, tenant, item.IdempotencyKey, cancellation), null);
            if (submission.Check(item.Request, tenant, item.IdempotencyKey, out var job) is { } refused)
                return (refused, null);
            if (item.Request.Batch is null && await submission.AskAsync(gates, job!, keyed: item.IdempotencyKey is not null, cancellation) is { } answer)
                return (answer, null);
            if (await receipts.AddAsync(job!.ToReceipt(), job.Chunks, cancellation) is not { } etag)
                return (await submission.RepeatAsync(job, cancellation), null);

            kill.Pass(KillPoints.AfterReceipt);
            return (null, new Unsent(job, etag));
        }
        catch (Exception away) when (StoreAway.Explains(away))
        {
            LogStoreAway(away, item.Request.Type);
            return (Unavailable, null);
        }
    }

    private async Task SendAsync(Queue queue, int[] indices, Unsent?[] unsent, Submitted?[] answers, CancellationToken cancellation)
    {
        var first = new List<(JobMessage, DateTimeOffset?)>(indices.Length);
        var left = indices.CountBy(index => unsent[index]!.Job.Type.Name).ToDictionary(StringComparer.Ordinal);
        foreach (var index in indices)
        {
            var (job, receipt) = unsent[index]!;
            var message = job.ToMessage(receipt);
            first.Add((message, await slots.SendAtAsync(message, job.NotBefore, ahead: --left[job.Type.Name], cancellation)));
        }
        var failures = await queues.SendFirstAsync(queue, first, cancellation);
        kill.Pass(KillPoints.AfterSend);
        foreach (var (index, failure) in indices.Zip(failures))
        {
            if (failure is not null)
                LogStoreAway(failure, unsent[index]!.Job.Type.Name);
            else
                statistics.Count(JobEvent.Submitted, unsent[index]!.Job.Type.Name, queue, unsent[index]!.Job.Tenant);
            answers[index] = failure is null ? unsent[index]!.Job.Accepted : Unavailable;
        }
    }

    private static Submitted.Refused Unavailable => Submitted.Refuse(Refusal.StoreUnavailable, "A store did not answer.");

    [LoggerMessage(1407, LogLevel.Error, "A job of type {Type} in a bulk could not be accepted: a store did not answer")]
    private partial void LogStoreAway(Exception failure, string type);

    private sealed record Unsent(NewJob Job, ETag Receipt);
}

/// <summary>One well-formed item of a bulk.</summary>
internal sealed record BulkItem(SubmitRequest Request, string? IdempotencyKey);
