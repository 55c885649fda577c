using Weir;

namespace Jobs.Probe;

/// <summary>The probe whose jobs of one ordering key run in strict order.</summary>
[Job("probe.ordered", Owner = "operations", Retry = "quick", TimeoutSeconds = 3_600, Ordering = Ordering.Strict,
    Description = "The probe, in strict order.", SideEffects = "One row in the table ProbeEffects.")]
public sealed class RunOrderedProbe(ProbeEffects effects, TimeProvider clock, ProbeCrash crash) : IJobHandler<ProbeRequest>
{
    private readonly RunProbe probe = new(effects, clock, crash);

    public Task<object?> RunAsync(ProbeRequest job, JobContext context, CancellationToken cancellation) => probe.RunAsync(job, context, cancellation);
}
