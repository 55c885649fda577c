namespace Weir;

/// <summary>
/// Runs the jobs of one type; made by dependency injection for each attempt. It may be called more than once for a job: put
/// what must happen once into <see cref="JobContext.OnceAsync{T}"/>, or make it idempotent by <see cref="JobContext.IdempotencyKey"/>.
/// </summary>
/// <typeparam name="TContract">The payload: a record, read from JSON strictly (no unknown, no missing field).</typeparam>
public interface IJobHandler<in TContract>
{
    /// <returns>The job's result, kept as JSON on its receipt; null for none.</returns>
    /// <param name="job">The payload, read and validated.</param>
    /// <param name="context">Who runs, and what survives an attempt.</param>
    /// <param name="cancellation">
    /// Fires on the type's timeout, when the job is no longer ours (lost lease or lock), and when the instance has to stop.
    /// </param>
    Task<object?> RunAsync(TContract job, JobContext context, CancellationToken cancellation);
}
