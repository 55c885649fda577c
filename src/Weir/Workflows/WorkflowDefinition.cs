using System.Text.RegularExpressions;
using Microsoft.Extensions.Logging;
using Weir.Receipts;

namespace Weir.Workflows;

/// <summary>What a workflow's class lists for one payload: the plan, and the code of each step.</summary>
internal sealed partial class WorkflowDefinition
{
    public const int MostSteps = 500;

    private readonly Dictionary<string, Step> steps = new(StringComparer.Ordinal);

    /// <summary>The plan, from its first step on.</summary>
    public List<PlanNode> Plan { get; } = [];

    public Func<StepSource, object?>? Result { get; set; }

    public IEnumerable<Step> Steps => steps.Values;

    public Step? Find(string name) => steps.GetValueOrDefault(name);

    /// <exception cref="InvalidWorkflowException">The step cannot be told from others, or has no proper name, or is one too many.</exception>
    public void Add(Step step)
    {
        if (!ValidName().IsMatch(step.Name))
            throw new InvalidWorkflowException($"'{step.Name}' is no name for a step; use 1 to 64 of a-z, 0-9, dot and dash, beginning with a letter.");
        if (!steps.TryAdd(step.Name, step))
            throw new InvalidWorkflowException($"Two steps are called '{step.Name}'; names are unique within a workflow.");
        if (steps.Count > MostSteps)
            throw new InvalidWorkflowException($"A workflow has at most {MostSteps} steps; more belong into child workflows, or a batch.");
    }

    [GeneratedRegex("^[a-z][a-z0-9.-]{0,63}$")]
    private static partial Regex ValidName();
}

/// <summary>A workflow's class lists steps that cannot be.</summary>
public sealed class InvalidWorkflowException(string message) : Exception(message);

/// <summary>Everything that a step's context shows.</summary>
internal sealed record StepSource(object Payload, Receipt Receipt, string Step, IReadOnlyDictionary<string, string?> Results, TimeProvider Clock, ILogger Logger, CancellationToken Cancellation)
{
    public int Attempt { get; init; } = 1;

    public int Run { get; init; }

    public DateTimeOffset StartedAt { get; init; }

    public string IdempotencyKey { get; init; } = "";
}
