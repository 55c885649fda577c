using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.Extensions.DependencyInjection;
using Weir.Workflows;

namespace Weir.Catalog;

/// <summary>A job type whose jobs run as orchestrations.</summary>
internal abstract class WorkflowType : JobType
{
    private protected WorkflowType(JobAttribute job) : base(job)
    {
        if (job.Guarantee != Guarantee.EffectivelyOnce)
            throw new InvalidOperationException($"{job.Name}: a workflow runs {nameof(Guarantee.EffectivelyOnce)}; {job.Guarantee} is for handlers.");
        if (job.StallTimeoutSeconds != 0)
            throw new InvalidOperationException($"{job.Name}: a workflow reports no progress, so it has no StallTimeoutSeconds; give its steps timeouts.");
    }

    /// <summary>Reads the payload, makes the workflow in the scope of <paramref name="services"/>, and takes down its steps.</summary>
    /// <exception cref="JsonException">The payload cannot be read.</exception>
    /// <exception cref="InvalidWorkflowException">The steps cannot be.</exception>
    public abstract (object Payload, WorkflowDefinition Definition) Define(IServiceProvider services, int version, ReadOnlyMemory<byte> payload);

    internal override Task<object?> RunAsync(IServiceProvider services, ReadOnlyMemory<byte> payload, JobContext context, CancellationToken cancellation) =>
        throw new NotSupportedException($"{Name} is a workflow: an orchestration runs it.");
}

internal sealed class WorkflowType<TWorkflow, TContract>(JobAttribute job) : WorkflowType(job) where TWorkflow : class, IWorkflow<TContract>
{
    private static readonly ObjectFactory<TWorkflow> Make = ActivatorUtilities.CreateFactory<TWorkflow>([]);

    private readonly Contracts<TContract> contracts = new(job.Name, job.Version, Upcasts.In(typeof(TWorkflow).Assembly));

    public override IReadOnlyList<int> Versions => contracts.Versions;

    internal override JsonObject Schema(int version) => contracts.Schema(version);

    internal override IReadOnlyList<ContractError> Check(int version, JsonElement payload) => contracts.Check(version, payload);

    public override (object Payload, WorkflowDefinition Definition) Define(IServiceProvider services, int version, ReadOnlyMemory<byte> payload)
    {
        var job = contracts.Read(version, payload.Span);
        var definition = new WorkflowDefinition();
        Make(services, []).Define(new WorkflowBuilder<TContract>(job, definition, definition.Plan));
        if (definition.Plan.Count == 0)
            throw new InvalidWorkflowException($"{Name} lists no step for this payload.");
        return (job!, definition);
    }
}
