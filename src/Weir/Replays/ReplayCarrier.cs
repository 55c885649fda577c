using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Weir.Controls;
using Weir.DeadLetters;
using Weir.Execution;
using Weir.Receipts;

namespace Weir.Replays;

/// <summary>
/// Carries staged replays on: one instance at a time, in steps. Each step looks how the jobs of a stage have ended, decides (<see cref="StagedRun"/>), writes that down, and only then queues what
/// was chosen. So an instance that dies after any of it leaves what the next one goes on with: what is intended is queued again, which one conditional write of the receipt makes once.
/// </summary>
public sealed partial class ReplayCarrier
{
    private const int AtOnce = 16;

    /// <summary>How many receipts of open jobs a step reads, of one replay: with a stage of a thousand each is looked at every ten seconds.</summary>
    private const int MostLooks = 50;

    /// <summary>Between two steps: what a stage of one job waits for its next.</summary>
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(500);

    /// <summary>A run of the timer. The next one goes on, here or elsewhere.</summary>
    private static readonly TimeSpan RunLimit = TimeSpan.FromSeconds(55);

    /// <summary>Longer than a step takes; given back at the end of a run. Two at once would only do some of it twice.</summary>
    private static readonly TimeSpan Lease = TimeSpan.FromSeconds(30);

    private readonly ReplayTable table;
    private readonly ReceiptTable receipts;
    private readonly DeadLetterDesk dead;
    private readonly AuditTable audit;
    private readonly Instance instance;
    private readonly KillPoints kill;
    private readonly TimeProvider clock;
    private readonly ILogger<ReplayCarrier> logger;
    private readonly IOptions<WeirOptions> options;
    private readonly SemaphoreSlim turn = new(1);
    private readonly SortedDictionary<string, StagedRun> known = new(StringComparer.Ordinal);
    private readonly Dictionary<string, int> looks = new(StringComparer.Ordinal);
    private DateTimeOffset leaseUntil;
    private DateTimeOffset removedAt;

    internal ReplayCarrier(
        ReplayTable table, ReceiptTable receipts, DeadLetterDesk dead, AuditTable audit, Instance instance, KillPoints kill, IOptions<WeirOptions> options, TimeProvider clock, ILogger<ReplayCarrier> logger)
    {
        (this.table, this.receipts, this.dead, this.audit, this.instance) = (table, receipts, dead, audit, instance);
        (this.kill, this.options, this.clock, this.logger) = (kill, options, clock, logger);
    }

    /// <summary>The timer's run: most of the time one read, since none is under way. Throws nothing but on a stop.</summary>
    public async Task RunAsync(CancellationToken cancellation)
    {
        if (!turn.Wait(0, cancellation))
            return;
        try
        {
            var until = clock.GetUtcNow() + RunLimit;
            while (await StepAsync(cancellation) && clock.GetUtcNow() < until)
                await Task.Delay(Pause, clock, cancellation);
            await GiveTurnBackAsync(cancellation);
        }
        catch (Exception failure) when (!cancellation.IsCancellationRequested)
        {
            known.Clear();
            LogRunFailed(failure);
        }
        finally
        {
            turn.Release();
        }
    }

    /// <summary>One step of each replay that is under way.</summary>
    /// <returns>False when there is none, or another instance has the turn.</returns>
    internal async Task<bool> StepAsync(CancellationToken cancellation)
    {
        var register = await table.ReadRegisterAsync(cancellation);
        if (register.Replays.Count == 0)
        {
            known.Clear();
            return false;
        }
        if (!await TakeTurnAsync(cancellation))
            return false;
        foreach (var gone in known.Keys.Where(id => !register.Replays.Any(one => one.Id == id)).ToArray())
            known.Remove(gone);
        foreach (var one in register.Replays.OrderBy(one => one.Id, StringComparer.Ordinal))
        {
            try
            {
                await CarryAsync(one, cancellation);
            }
            catch (Exception failure) when (!cancellation.IsCancellationRequested)
            {
                known.Remove(one.Id); // what was written last is not sure
                LogStepFailed(failure, one.Id);
            }
        }
        await RemoveOldAsync(register, cancellation);
        return true;
    }

    private async Task CarryAsync(RegisteredReplay registered, CancellationToken cancellation)
    {
        if (!known.TryGetValue(registered.Id, out var run) || run.Replay.Version != registered.Version)
        {
            if (await table.FindAsync(registered.Id, cancellation) is not var (replay, etag))
                throw new InvalidDataException($"The staged replay {registered.Id} is registered, and its row is gone.");
            known[registered.Id] = run = new StagedRun(replay, etag, await table.ReadItemsAsync(registered.Id, cancellation));
        }
        await QueueAsync(run, cancellation); // what an instance that died had chosen
        await LookAsync(run, cancellation);
        run.Decide(clock.GetUtcNow());
        if (run.HasChanged || run.IsOver)
        {
            if (!await WriteAsync(run, registered, cancellation))
            {
                known.Remove(registered.Id); // an operator has changed it, or this instance's turn was over
                return;
            }
            kill.Pass(KillPoints.AfterReplayIntended);
        }
        await QueueAsync(run, cancellation);
    }

    /// <summary>Writes what was decided; with the register, and on record, when that ends the replay.</summary>
    private async Task<bool> WriteAsync(StagedRun run, RegisteredReplay registered, CancellationToken cancellation)
    {
        var (replay, ends) = (run.Replay, registered.IsRunning && run.Replay.State != ReplayState.Running);
        ReplayRegister? register = null;
        if (ends || run.IsOver)
        {
            register = await table.ReadRegisterAsync(cancellation);
            register = run.IsOver || replay.State == ReplayState.Completed ? register.Without(replay.Id) : register.With(replay);
        }
        var entry = ends ? await audit.AddAsync(EntryOf(replay), cancellation) : null;
        var etag = await table.WriteAsync(replay, run.ETag, run.Items, run.Changed, register, cancellation);
        if (entry is not null)
        {
            kill.Pass(KillPoints.AfterReplayEnded);
            await audit.MarkAsync(entry, etag is null ? AuditOutcome.Refused : AuditOutcome.Done, cancellation);
        }
        if (etag is not { } written)
            return false;
        run.Written(written);
        if (ends && replay.State == ReplayState.Stopped)
            LogStopped(replay.Id, replay.End!.Code, replay.End.Detail);
        else if (ends)
            LogCompleted(replay.Id, replay.Tally.Succeeded, replay.Tally.Failed, replay.Tally.Total);
        return true;
    }

    private static AuditEntry EntryOf(StagedReplay replay) => new(
        replay.End!.At, ControlDesk.Weir, replay.State == ReplayState.Completed ? "completed" : "stopped", StagedReplayDesk.Kind, replay.Id, replay.End.Detail, Detail: null, replay.Filter.Tenant);

    private async Task QueueAsync(StagedRun run, CancellationToken cancellation)
    {
        foreach (var some in run.Intended.ToArray().Chunk(AtOnce))
        {
            foreach (var (item, state) in some.Zip(await Task.WhenAll(some.Select(item => QueueAsync(run, item, cancellation)))))
            {
                if (state != item.State)
                    run.Mark(item, state);
            }
        }
    }

    private async Task<ItemStage> QueueAsync(StagedRun run, ReplayItem item, CancellationToken cancellation)
    {
        try
        {
            var how = run.Replay.How with { At = clock.GetUtcNow(), Reason = run.Replay.How.Reason is { } why ? $"{run.Replay.Mark}: {why}" : run.Replay.Mark };
            var answer = await dead.ReplayRunAsync(item.Id, item.Run, how, cancellation);
            kill.Pass(KillPoints.AfterReplayQueued);
            return answer switch
            {
                ReplayAnswer.Queued queued => await StateOfAsync(run, item, queued.Receipt, cancellation),
                ReplayAnswer.NotDead not => await StateOfAsync(run, item, not.Receipt, cancellation),
                ReplayAnswer.NotCollected => ItemStage.Intended, // in a moment
                ReplayAnswer.NotReplayable => ItemStage.NotReplayable,
                _ => ItemStage.Changed,
            };
        }
        catch (Exception away) when (StoreAway.Explains(away))
        {
            LogNotQueued(away, item.Id, run.Replay.Id);
            return ItemStage.Intended;
        }
    }

    /// <summary>Whose the run is that follows the one that died: this replay's, perhaps started by an instance that died before it could say so, or somebody else's.</summary>
    private async Task<ItemStage> StateOfAsync(StagedRun run, ReplayItem item, Receipt receipt, CancellationToken cancellation)
    {
        if (receipt.Replays <= item.Run)
            return ItemStage.Changed;
        var reason = receipt.Replays == item.Run + 1
            ? receipt.LastReplay?.Reason
            : (await receipts.ReadAsync(item.Id, cancellation))?.Replays.FirstOrDefault(replay => replay.Number == item.Run + 1)?.How.Reason;
        if (reason?.StartsWith(run.Replay.Mark, StringComparison.Ordinal) == true)
            return ItemStage.Started;
        // Dead again, by another's hand: what comes after it in its key waits for it.
        return item.Key is not null && receipt.IsDead && receipt.Discarded is null ? ItemStage.KeyStopped : ItemStage.Changed;
    }

    /// <summary>How some of the open jobs are by now, in turn.</summary>
    private async Task LookAsync(StagedRun run, CancellationToken cancellation)
    {
        ReplayItem[] open = [.. run.Items.Where(item => item.State == ItemStage.Started)];
        if (open.Length == 0)
            return;
        var from = looks.GetValueOrDefault(run.Replay.Id) % open.Length;
        looks[run.Replay.Id] = from + MostLooks;
        foreach (var some in open[from..].Concat(open[..from]).Take(MostLooks).Chunk(AtOnce))
        {
            foreach (var (item, receipt) in some.Zip(await Task.WhenAll(some.Select(item => receipts.FindAsync(item.Id, cancellation)))))
            {
                if (StateOf(item, receipt) is var state and not ItemStage.Started)
                    run.Mark(item, state);
            }
        }
    }

    private static ItemStage StateOf(ReplayItem item, Receipt? receipt) => receipt switch
    {
        null => ItemStage.Changed, // retention, or a restored table
        _ when receipt.Replays == item.Run + 1 && !receipt.State.IsFinal() => ItemStage.Started,
        { IsDead: true } => ItemStage.Failed,
        _ when receipt.Replays > item.Run + 1 => ItemStage.Failed, // only what has died is replayed
        { State: JobState.Compensated } => item.Undoes ? ItemStage.Succeeded : ItemStage.Failed,
        { State: JobState.Cancelled } => ItemStage.Cancelled,
        _ => ItemStage.Succeeded,
    };

    private async Task<bool> TakeTurnAsync(CancellationToken cancellation)
    {
        var now = clock.GetUtcNow();
        if (now + Lease / 2 < leaseUntil)
            return true;
        if (await table.Turn.TakeAsync(instance.Id, now, now + Lease, cancellation))
        {
            if (leaseUntil < now)
                known.Clear(); // another instance had it meanwhile
            leaseUntil = now + Lease;
            return true;
        }
        known.Clear();
        leaseUntil = default;
        return false;
    }

    private async Task GiveTurnBackAsync(CancellationToken cancellation)
    {
        var now = clock.GetUtcNow();
        if (leaseUntil > now)
            await table.Turn.TakeAsync(instance.Id, now, now, cancellation);
        leaseUntil = default;
    }

    /// <summary>Once an hour in which there is one: those that were begun longer ago than finished jobs are kept.</summary>
    private async Task RemoveOldAsync(ReplayRegister register, CancellationToken cancellation)
    {
        var now = clock.GetUtcNow();
        if (removedAt + TimeSpan.FromHours(1) > now)
            return;
        removedAt = now;
        await table.RemoveBeforeAsync(now - options.Value.Retention, register, cancellation);
    }

    [LoggerMessage(3800, LogLevel.Warning, "The staged replays could not be looked after; the next run goes on")]
    private partial void LogRunFailed(Exception failure);

    [LoggerMessage(3801, LogLevel.Warning, "A step of the staged replay {ReplayId} failed; the next one goes on")]
    private partial void LogStepFailed(Exception failure, string replayId);

    [LoggerMessage(3802, LogLevel.Warning, "The staged replay {ReplayId} has stopped by itself ({Code}): {Detail}")]
    private partial void LogStopped(string replayId, string code, string detail);

    [LoggerMessage(3803, LogLevel.Information, "The staged replay {ReplayId} is completed: {Succeeded} succeeded and {Failed} died again, of {Total}")]
    private partial void LogCompleted(string replayId, int succeeded, int failed, int total);

    [LoggerMessage(3804, LogLevel.Warning, "Job {JobId} of the staged replay {ReplayId} could not be queued: a store did not answer. It is tried again")]
    private partial void LogNotQueued(Exception failure, string jobId, string replayId);
}
