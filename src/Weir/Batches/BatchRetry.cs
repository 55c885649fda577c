using Microsoft.Extensions.Logging;
using Weir.DeadLetters;

namespace Weir.Batches;

/// <summary>
/// Runs the failed items of a batch once more: a replay of each from the catalogue, of the very run that is counted as failed. So however many ask at once, each
/// failed run has one successor; and one that fails again meanwhile is not run by those who asked before.
/// </summary>
internal sealed partial class BatchRetry(DeadLetterDesk desk, TimeProvider clock, ILogger<BatchRetry> logger)
{
    private const int AtOnce = 32;

    /// <summary>The load balancer cuts an answer off after 230 s, most proxies after 30 to 60.</summary>
    private static readonly TimeSpan MaxTime = TimeSpan.FromSeconds(20);

    /// <summary>A death is counted a moment before it is in the catalogue.</summary>
    private static readonly TimeSpan UntilCollected = TimeSpan.FromMilliseconds(200);

    /// <exception cref="Exception">A store is away: what was begun is, and asking again does the rest.</exception>
    public async Task<BatchRetried> RetryAsync(BatchStanding standing, Handling how, CancellationToken cancellation)
    {
        var batch = standing.Batch;
        var until = clock.GetUtcNow() + MaxTime;
        var left = new Queue<ItemEnd[]>(standing.Known.Where(IsFailedRun).Select(FailedRun).Chunk(AtOnce));
        var (retried, failures) = (0, new List<RetryFailure>());
        while (left.Count > 0 && clock.GetUtcNow() < until)
        {
            var some = left.Dequeue();
            var answers = await Task.WhenAll(some.Select(item => desk.ReplayRunAsync(new BatchItem(batch.Id, item.Index).JobIdIn(batch.Tenant), item.Run, how, cancellation)));
            var notYet = new List<ItemEnd>();
            foreach (var (item, answer) in some.Zip(answers))
            {
                var jobId = new BatchItem(batch.Id, item.Index).JobIdIn(batch.Tenant);
                switch (answer)
                {
                    case ReplayAnswer.Queued { Started: true }:
                        retried++;
                        break;
                    case ReplayAnswer.NotCollected:
                        notYet.Add(item);
                        break;
                    case ReplayAnswer.NotReplayable not:
                        failures.Add(new RetryFailure(item.Index, jobId, not.Why));
                        break;
                    case ReplayAnswer.Discarded:
                        failures.Add(new RetryFailure(item.Index, jobId, "It was discarded."));
                        break;
                    case ReplayAnswer.NotFound:
                        failures.Add(new RetryFailure(item.Index, jobId, "Nothing is left of it."));
                        break;
                }
            }
            if (notYet.Count > 0)
            {
                left.Enqueue([.. notYet]);
                await Task.Delay(UntilCollected, clock, cancellation);
            }
        }
        LogRetried(batch.Id, retried, how.By);
        return new BatchRetried(retried, left.Sum(some => some.Length), failures);
    }

    /// <summary>A run that was begun and has not ended counts as its predecessor's failure: the request that began it may have been cut off before it sent the message.</summary>
    private static bool IsFailedRun(ItemEnd item) => item.State.IsDead() || item is { State: ItemState.Pending, Run: > 0 };

    private static ItemEnd FailedRun(ItemEnd item) => item.State == ItemState.Pending ? item with { Run = item.Run - 1 } : item;

    [LoggerMessage(513, LogLevel.Information, "{Retried} failed items of batch {BatchId} are run again, by {Operator}")]
    private partial void LogRetried(string batchId, int retried, string @operator);
}

/// <param name="Retried">How many runs were begun.</param>
/// <param name="Remaining">How many there was no time for.</param>
internal sealed record BatchRetried(int Retried, int Remaining, IReadOnlyList<RetryFailure> Failures);

internal sealed record RetryFailure(int Index, string JobId, string Why);
