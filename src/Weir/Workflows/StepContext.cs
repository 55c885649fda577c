using System.Text.Json;
using Microsoft.Extensions.Logging;
using Weir.Catalog;
using Weir.Workflows;

namespace Weir;

/// <summary>What a step knows of its job, and of the steps before it.</summary>
public sealed class StepContext<TJob>
{
    private readonly StepSource source;

    internal StepContext(StepSource source) => this.source = source;

    /// <summary>The payload.</summary>
    public TJob Job => (TJob)source.Payload;

    /// <summary>The job's id.</summary>
    public string Id => source.Receipt.Id;

    public string Tenant => source.Receipt.Tenant;

    /// <summary>The step's name.</summary>
    public string Step => source.Step;

    /// <summary>Which try of this step (or of its undoing) this is, from 1; tries that a crash cut off are counted.</summary>
    public int Attempt => source.Attempt;

    /// <summary>Which run of the job began the step: 0 is the first, n the n-th replay.</summary>
    public int Run => source.Run;

    /// <summary>When this try began.</summary>
    public DateTimeOffset StartedAt => source.StartedAt;

    /// <summary>Hand this to services that can recognise a repetition: the same on every try of the step, another one for its undoing and for each other step.</summary>
    public string IdempotencyKey => source.IdempotencyKey;

    public ILogger Logger => source.Logger;

    /// <summary>The time, as the rest of the system sees it.</summary>
    public TimeProvider Clock => source.Clock;

    /// <summary>Fires on the step's timeout, and when this instance has to stop.</summary>
    public CancellationToken Cancellation => source.Cancellation;

    /// <summary>Whether an earlier step has run and has a result: not one that was left out, or whose event did not come.</summary>
    public bool HasResult(Step step) => source.Results.ContainsKey(step.Name);

    /// <summary>The result of an earlier step.</summary>
    /// <exception cref="PermanentException">It has none: it was left out, comes later, or runs at the same time.</exception>
    public TResult Result<TResult>(Step<TJob, TResult> step)
    {
        if (!source.Results.TryGetValue(step.Name, out var json))
            throw new PermanentException($"The step '{Step}' asks for the result of '{step.Name}', which has none: it was left out, comes later, or runs at the same time. HasResult tells.");
        return json is null ? default! : JsonSerializer.Deserialize<TResult>(json, ContractJson.Options)!;
    }
}
