using System.Globalization;
using Weir.Catalog;
using Weir.Controls;
using Weir.Execution;
using Weir.Lanes;
using Weir.Receipts;
using Weir.Reconciliation;
using Weir.Retries;
using Weir.Uniqueness;
using Weir.Workflows;

namespace Weir.Why;

/// <summary>
/// Says why a job is not running: from its receipt, and where that does not know, from what its key, its batch and its queue hold. It is asked for one job at a time, and a job that has ended
/// costs nothing.
/// </summary>
internal sealed class Explanation(
    JobCatalog catalog, ReceiptTable receipts, OrderedKeys keys, UniqueTable uniques, QueuedMessages messages, RetryPolicies policies, Overdue overdue, ControlBoard controls, Expectation expectation, TimeProvider clock)
{
    /// <summary>What was queued so lately needs no reason: it is on its way.</summary>
    private static readonly TimeSpan Moment = TimeSpan.FromSeconds(1);

    /// <returns>Null when the job has ended.</returns>
    public async Task<Reason?> OfAsync(JobRecord job, CancellationToken cancellation)
    {
        var (receipt, now) = (job.Receipt, clock.GetUtcNow());
        return receipt.State switch
        {
            var state when state.IsFinal() => null,
            JobState.Compensating => Undoing(job),
            JobState.Running or JobState.Waiting when receipt.IsOrchestrated => OfSteps(job, now),
            JobState.Running => Running(receipt, now),
            JobState.Held => await HeldAsync(receipt, cancellation),
            JobState.Scheduled when receipt.NotBefore > now => new Reason(ReasonKind.Scheduled, $"It is to begin at {Text(receipt.NotBefore)}, not before.") { ExpectedAt = receipt.NotBefore },
            JobState.Retrying when receipt.NotBefore > now => Retrying(receipt),
            _ => await QueuedAsync(receipt, now, cancellation),
        };
    }

    private static Reason Running(Receipt receipt, DateTimeOffset now) => receipt.LeaseUntil + Claims.ClockSkew > now
        ? new Reason(ReasonKind.Running, $"Attempt {receipt.Attempt} runs.") { Instance = receipt.Owner, Since = receipt.StartedAt }
        : new Reason(ReasonKind.WorkerLost, $"Instance {receipt.Owner} began attempt {receipt.Attempt} and has not renewed its lease since {Text(receipt.LeaseUntil)}; the next attempt comes when the broker hands its message out again.")
        {
            Instance = receipt.Owner,
            Since = receipt.LeaseUntil,
        };

    private Reason Retrying(Receipt receipt)
    {
        var number = receipt.Attempt - receipt.EarlierAttempts;
        var most = catalog.Find(receipt.Type) is { } type ? string.Create(CultureInfo.InvariantCulture, $" of {policies.Of(type, receipt.Id, receipt.Tenant).Attempts}") : "";
        return new Reason(ReasonKind.Retrying, $"Attempt {number}{most} failed ({receipt.ErrorType}); the next one comes at {Text(receipt.NotBefore)}.") { ExpectedAt = receipt.NotBefore };
    }

    private static Reason Undoing(JobRecord job)
    {
        var step = job.Steps.FirstOrDefault(step => step.Compensation is { State: StepStatus.Running or StepStatus.Retrying });
        var retries = step?.Compensation is { State: StepStatus.Retrying };
        return new Reason(ReasonKind.Compensating, step is null ? "What was done is being undone." : $"The step '{step.Name}' is being undone, try {step.Compensation!.Attempts}{(retries ? $"; the next one comes at {Text(step.Compensation.Until)}" : "")}.")
        {
            Step = step?.Name,
            ExpectedAt = retries ? step!.Compensation!.Until : null,
        };
    }

    private static Reason OfSteps(JobRecord job, DateTimeOffset now)
    {
        var open = job.Steps.Where(step => step.State is StepStatus.Running or StepStatus.Retrying or StepStatus.Waiting).ToArray();
        // Of steps side by side one that runs is what the workflow does; else what goes on first.
        var step = open.FirstOrDefault(step => step.State == StepStatus.Running) ?? open.OrderBy(step => step.Until ?? DateTimeOffset.MaxValue).FirstOrDefault();
        return step switch
        {
            null => new Reason(ReasonKind.Running, "The workflow decides what comes next.") { Since = job.Receipt.StartedAt },
            { State: StepStatus.Retrying } when step.Until > now => new Reason(ReasonKind.StepRetrying, $"Try {step.Attempts} of the step '{step.Name}' failed ({step.Error?.Type}); the next one comes at {Text(step.Until)}.") { Step = step.Name, ExpectedAt = step.Until },
            { State: StepStatus.Waiting, Kind: NodeKind.Event } => new Reason(ReasonKind.WaitingForEvent, $"It waits for the event '{step.Name}' until {Text(step.Until)}.") { Step = step.Name, Since = step.StartedAt },
            { State: StepStatus.Waiting, Kind: NodeKind.Delay } => new Reason(ReasonKind.Delayed, $"It waits until {Text(step.Until)} ('{step.Name}').") { Step = step.Name, Since = step.StartedAt, ExpectedAt = step.Until },
            { State: StepStatus.Waiting } => new Reason(ReasonKind.WaitingForChild, $"It waits for the job of its step '{step.Name}' to end.") { Step = step.Name, Since = step.StartedAt },
            _ => new Reason(ReasonKind.Running, $"The step '{step.Name}' runs, try {step.Attempts}.") { Step = step.Name, Since = step.StartedAt },
        };
    }

    private async Task<Reason> HeldAsync(Receipt receipt, CancellationToken cancellation)
    {
        if (await keys.HeadBeforeAsync(receipt, cancellation) is { } head)
        {
            return new Reason(ReasonKind.OrderingKey, head.Why switch
            {
                HeadReason.DeadLettered => $"Job {head.JobId} of the same ordering key is a dead letter: replay or discard it, and this one goes on.",
                HeadReason.Retrying => $"Job {head.JobId} of the same ordering key is to be tried again first.",
                _ => $"Job {head.JobId} of the same ordering key comes first.",
            })
            { JobId = head.JobId, Since = head.Since };
        }
        if (receipt.WaitsForKey && await uniques.FindAsync(UniqueTable.IdOf(receipt.Tenant, receipt.Type, receipt.Unique!.Key), cancellation) is { } row && row.Holder != receipt.Id)
            return new Reason(ReasonKind.UniqueKey, $"Job {row.Holder} holds the unique key '{receipt.Unique.Key}'; this one goes on when that has ended.") { JobId = row.Holder };
        if (PauseOf(receipt) is { } pause)
            return Paused(pause);
        if (receipt is { HeldPutOffs: not null, Batch: null })
            return new Reason(ReasonKind.Paused, "It was held by a control that has ended, and is being released.") { Since = receipt.ChangedAt };
        return receipt is { HeldPutOffs: not null, Batch: { } item }
            ? new Reason(ReasonKind.BatchPaused, $"Its batch {item.BatchId} is paused; it goes on when somebody resumes it.") { Since = receipt.ChangedAt }
            : await QueuedAsync(receipt, clock.GetUtcNow(), cancellation); // who was before it has ended, and its message is on its way, or lost
    }

    private Control? PauseOf(Receipt receipt) => controls.PauseOf(receipt.Queue, receipt.Type, receipt.Tenant);

    private static Reason Paused(Control pause) =>
        new(ReasonKind.Paused, $"{Control.NameOf(pause.Kind)} '{pause.Name}' is paused by {pause.By}: {pause.Reason.TrimEnd('.')}. {(pause.Until is { } until ? $"It ends at {Text(until)}." : "It goes on when somebody resumes it.")}") { Since = pause.Since, ExpectedAt = pause.Until };

    private async Task<Reason> QueuedAsync(Receipt receipt, DateTimeOffset now, CancellationToken cancellation)
    {
        if (PauseOf(receipt) is { } pause)
            return Paused(pause);
        if (receipt.ChangedAt + Moment > now)
            return new Reason(ReasonKind.JustQueued, "It was queued a moment ago.") { Since = receipt.ChangedAt };
        var queue = await messages.ReadAsync(receipt.Queue, cancellation);
        var all = queue.Messages;
        // The newest: of a job that was put off the older one may not be settled yet.
        if (all.LastOrDefault(message => message.JobId == receipt.Id) is not { } own)
        {
            return queue.IsWhole ? Missing(receipt)
                : new Reason(ReasonKind.DeepInQueue, $"More than {QueuedMessages.Most:N0} messages lie before it in its queue.") { Since = receipt.ChangedAt };
        }
        if (own.IsScheduled && own.At > now)
            return new Reason(ReasonKind.PutOff, $"{own.PutOffBecause ?? "It was not to run when its turn came"}; it comes again at {Text(own.At)}.") { ExpectedAt = own.At };

        var before = all.TakeWhile(message => message != own).Where(message => message.Lane == own.Lane && !message.IsScheduled && message.JobId != receipt.Id).ToArray();
        return before.Length > 0 ? await BehindAsync(receipt.Queue, before, BeforeInQueue(all, before[0]), own, cancellation)
            : new Reason(ReasonKind.NextInLane, "It is the first of its lane, and is taken as soon as an instance has a slot for the lane.")
            {
                Since = own.At,
                Ahead = 0,
                ExpectedAt = expectation.OfSlot(receipt.Queue, BeforeInQueue(all, own)),
            };
    }

    private static int BeforeInQueue(IEnumerable<QueuedMessage> all, QueuedMessage message) => all.TakeWhile(one => one != message).Count(one => !one.IsScheduled);

    private async Task<Reason> BehindAsync(Queue queue, QueuedMessage[] before, int beforeFirst, QueuedMessage own, CancellationToken cancellation)
    {
        var (first, ahead) = (before[0], before.Length);
        var head = await receipts.FindAsync(first.JobId, cancellation);
        var running = head?.State == JobState.Running;
        return new Reason(ReasonKind.BehindInLane, $"{(ahead == 1 ? "One message of its lane comes" : $"{ahead:N0} messages of its lane come")} first; {(running ? $"job {first.JobId} runs" : $"job {first.JobId} is the next")}.")
        {
            Ahead = ahead,
            JobId = first.JobId,
            Instance = running ? head!.Owner : null,
            Since = own.At,
            ExpectedAt = await expectation.BehindAsync(queue, before, running ? head!.StartedAt : null, beforeFirst, cancellation),
        };
    }

    private Reason Missing(Receipt receipt) => new(ReasonKind.MessageMissing, $"No queue has a message of it; the reconciler sends one when nothing has happened to it for {overdue.After.TotalMinutes:0.#} minutes.") { Since = receipt.ChangedAt };

    private static string Text(DateTimeOffset? time) => time?.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture) ?? "some time";
}
