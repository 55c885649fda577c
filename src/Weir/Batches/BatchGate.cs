using Weir.Cancellation;
using Weir.Execution;
using Weir.Holds;
using Weir.Lanes;

namespace Weir.Batches;

/// <summary>
/// Asked before each attempt of an item: does its batch go on? What a batch's row says is remembered for a second, so that an item costs no read of its own. An item of a
/// paused batch is held: its receipt says so and keeps its payload, its message is done with, nothing is burnt. Held first and looked again then, as a resume
/// writes first and looks then: one of the two sees the other.
/// </summary>
internal sealed class BatchGate(BatchTable table, JobQueues queues, JobHolds holds, JobCancellation cancellations, KillPoints kill, TimeProvider clock)
{
    private static readonly TimeSpan Remembered = TimeSpan.FromSeconds(1);

    /// <summary>A job in strict order keeps its place only in its key's row, so it is put off, and its key with it.</summary>
    private static readonly TimeSpan UntilStrictAgain = TimeSpan.FromSeconds(15);

    private const int MostRemembered = 1_024;

    private readonly Lock guard = new();
    private readonly Dictionary<string, (Task<Batch?> Batch, DateTimeOffset At)> seen = new(StringComparer.Ordinal);

    /// <returns>What becomes of the message when the item is not to begin now; null when it is.</returns>
    public async Task<Settlement?> StopAsync(JobMessage message, Queue queue, CancellationToken cancellation)
    {
        if (message.Batch is not { } item || await SeenAsync(item.BatchId, cancellation) is not { } batch)
            return null;
        if (batch.CancelledAt is not null)
            return await CancelAsync(message, batch, cancellation);
        if (batch.PausedAt is null)
            return null;
        if (message.StrictKey is null)
            return await HoldAsync(message, item, cancellation);

        await queues.PutOffAsync(queue, message with { PutOffBecause = "Its batch is paused" }, PutOffReason.BatchPaused, clock.GetUtcNow() + UntilStrictAgain, cancellation);
        return Settlement.Completed;
    }

    /// <summary>Somebody here has changed the batch: nothing in this process goes on as before.</summary>
    public void Forget(string batchId)
    {
        lock (guard)
            seen.Remove(batchId);
    }

    private async Task<Settlement?> HoldAsync(JobMessage message, BatchItem item, CancellationToken cancellation)
    {
        if (!await holds.HoldAsync(message, cancellation))
            return null; // it ended, or runs: its claim tells what to do

        kill.Pass(KillPoints.AfterBatchHeld);
        if (await table.FindAsync(item.BatchId, cancellation) is { PausedAt: not null, CancelledAt: null })
            return Settlement.Completed;
        Forget(item.BatchId);
        await holds.ReleaseAsync(message.JobId, cancellation);
        return Settlement.Completed;
    }

    private async Task<Settlement?> CancelAsync(JobMessage message, Batch batch, CancellationToken cancellation) =>
        await cancellations.CancelAsync(message.JobId, tenant: null, BatchControls.RequestOf(batch), cancellation) switch
        {
            Cancelled.Done { State: JobState.Cancelled } => Settlement.Completed,
            Cancelled.AlreadyFinal { Job.State: JobState.Cancelled } => Settlement.Completed,
            _ => null, // it ended otherwise, or runs: its claim tells what to do
        };

    private async Task<Batch?> SeenAsync(string batchId, CancellationToken cancellation)
    {
        Task<Batch?> reading;
        lock (guard)
        {
            var now = clock.GetUtcNow();
            if (!seen.TryGetValue(batchId, out var known) || known.At + Remembered <= now || known.Batch.IsFaulted)
            {
                if (seen.Count >= MostRemembered)
                    seen.Clear();
                seen[batchId] = known = (table.FindAsync(batchId, CancellationToken.None), now);
            }
            reading = known.Batch;
        }
        return await reading.WaitAsync(cancellation);
    }
}
