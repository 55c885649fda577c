using System.Globalization;
using Azure.Data.Tables;
using Simulation.Kernel;
using Simulation.World;
using Weir;

namespace Simulation.Model;

/// <summary>
/// Sees every write of a receipt and every run of a handler, and compares them with the promises as they happen. The rules here are those of the design
/// and not of the code: which state may follow which, who may write it, what may start when.
/// </summary>
internal sealed class Observer(WorldState world)
{
    private const string Receipts = "Receipts", DeadLetters = "DeadLetters", ReceiptRow = "job", AttemptPrefix = "attempt-", ReplayPrefix = "replay-";

    private readonly SortedDictionary<string, SeenJob> seen = new(StringComparer.Ordinal);
    private readonly List<HandlerRun> running = [];
    private long effects;

    /// <summary>What the clients asked for, by number.</summary>
    public List<JobCase> Cases { get; } = [];

    public List<ScheduleCase> Schedules { get; } = [];

    public List<BatchCase> Batches { get; } = [];

    /// <summary>What an operator has stopped, and for how long he was told it holds.</summary>
    public List<PauseCase> Pauses { get; } = [];

    public Callbacks Callbacks { get; } = new();

    public RateRules Rates { get; } = new();

    public StagedReplayRules StagedReplays { get; } = new();

    public StepRules Steps { get; } = new();

    public BatchCountRules BatchCounts { get; } = new();

    /// <summary>The numbers of jobs that every answer refused for lack of room.</summary>
    public HashSet<int> Refused { get; } = [];

    /// <summary>The numbers of jobs that ever ran.</summary>
    public HashSet<int> StartedNumbers { get; } = [];

    public IEnumerable<SeenJob> Seen => seen.Values;

    /// <summary>The first promise that was broken; the world ends there.</summary>
    public Violation? Broken { get; private set; }

    public SeenJob? Find(string id) => seen.GetValueOrDefault(id);

    public void Break(string promise, string what, params string[] names)
    {
        Broken ??= new Violation(promise, what, names);
        world.Note($"{promise}: {what}");
    }

    public HandlerRun Started(WeirInstance instance, Work work, JobContext context, CancellationToken token)
    {
        var job = seen.GetValueOrDefault(context.Id) ?? new SeenJob(context.Id);
        StartedNumbers.Add(work.Number);
        var run = new HandlerRun(job, context.Attempt, instance.Process.Name, token);
        world.Note(instance.Process, $"{job.Id} number {work.Number} starts, attempt {context.Attempt}");
        StartRules.Check(world, job, run);
        StartRules.CheckPayload(world, job, work);
        Rates.Started(world, job);
        PauseRules.CheckStart(world, job, run);
        job.HandedBack = false;
        job.Runs.Add(run);
        running.RemoveAll(other => other.HasEnded || other.Token.IsCancellationRequested || !world.IsAlive(other.Instance));
        running.Add(run);
        if (world.LocksHold && running.Count(other => other.Job.Tenant == job.Tenant && other.Job.Queue == job.Queue) > world.Settings.Lanes)
            Break("I6", $"tenant {job.Tenant} has {running.Count} jobs running in {job.Queue} and {world.Settings.Lanes} lanes", job.Id);
        return run;
    }

    public void Ended(HandlerRun run, string how)
    {
        run.HasEnded = true;
        EndRules.Check(world, run, how);
        world.History.Add(world.Now, run.Instance, $"{run.Job.Id} attempt {run.Attempt} ended: {how}");
    }

    /// <summary>An instance has begun to stop: whoever runs there must have been told by now.</summary>
    public void Stopping(string instance)
    {
        if (running.Find(run => run.Instance == instance && !run.HasEnded && !run.Token.IsCancellationRequested) is { } run)
            Break("stop", $"{instance} stops, and attempt {run.Attempt} of {run.Job.Id} was not told", run.Job.Id);
    }

    /// <summary>Something happens outside, once more for every call; its value tells one time from another.</summary>
    public long Effect(Work work, JobContext context, string name)
    {
        var job = seen[context.Id];
        job.Effects[name] = job.Effects.GetValueOrDefault(name) + 1;
        if (world.WasAlwaysCalm && job.Effects[name] > 1)
            Break("I3", $"effect {name} of number {work.Number} happened {job.Effects[name]} times though nothing went wrong", job.Id);
        return ++effects;
    }

    /// <summary>A step of a workflow took effect, or was undone; a repetition is recognised by its key, as the other side would.</summary>
    public void StepTaken(string id, string effect)
    {
        var job = seen[id];
        if (!job.Steps.Contains(effect))
            job.Steps.Add(effect);
    }

    /// <summary>What OnceAsync gave the handler. Every attempt must be given the same.</summary>
    public void Remembered(Work work, JobContext context, string name, long value)
    {
        var job = seen[context.Id];
        if (!job.Remembered.TryAdd(name, value) && job.Remembered[name] != value)
            Break("I3", $"effect {name} of number {work.Number} was recorded as {job.Remembered[name]} and then as {value}", job.Id);
    }

    /// <summary>Rows were written by a process. A checker that fails must not look to that process like a failure of its store.</summary>
    public void Written(VirtualProcess writer, TableCall call)
    {
        try
        {
            Check(writer, call);
        }
        catch (Exception failure)
        {
            Break("simulation", failure.ToString());
        }
    }

    private void Check(VirtualProcess writer, TableCall call)
    {
        if (call is TableCall.Change { Table: DeadLetters, Entity.Entity: { } entry } && entry.GetBoolean("Foreign") == true)
            Break("I8", $"a message of ours became poison: {entry.GetString("ErrorMessage")}");
        foreach (var change in call switch { TableCall.Change one => [one.Entity], TableCall.Transaction many => many.Changes, _ => [] })
        {
            if (call.Table == StagedReplayRules.Table)
                StagedReplays.Written(world, change);
            else if (call.Table == BatchCountRules.Table)
                BatchCounts.Written(world, change);
        }
        if (call.Table != Receipts)
            return;
        switch (call)
        {
            case TableCall.Change change:
                Written(writer, change.Entity);
                break;
            case TableCall.Transaction transaction:
                // The attempt's row is judged against the claim that stood before: so before the receipt itself.
                foreach (var entity in transaction.Changes.OrderBy(entity => entity.RowKey == ReceiptRow))
                    Written(writer, entity);
                break;
        }
    }

    private void Written(VirtualProcess writer, EntityChange change)
    {
        if (change.RowKey == ReceiptRow)
            ReceiptWritten(writer, change.PartitionKey);
        else if (change.RowKey.StartsWith(AttemptPrefix, StringComparison.Ordinal) && change.Entity is { } row)
            AttemptWritten(change.PartitionKey, change.RowKey, row);
        else if (change.RowKey.StartsWith(ReplayPrefix, StringComparison.Ordinal) && change.Entity is { } replay)
            StagedReplays.Replayed(world, change.PartitionKey, replay);
        else if ((change.RowKey.StartsWith(StepRules.StepPrefix, StringComparison.Ordinal) || change.RowKey.StartsWith(StepRules.UndoPrefix, StringComparison.Ordinal)) && change.Entity is { } step)
            Steps.Written(world, change.PartitionKey, change.RowKey, step);
    }

    private void ReceiptWritten(VirtualProcess writer, string id)
    {
        // In memory a read is answered at once.
        var answer = world.Tables.SendAsync(new TableCall.Get(Receipts, id, ReceiptRow, null), CancellationToken.None).Result;
        if (!seen.TryGetValue(id, out var job))
            seen.Add(id, job = new SeenJob(id));
        if (answer.Entities is not [var row])
        {
            world.Note(writer, $"{id} removed");
            RemovalRules.Check(world, job);
            (job.IsRemoved, job.State) = (true, job.IsFinal ? job.State : "");
            return;
        }
        if (job.Path.Count == 0 && job.State.Length == 0)
            job.Since = world.Now;
        job.IsRemoved = false;
        var next = new SeenReceipt(row);
        world.Note(writer, $"{id} {next.State} attempt {next.Attempt} owner {next.Owner}");
        job.Writes++;
        TransitionRules.Check(world, job, next, writer);
        if (job.State.Length > 0 && job.State != next.State)
            job.Path.Add(job.State);
        if (next.IsFinal && !job.IsFinal)
            job.EndedAt = world.Now;
        var isNew = job.State.Length == 0;
        next.ApplyTo(job);
        if (isNew && job.Type == BatchRules.CompletionType)
            BatchRules.CheckCompletion(world, job);
    }

    private void AttemptWritten(string id, string rowKey, TableEntity row)
    {
        if (!seen.TryGetValue(id, out var job))
            return;
        var text = string.Join(' ', row.Where(cell => cell.Key is "Outcome" or "Instance" or "StartedAt" or "FinishedAt" or "ErrorType").OrderBy(cell => cell.Key, StringComparer.Ordinal)
            .Select(cell => string.Create(CultureInfo.InvariantCulture, $"{cell.Key}={cell.Value:O}")));
        RetryRules.Check(world, job, row);
        if (!job.Attempts.TryAdd(rowKey, text) && job.Attempts[rowKey] != text)
            Break("I2", $"{rowKey} of {id} was recorded as {job.Attempts[rowKey]} and then as {text}", id);
    }
}

/// <param name="Promise">Which invariant.</param>
/// <param name="What">How it was broken.</param>
/// <param name="Names">What to look for in the history.</param>
internal sealed record Violation(string Promise, string What, IReadOnlyList<string> Names)
{
    public override string ToString() => $"{Promise}: {What}";
}
