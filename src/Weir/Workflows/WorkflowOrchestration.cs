using Microsoft.DurableTask;

namespace Weir.Workflows;

/// <summary>
/// The orchestrator of every workflow: it goes through the plan that the run began with, and when a step fails for good or the job is cancelled it has undone what was done, last first. It decides from
/// the plan and from what its activities answer alone, so it is the same in each replay whatever the authors' code does.
/// What it does in which order stands in histories: a change here that asks for other things needs a new name in <see cref="WorkflowFunctions"/>, and this one stays until no run of it is left.
/// </summary>
public sealed class WorkflowOrchestration
{
    /// <summary>The most tries of an activity that cannot be carried out: with pauses of up to a minute more than a day.</summary>
    private const int MostTries = 2_000;

    private static readonly TimeSpan LongestPause = TimeSpan.FromMinutes(1);

    private readonly TaskOrchestrationContext context;
    private readonly WorkflowRun run;
    private readonly Task cancelled;
    private readonly TaskCompletionSource stopped = new();
    private readonly List<PlanNode> toUndo = [];
    private readonly HashSet<string> reached = new(StringComparer.Ordinal);
    private readonly List<string> running = [];
    private int steps;
    private int done;
    private int waits;
    private int changes;
    private bool isStale;
    private bool isCancelled;
    private bool isUndoing;
    private string? failedStep;

    private WorkflowOrchestration(TaskOrchestrationContext context)
    {
        this.context = context;
        run = context.GetInput<WorkflowRun>() ?? throw new InvalidOperationException("A workflow's orchestration was started without its input.");
        cancelled = context.WaitForExternalEvent<string>(Orchestrations.Cancel);
    }

    public static Task RunAsync(TaskOrchestrationContext context) => new WorkflowOrchestration(context).RunAsync();

    private async Task RunAsync()
    {
        var begun = await CallAsync<WorkflowBegun>(WorkflowFunctions.BeginWorkflow, run);
        if (begun.IsOver || begun.IsBroken)
            return;

        var nodes = PlanNode.Flatten(begun.Plan).ToArray();
        steps = nodes.Count(node => node.IsStep);
        Cancel(begun.CancelRequested && begun.ToUndo is null);
        if (begun.ToUndo is null)
            await RunAllAsync(begun.Plan);
        toUndo.AddRange((begun.ToUndo ?? begun.DoneBefore.Where(name => !reached.Contains(name))).Reverse().Select(name => nodes.FirstOrDefault(node => node.Name == name) ?? new PlanNode(NodeKind.Step, name)));

        var notUndone = isStale || (!IsStopping && begun.ToUndo is null) ? [] : await UndoAllAsync();
        if (!isStale)
            await CallAsync<object?>(WorkflowFunctions.EndWorkflow, new WorkflowEnd(run.JobId, run.Run, isCancelled, failedStep, notUndone));
    }

    /// <summary>Nothing new is begun any more.</summary>
    private bool IsStopping => isStale || failedStep is not null || Cancel(cancelled.IsCompleted);

    private bool Cancel(bool requested)
    {
        if (requested && !isUndoing)
            isCancelled = true;
        if (isCancelled)
            stopped.TrySetResult();
        return isCancelled;
    }

    private async Task RunAllAsync(IReadOnlyList<PlanNode> nodes)
    {
        foreach (var node in nodes)
        {
            if (IsStopping)
                return;
            await RunAsync(node);
        }
    }

    private Task RunAsync(PlanNode node) => node.Kind switch
    {
        NodeKind.Sequence => RunAllAsync(node.Inner),
        NodeKind.Parallel => Task.WhenAll(node.Inner.Select(RunAsync)),
        NodeKind.If => RunIfAsync(node),
        _ => RunStepAsync(node),
    };

    private async Task RunIfAsync(PlanNode node)
    {
        if (await RunStepAsync(node) == StepNext.Done)
            await RunAllAsync(node.Inner);
    }

    private async Task<StepNext> RunStepAsync(PlanNode node)
    {
        reached.Add(node.Name);
        Show(node.Name, begins: true);
        var next = await ToEndAsync(node);
        Show(node.Name, begins: false);
        if (next == StepNext.Failed)
        {
            failedStep ??= isCancelled ? null : node.Name;
            stopped.TrySetResult();
        }
        if (node.HasUndo && (next == StepNext.Done || (node.UndoneEvenHalfRun && next is StepNext.Failed or StepNext.Again)))
            toUndo.Add(node);
        return next;
    }

    /// <summary>Tries and waits until the step is over, or nobody wants it any more: then the answer is what it last said.</summary>
    private async Task<StepNext> ToEndAsync(PlanNode node)
    {
        Task? childEnded = null;
        for (var call = 1; ; call++)
        {
            var stop = call > 1 && IsStopping && node.Kind == NodeKind.Child;
            var ask = new StepCall(run.JobId, run.Run, node.Name, call) { Stop = stop };
            if (node.Kind == NodeKind.Event)
                ask = ask with { Change = ++changes, Waits = true };
            var outcome = Note(await CallAsync<StepOutcome>(WorkflowFunctions.RunStep, ask));
            switch (outcome.Next)
            {
                case StepNext.Wait when node.Kind == NodeKind.Child:
                    childEnded = childEnded is { IsCompleted: false } ? childEnded : context.WaitForExternalEvent<string>(Orchestrations.ChildEnded + node.Name);
                    await SleepAsync(outcome.At!.Value, childEnded, evenStopping: stop);
                    break;
                case StepNext.Wait:
                    return await WaitAsync(node, call, outcome.At!.Value);
                case StepNext.Again:
                    await SleepAsync(outcome.At!.Value, wake: null);
                    if (IsStopping)
                        return StepNext.Again;
                    break;
                default:
                    return outcome.Next;
            }
        }
    }

    /// <summary>For an event, or only for its time.</summary>
    private async Task<StepNext> WaitAsync(PlanNode node, int call, DateTimeOffset until)
    {
        var isEvent = node.Kind == NodeKind.Event;
        waits += isEvent ? 1 : 0;
        await SleepAsync(until, isEvent ? context.WaitForExternalEvent<string>(node.Name) : null);
        waits -= isEvent ? 1 : 0;
        var close = new StepCall(run.JobId, run.Run, node.Name, call + 1) { Change = ++changes, Waits = waits > 0, Stop = IsStopping };
        return Note(await CallAsync<StepOutcome>(WorkflowFunctions.CloseWait, close)).Next;
    }

    /// <returns>The steps whose undoing failed for good; the others are undone all the same.</returns>
    private async Task<IReadOnlyList<string>> UndoAllAsync()
    {
        isUndoing = true;
        var failed = new List<string>();
        var order = 0;
        if (toUndo.Count > 0)
            await CallAsync<object?>(WorkflowFunctions.CompensateWorkflow, new StepCall(run.JobId, run.Run, "", 1) { Change = ++changes });
        foreach (var node in toUndo.AsEnumerable().Reverse())
        {
            Show(node.Name, begins: true);
            if (await UndoAsync(node, ++order) == StepNext.Failed)
                failed.Add(node.Name);
            Show(node.Name, begins: false);
            if (isStale)
                break;
        }
        return failed;
    }

    private async Task<StepNext> UndoAsync(PlanNode node, int order)
    {
        for (var call = 1; ; call++)
        {
            var outcome = Note(await CallAsync<StepOutcome>(WorkflowFunctions.UndoStep, new StepCall(run.JobId, run.Run, node.Name, call) { Order = order }));
            if (outcome.Next != StepNext.Again)
                return outcome.Next;
            await SleepAsync(outcome.At!.Value, wake: null, evenStopping: true);
        }
    }

    private StepOutcome Note(StepOutcome outcome)
    {
        isStale |= outcome.Next == StepNext.Stale;
        Cancel(outcome.CancelRequested);
        return outcome;
    }

    /// <summary>Until a time, or until it is woken; a workflow that stops is woken too.</summary>
    private async Task SleepAsync(DateTimeOffset until, Task? wake, bool evenStopping = false)
    {
        using var stop = new CancellationTokenSource();
        var timer = context.CreateTimer(until.UtcDateTime, stop.Token);
        var awaited = new List<Task> { timer };
        if (wake is not null)
            awaited.Add(wake);
        if (!evenStopping)
            awaited.AddRange([cancelled, stopped.Task]);
        await Task.WhenAny(awaited);
        if (!timer.IsCompleted)
            stop.Cancel(); // not CancelAsync: that goes on elsewhere than in this turn
    }

    /// <summary>An activity that could not be carried out (a store is away, the build does not have it) is called again: it burns no try of a step.</summary>
    private async Task<T> CallAsync<T>(string activity, object input)
    {
        var pause = TimeSpan.FromSeconds(1);
        for (var tries = 1; ; tries++)
        {
            try
            {
                return await context.CallActivityAsync<T>(activity, input);
            }
            catch (TaskFailedException) when (tries < MostTries)
            {
                await SleepAsync(new DateTimeOffset(context.CurrentUtcDateTime, TimeSpan.Zero) + pause, wake: null, evenStopping: true);
                pause = pause * 2 < LongestPause ? pause * 2 : LongestPause;
            }
        }
    }

    /// <summary>Where it stands, for whoever looks at the orchestration itself.</summary>
    private void Show(string step, bool begins)
    {
        if (begins)
            running.Add(step);
        else
            running.Remove(step);
        done += begins || isUndoing ? 0 : 1;
        context.SetCustomStatus(new { state = isUndoing ? "compensating" : waits > 0 ? "waiting" : "running", now = running.Take(20).ToArray(), done, steps });
    }
}
