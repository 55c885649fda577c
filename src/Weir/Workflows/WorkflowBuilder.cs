using System.Text.Json;
using Weir.Workflows;

namespace Weir;

/// <summary>Takes down the steps of a workflow, in the order in which they are to run.</summary>
public sealed class WorkflowBuilder<TJob>
{
    /// <summary>The longest that a workflow may wait in one place.</summary>
    public static readonly TimeSpan LongestWait = TimeSpan.FromDays(365);

    private readonly WorkflowDefinition definition;
    private readonly List<PlanNode> nodes;

    internal WorkflowBuilder(TJob job, WorkflowDefinition definition, List<PlanNode> nodes) => (Job, this.definition, this.nodes) = (job, definition, nodes);

    /// <summary>The payload: the steps may depend on it.</summary>
    public TJob Job { get; }

    /// <summary>A step with a result that later steps can use.</summary>
    /// <param name="name">1 to 64 of a-z, 0-9, dot and dash; unique in the workflow. Never change it while jobs are on their way.</param>
    /// <param name="run">What it does. It may be called again after a crash: hand <see cref="StepContext{TJob}.IdempotencyKey"/> to the other side.</param>
    /// <typeparam name="TResult">Kept as JSON of up to 32,000 characters.</typeparam>
    public Step<TJob, TResult> Step<TResult>(string name, Func<StepContext<TJob>, Task<TResult>> run) =>
        Add(new Step<TJob, TResult>(name, NodeKind.Step) { Work = async context => await run(context) });

    /// <inheritdoc cref="Step{TResult}"/>
    public Step<TJob, NoResult> Step(string name, Func<StepContext<TJob>, Task> run) => Add(new Step<TJob, NoResult>(name, NodeKind.Step)
    {
        Work = async context =>
        {
            await run(context);
            return null;
        },
    });

    /// <summary>Waits until somebody sends the event of that name (POST /api/jobs/{id}/events/{name}); what it carries is the result.</summary>
    /// <param name="name">The event's and the step's.</param>
    /// <param name="timeout">Up to <see cref="LongestWait"/>.</param>
    /// <param name="late">What becomes of the workflow when the event has not come by then.</param>
    public Step<TJob, TEvent> WaitFor<TEvent>(string name, TimeSpan timeout, WhenLate late = WhenLate.Fail) =>
        Add(new Step<TJob, TEvent>(name, NodeKind.Event) { Wait = Checked(name, timeout), Late = late, EventContract = new Catalog.Contract<TEvent>() });

    /// <summary>Goes on after a while, holding no worker.</summary>
    public Step<TJob, NoResult> Delay(string name, TimeSpan delay) => Add(new Step<TJob, NoResult>(name, NodeKind.Delay) { Wait = Checked(name, delay) });

    /// <summary>Runs another job and waits for its end; its result is the step's. If that ends in any other way than succeeded, the step has failed. A result over 32,000 characters is not handed over.</summary>
    /// <param name="name">The step's name.</param>
    /// <param name="type">A job type of this deployment: another workflow, or any other.</param>
    /// <param name="payload">Makes its payload.</param>
    public Step<TJob, JsonElement> Child(string name, string type, Func<StepContext<TJob>, object> payload) =>
        Add(new Step<TJob, JsonElement>(name, NodeKind.Child) { ChildType = type, Work = context => Task.FromResult<object?>(payload(context)) });

    /// <summary>Everything that <paramref name="branches"/> adds runs at the same time; what comes after waits for all of it.</summary>
    public void Parallel(Action<WorkflowBuilder<TJob>> branches) => AddBlock(NodeKind.Parallel, "", branches);

    /// <summary>One after another: a branch of several steps within <see cref="Parallel"/>.</summary>
    public void Sequence(Action<WorkflowBuilder<TJob>> steps) => AddBlock(NodeKind.Sequence, "", steps);

    /// <summary>Steps that run only if a condition holds when they would begin. It is asked once, and its answer kept.</summary>
    /// <param name="name">Names the decision, as a step's name does.</param>
    /// <param name="condition">May use the payload and the results of earlier steps.</param>
    /// <param name="then">The steps.</param>
    public void If(string name, Func<StepContext<TJob>, bool> condition, Action<WorkflowBuilder<TJob>> then)
    {
        definition.Add(new Step<TJob, NoResult>(name, NodeKind.If) { Work = static _ => Task.FromResult<object?>(null) }.When(condition));
        AddBlock(NodeKind.If, name, then);
    }

    /// <summary>What the job's result is, made when all steps are done; without it there is none.</summary>
    public void Result(Func<StepContext<TJob>, object?> result) => definition.Result = source => result(new StepContext<TJob>(source));

    private void AddBlock(NodeKind kind, string name, Action<WorkflowBuilder<TJob>> steps)
    {
        var inner = new List<PlanNode>();
        steps(new WorkflowBuilder<TJob>(Job, definition, inner));
        nodes.Add(new PlanNode(kind, name) { Inner = inner });
    }

    private Step<TJob, TResult> Add<TResult>(Step<TJob, TResult> step)
    {
        definition.Add(step);
        nodes.Add(step.Node);
        return step;
    }

    private static TimeSpan Checked(string name, TimeSpan wait) => wait > TimeSpan.Zero && wait <= LongestWait
        ? wait
        : throw new InvalidWorkflowException($"'{name}' waits {wait}; expected more than nothing and at most {LongestWait.TotalDays:0} days.");
}

/// <summary>What becomes of a workflow whose event did not come in time.</summary>
public enum WhenLate
{
    /// <summary>The step has failed: what was done is undone.</summary>
    Fail,

    /// <summary>It goes on without; <see cref="StepContext{TJob}.HasResult"/> says so.</summary>
    Continue,
}

/// <summary>The result of a step that has none.</summary>
public sealed record NoResult;
