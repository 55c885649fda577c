namespace Weir.Workflows;

/// <summary>What a node of a plan is.</summary>
public enum NodeKind
{
    Step,
    Event,
    Delay,
    Child,
    Sequence,
    Parallel,
    If,
}

/// <summary>
/// A step, or a block of steps, as an orchestration has it: no code, only what decides the course. The plan is made once, when the job's run begins, and
/// kept with it, so that whatever a later build lists, a run goes its way by the steps it began with.
/// </summary>
/// <param name="Name">Empty for a block that asks nothing.</param>
public sealed record PlanNode(NodeKind Kind, string Name)
{
    public IReadOnlyList<PlanNode> Inner { get; init; } = [];

    public TimeSpan? Wait { get; set; }

    public bool GoesOnWhenLate { get; set; }

    public bool HasUndo { get; set; }

    public bool UndoneEvenHalfRun { get; set; }

    /// <summary>Whether it has a row of its own.</summary>
    internal bool IsStep => Kind is not (NodeKind.Sequence or NodeKind.Parallel);

    /// <summary>The node and all below it, in their order.</summary>
    internal static IEnumerable<PlanNode> Flatten(IEnumerable<PlanNode> nodes) => nodes.SelectMany(node => Flatten(node.Inner).Prepend(node));
}
