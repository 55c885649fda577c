using Weir.Catalog;
using Weir.Workflows;

namespace Weir;

/// <summary>A step of a workflow: what it is called, and what is known of it besides its work.</summary>
public abstract class Step
{
    private protected Step(string name, NodeKind kind) => Node = new PlanNode(kind, name);

    public string Name => Node.Name;

    /// <summary>The step as the plan has it.</summary>
    internal PlanNode Node { get; }

    internal IContract? EventContract { get; init; }

    internal string? ChildType { get; init; }

    internal TimeSpan? TimeLimit { get; private protected set; }

    internal string? RetryPolicy { get; private protected set; }

    internal TimeSpan Wait
    {
        init => Node.Wait = value;
    }

    internal WhenLate Late
    {
        init => Node.GoesOnWhenLate = value == WhenLate.Continue;
    }

    /// <summary>False: it is left out this time.</summary>
    internal abstract bool IsWanted(StepSource source);

    internal abstract Task<object?> RunAsync(StepSource source);

    /// <param name="source">The job, and the step's own result among those of others.</param>
    internal abstract Task UndoAsync(StepSource source);
}

/// <inheritdoc/>
/// <typeparam name="TJob">The workflow's payload.</typeparam>
/// <typeparam name="TResult">What the step gives to later ones.</typeparam>
public sealed class Step<TJob, TResult> : Step
{
    private Func<StepContext<TJob>, bool>? condition;
    private Func<StepContext<TJob>, TResult?, Task>? undo;

    internal Step(string name, NodeKind kind) : base(name, kind) { }

    internal Func<StepContext<TJob>, Task<object?>>? Work { get; init; }

    /// <summary>Undoes the step, when it is done and the workflow cannot go on. It has its own retries, with the step's policy.</summary>
    /// <param name="work">Gets the step's result. Like the step it may be called again after a crash.</param>
    /// <param name="evenHalfRun">Also when the step has failed, since it may have done part of its work: there is no result then.</param>
    public Step<TJob, TResult> Undo(Func<StepContext<TJob>, TResult?, Task> work, bool evenHalfRun = false)
    {
        undo = work;
        (Node.HasUndo, Node.UndoneEvenHalfRun) = (true, evenHalfRun);
        return this;
    }

    /// <summary>Leaves the step out unless the condition holds when it would begin. It is asked once, and its answer kept.</summary>
    public Step<TJob, TResult> When(Func<StepContext<TJob>, bool> holds)
    {
        condition = holds;
        return this;
    }

    /// <summary>The longest that one try of it, or of its undoing, may take; the job type's <c>TimeoutSeconds</c> unless told. Up to a day.</summary>
    public Step<TJob, TResult> Timeout(TimeSpan limit)
    {
        TimeLimit = limit > TimeSpan.Zero && limit <= TimeSpan.FromDays(1) ? limit : throw new InvalidWorkflowException($"The timeout of '{Name}' is {limit}; expected more than nothing and at most a day.");
        return this;
    }

    /// <summary>The name of its retry policy; the job type's unless told.</summary>
    public Step<TJob, TResult> Retry(string policy)
    {
        RetryPolicy = policy;
        return this;
    }

    internal override bool IsWanted(StepSource source) => condition?.Invoke(new StepContext<TJob>(source)) ?? true;

    internal override Task<object?> RunAsync(StepSource source) => Work!(new StepContext<TJob>(source));

    internal override Task UndoAsync(StepSource source)
    {
        var context = new StepContext<TJob>(source);
        return undo!(context, context.HasResult(this) ? context.Result(this) : default);
    }
}
