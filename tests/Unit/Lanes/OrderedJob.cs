using Weir;

namespace Unit.Tests.Lanes;

internal sealed record OrderedRequest(int Key, int Number);

/// <summary>What the jobs of an <see cref="OrderedWorld"/> do: a third of them fail, in every way that matters to the order.</summary>
/// <param name="Started">Is told of each start.</param>
/// <param name="StepAsync">Somebody else may go on.</param>
/// <param name="Seed">Two worlds of one seed have the same jobs; with none, no job fails.</param>
internal sealed record OrderedScript(Action<OrderedRequest, int> Started, Func<Task> StepAsync, int? Seed);

[Job("test.ordered", Ordering = Ordering.Strict, Retry = "quick")]
internal sealed class OrderedJob(OrderedScript script) : IJobHandler<OrderedRequest>
{
    public async Task<object?> RunAsync(OrderedRequest job, JobContext context, CancellationToken cancellation)
    {
        script.Started(job, context.Attempt);
        await script.StepAsync();
        cancellation.ThrowIfCancellationRequested();
        if (script.Seed is not { } seed)
            return null;
        return new Random((((seed * 10) + job.Key) * 100 + job.Number) * 1_000 + context.Attempt).Next(18) switch
        {
            0 => throw new PermanentException("for good"),
            1 or 2 => throw new TransientException("for a moment", TimeSpan.FromMilliseconds(500)),
            3 or 4 => throw new TransientException("for longer", TimeSpan.FromSeconds(20)),
            5 => throw new InvalidOperationException("who knows"),
            _ => null,
        };
    }
}
