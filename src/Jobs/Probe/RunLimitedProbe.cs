using Weir;

namespace Jobs.Probe;

/// <summary>The probe whose jobs start at a bounded rate. It leaves its effect before it does anything else, so that the effect's time is that of the start.</summary>
[Job("probe.limited", Owner = "operations", Retry = "quick", TimeoutSeconds = 3_600, Rate = "20/s", Burst = 5,
    Description = "The probe, at most 20 a second.", SideEffects = "One row in the table ProbeEffects.")]
public sealed class RunLimitedProbe(ProbeEffects effects, TimeProvider clock) : IJobHandler<ProbeRequest>
{
    public async Task<object?> RunAsync(ProbeRequest job, JobContext context, CancellationToken cancellation)
    {
        if (job.Effect is not null)
            await effects.PerformAsync(job.Effect, job.Note, context, cancellation);
        if (job.SleepMs > 0)
            await Task.Delay(TimeSpan.FromMilliseconds(job.SleepMs), clock, cancellation);
        return context.Attempt <= job.FailFirst
            ? throw new TransientException($"Attempt {context.Attempt} fails, as it was told to.")
            : new { note = job.Note, attempt = context.Attempt };
    }
}
