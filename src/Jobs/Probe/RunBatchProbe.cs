using System.Globalization;
using Weir;
using Weir.Batches;

namespace Jobs.Probe;

/// <summary>The probe's completion job: leaves an effect under the batch's id, with the counts that it was told as its note.</summary>
[Job("probe.completion", Owner = "operations", Retry = "quick",
    Description = "The completion job of a batch of probes: leaves the counts as an effect.", SideEffects = "One row in the table ProbeEffects.")]
public sealed class RunBatchProbe(ProbeEffects effects) : IJobHandler<BatchSummary>
{
    public async Task<object?> RunAsync(BatchSummary job, JobContext context, CancellationToken cancellation)
    {
        var note = string.Create(CultureInfo.InvariantCulture, $"{job.Succeeded} of {job.Total}, {job.DeadLettered} dead, {job.Refused} refused");
        await effects.StartedAsync(job.BatchId, context, cancellation);
        await context.OnceAsync("effect", token => effects.PerformAsync(job.BatchId, note, context, token));
        return new { note };
    }
}
