using DurableTask.Core.Exceptions;
using Microsoft.DurableTask.Client;
using Microsoft.Extensions.Logging;

namespace Microsoft.DurableTask.Engine;

/// <summary>
/// One turn of an instance: its code is run from the start, history answers what was answered before, the new messages are applied,
/// and what the code then asks for is the outcome. All of it happens inside <see cref="Run"/>, on the calling thread.
/// </summary>
internal sealed class Turn
{
    private readonly TurnWork work;
    private readonly Func<TaskOrchestrationContext, Task<object?>> code;
    private readonly ReplayContext context;
    private readonly TurnThread thread = new();
    private Task<object?>? result;
    private int eventNumber;

    private Turn(TurnWork work, Func<TaskOrchestrationContext, Task<object?>> code, EngineOptions options, ILoggerFactory loggers)
    {
        this.work = work;
        this.code = code;
        context = new ReplayContext(work, options, loggers);
    }

    public static TurnOutcome Run(
        TurnWork work,
        Func<TaskOrchestrationContext, Task<object?>> code,
        IReadOnlyList<HistoryEvent> history,
        IReadOnlyList<Message> messages,
        DateTimeOffset now,
        EngineOptions options,
        ILoggerFactory loggers)
    {
        // Time never goes back, whichever process wrote the last turn.
        var ticks = Math.Max(now.UtcTicks, history.Count == 0 ? 0 : history[^1].AtTicks);
        var outcome = Begin(work, history.Count, messages, ticks);
        var turn = new Turn(work, code, options, loggers);
        try
        {
            turn.thread.Enter(turn.context, () => turn.Replay(history, outcome.NewEvents));
            return turn.Conclude(outcome, ticks);
        }
        catch (NonDeterministicOrchestrationException failure)
        {
            return Fail(outcome, turn.context.CustomStatus, failure);
        }
    }

    /// <summary>The outcome of an instance that cannot run here at all.</summary>
    public static TurnOutcome Refuse(
        TurnWork work, int knownEvents, IReadOnlyList<Message> messages, DateTimeOffset now, TaskFailureDetails failure) =>
        Begin(work, knownEvents, messages, now.UtcTicks) with
        {
            Status = OrchestrationRuntimeStatus.Failed,
            FailureJson = Failure.ToJson(failure),
        };

    private static TurnOutcome Begin(TurnWork work, int knownEvents, IReadOnlyList<Message> messages, long ticks) => new(work)
    {
        KnownEvents = knownEvents,
        NewEvents = [new(EventKind.TurnStarted, HistoryEvent.NoTask, null, null, ticks), .. messages.Select(message => message.Event)],
        Taken = [.. messages.Select(message => message.Sequence)],
    };

    private void Replay(IReadOnlyList<HistoryEvent> history, IReadOnlyList<HistoryEvent> arrived)
    {
        foreach (var past in history)
        {
            Apply(past);
            eventNumber++;
        }
        context.StopReplaying();
        foreach (var happened in arrived)
        {
            Apply(happened);
            eventNumber++;
        }
    }

    private void Apply(HistoryEvent happened)
    {
        switch (happened.Kind)
        {
            case EventKind.TurnStarted:
                CheckNothingUnrecorded();
                context.StartTurn(happened.At);
                break;
            case EventKind.ExecutionStarted:
                context.SetInput(happened.Payload);
                result = Start();
                thread.Pump();
                break;
            case var _ when happened.IsAsked:
                Match(happened);
                break;
            default:
                context.Apply(happened);
                thread.Pump();
                break;
        }
    }

    private async Task<object?> Start() => await code(context);

    /// <summary>History says that the code asked for something: it must have done so now, too.</summary>
    private void Match(HistoryEvent recorded)
    {
        if (!context.Asked.TryDequeue(out var asked))
            throw Differs(
                HistoryEvent.Describe(recorded.Kind, recorded.TaskId, recorded.Name),
                result is { IsCompleted: true } ? "nothing more: it had returned" : "nothing more");
        var isSameName = string.Equals(asked.Name, recorded.Name, StringComparison.OrdinalIgnoreCase);
        if (asked.Kind != recorded.Kind || asked.TaskId != recorded.TaskId || !isSameName)
            throw Differs(
                HistoryEvent.Describe(recorded.Kind, recorded.TaskId, recorded.Name),
                HistoryEvent.Describe(asked.Kind, asked.TaskId, asked.Name));
    }

    /// <summary>Whatever the code asked for in a past turn is in history before the next turn begins.</summary>
    private void CheckNothingUnrecorded()
    {
        if (context.Asked.TryPeek(out var asked))
            throw Differs("that the turn had ended", HistoryEvent.Describe(asked.Kind, asked.TaskId, asked.Name));
    }

    private NonDeterministicOrchestrationException Differs(string recorded, string asked) => new(
        $"Non-Deterministic workflow detected: orchestrator '{work.Name}' (instance '{work.InstanceId}') differs from its history at event "
        + $"{eventNumber}: history says {recorded}, the code asked for {asked}. Was its code changed while the instance was under way, "
        + "or does it use the clock, chance, or anything else that is not the same in a replay?");

    private TurnOutcome Conclude(TurnOutcome outcome, long ticks)
    {
        if (result is null)
            throw new InvalidOperationException($"Instance '{work.InstanceId}' has messages, but its history has no start.");

        var recorded = context.Asked.Select(asked => new HistoryEvent(asked.Kind, asked.TaskId, asked.Name, asked.InstanceId, ticks));
        outcome = outcome with
        {
            NewEvents = [.. outcome.NewEvents, .. recorded],
            Asked = [.. context.Asked],
            CancelledTimers = context.CancelledTimers,
            CustomStatus = context.CustomStatus,
        };
        if (!result.IsCompleted)
        {
            if (context.HasOpenCalls || context.WaitsForEvent)
                return outcome;
            return Fail(outcome, context.CustomStatus, new InvalidOperationException(
                $"An invalid asynchronous invocation was detected: orchestrator '{work.Name}' (instance '{work.InstanceId}') awaits "
                + "something that is not durable, so nothing would ever wake it. An orchestrator may await only what its context gives it: "
                + "I/O, Task.Delay and Task.Run belong into activities and timers, and ConfigureAwait(false) leaves the orchestrator's thread."));
        }
        if (context.Continuation is { } continuation && result.IsCompletedSuccessfully)
            return outcome with
            {
                Restart = new(continuation.Input, continuation.Version, continuation.KeepsEvents ? context.UnclaimedEvents() : []),
            };
        if (context.HasOpenCalls)
            return outcome; // as documented: it stays Running until what it has called is done, timers included
        if (!result.IsCompletedSuccessfully)
            return Fail(
                outcome, context.CustomStatus, result.Exception?.InnerException ?? new TaskCanceledException(result), keepAsked: true);
        try
        {
            return outcome with { Status = OrchestrationRuntimeStatus.Completed, Output = context.Serialize(result.Result) };
        }
        catch (Exception failure)
        {
            return Fail(outcome, context.CustomStatus, failure, keepAsked: true);
        }
    }

    private static TurnOutcome Fail(TurnOutcome outcome, string? customStatus, Exception failure, bool keepAsked = false) => outcome with
    {
        Status = OrchestrationRuntimeStatus.Failed,
        CustomStatus = customStatus,
        FailureJson = Failure.ToJson(TaskFailureDetails.FromException(failure)),
        Asked = keepAsked ? outcome.Asked : [],
    };

    /// <summary>
    /// The synchronization context under which the code runs: whatever its awaits post is done by <see cref="Pump"/>. What is
    /// posted from elsewhere, or after the turn, comes from something that is not durable and is dropped: it would not come again.
    /// </summary>
    private sealed class TurnThread : SynchronizationContext
    {
        private readonly Queue<(SendOrPostCallback Callback, object? State)> posted = new();
        private int thread;

        public override void Post(SendOrPostCallback d, object? state)
        {
            if (thread == Environment.CurrentManagedThreadId)
                posted.Enqueue((d, state));
        }

        public override void Send(SendOrPostCallback d, object? state) => d(state);

        public override SynchronizationContext CreateCopy() => this;

        public void Enter(ReplayContext context, Action turn)
        {
            var outer = Current;
            thread = Environment.CurrentManagedThreadId;
            context.Enter();
            SetSynchronizationContext(this);
            try
            {
                turn();
            }
            finally
            {
                SetSynchronizationContext(outer);
                context.Leave();
                thread = 0;
            }
        }

        public void Pump()
        {
            while (posted.TryDequeue(out var next))
                next.Callback(next.State);
        }
    }
}
