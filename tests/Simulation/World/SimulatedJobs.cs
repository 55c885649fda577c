using Simulation.Faults;
using Weir;
using Weir.Batches;

namespace Simulation.World;

/// <summary>What a simulated job does, as its client wants it.</summary>
/// <param name="Number">Its number in the world, by which the checkers know it whatever its id.</param>
/// <param name="Effects">How many effects it has outside, each inside OnceAsync.</param>
/// <param name="FailTimes">How many attempts fail.</param>
/// <param name="FailAs">transient, permanent, unknown, retryAfter.</param>
/// <param name="SleepMs">How long it works, in virtual time.</param>
/// <param name="Children">How many jobs it enqueues.</param>
/// <param name="Stubborn">Whether it ignores its token.</param>
public sealed record Work(int Number, int Effects = 1, int FailTimes = 0, string FailAs = "transient", int SleepMs = 0, int Children = 0, bool Stubborn = false);

[Job("sim.plain", Description = "Effectively once.", CompletionEvent = true)]
internal sealed class PlainJob(SimulatedWork work) : IJobHandler<Work>
{
    public Task<object?> RunAsync(Work job, JobContext context, CancellationToken cancellation) => work.RunAsync(job, context, cancellation);
}

[Job("sim.child", Retry = "quick", Queue = Queue.Bulk)]
internal sealed class ChildWork(SimulatedWork work) : IJobHandler<Work>
{
    public Task<object?> RunAsync(Work job, JobContext context, CancellationToken cancellation) => work.RunAsync(job, context, cancellation);
}

[Job("sim.critical", Retry = "quick", Queue = Queue.Critical, TimeoutSeconds = 5, StallTimeoutSeconds = 4)]
internal sealed class CriticalJob(SimulatedWork work) : IJobHandler<Work>
{
    public Task<object?> RunAsync(Work job, JobContext context, CancellationToken cancellation) => work.RunAsync(job, context, cancellation);
}

[Job("sim.least", Guarantee = Guarantee.AtLeastOnce)]
internal sealed class AtLeastOnceJob(SimulatedWork work) : IJobHandler<Work>
{
    public Task<object?> RunAsync(Work job, JobContext context, CancellationToken cancellation) => work.RunAsync(job, context, cancellation);
}

[Job("sim.most", Guarantee = Guarantee.AtMostOnce)]
internal sealed class AtMostOnceJob(SimulatedWork work) : IJobHandler<Work>
{
    public Task<object?> RunAsync(Work job, JobContext context, CancellationToken cancellation) => work.RunAsync(job, context, cancellation);
}

[Job("sim.strict", Ordering = Ordering.Strict)]
internal sealed class StrictJob(SimulatedWork work) : IJobHandler<Work>
{
    public Task<object?> RunAsync(Work job, JobContext context, CancellationToken cancellation) => work.RunAsync(job, context, cancellation);
}

[Job("sim.depends", DependsOn = ["downstream"])]
internal sealed class DependentJob(SimulatedWork work) : IJobHandler<Work>
{
    public Task<object?> RunAsync(Work job, JobContext context, CancellationToken cancellation) => work.RunAsync(job, context, cancellation);
}

[Job(Model.RateRules.Type, Rate = "8/s", Burst = 3, Retry = "quick")]
internal sealed class LimitedJob(SimulatedWork work) : IJobHandler<Work>
{
    public Task<object?> RunAsync(Work job, JobContext context, CancellationToken cancellation) => work.RunAsync(job, context, cancellation);
}

/// <summary>The completion job of batches.</summary>
[Job(Model.BatchRules.CompletionType, Retry = "quick")]
internal sealed class TotalJob(SimulatedWork work) : IJobHandler<BatchSummary>
{
    public Task<object?> RunAsync(BatchSummary job, JobContext context, CancellationToken cancellation) => work.SumUpAsync(job, context, cancellation);
}

internal static class SimulatedJobs
{
    public static Type[] All { get; } = [typeof(PlainJob), typeof(ChildWork), typeof(CriticalJob), typeof(AtLeastOnceJob), typeof(AtMostOnceJob), typeof(StrictJob), typeof(DependentJob), typeof(LimitedJob), typeof(TotalJob), typeof(SimulatedFlow)];
}

/// <summary>What every simulated handler does: works, has effects, fails as it was told to, and lets the checkers see it.</summary>
internal sealed class SimulatedWork(WeirInstance instance, WorldState world)
{
    public async Task<object?> RunAsync(Work job, JobContext context, CancellationToken cancellation)
    {
        var run = world.Observer.Started(instance, job, context, cancellation);
        try
        {
            var token = job.Stubborn ? CancellationToken.None : cancellation;
            var values = new List<long>();
            for (var effect = 0; effect < job.Effects; effect++)
                values.Add(await OnceAsync(job, context, effect));
            if (job.SleepMs > 0)
                await Task.Delay(TimeSpan.FromMilliseconds(job.SleepMs), context.Clock, token);
            for (var child = 0; child < job.Children; child++)
                await context.EnqueueAsync("sim.child", new Work(job.Number));
            if (context.Attempt <= job.FailTimes)
                throw FailureOf(job);
            world.Observer.Ended(run, "returned");
            return new { values };
        }
        catch (Exception failure)
        {
            world.Observer.Ended(run, failure.GetType().Name);
            throw;
        }
    }

    public Task<object?> SumUpAsync(BatchSummary summary, JobContext context, CancellationToken cancellation)
    {
        world.Observer.Batches.Find(batch => batch.Id == summary.BatchId)?.Summaries.Add(summary);
        return RunAsync(new Work(0, Effects: 0), context, cancellation);
    }

    private async Task<long> OnceAsync(Work job, JobContext context, int effect)
    {
        var name = $"effect-{effect}";
        var value = await context.OnceAsync(name, token => instance.Network.CallAsync(
            Dependency.Downstream, $"effect {job.Number}/{effect}", () => Task.FromResult(world.Observer.Effect(job, context, name)), _ => true,
            () => throw new TransientException("The downstream is busy."), () => new TimeoutException("The downstream did not answer."), token));
        world.Observer.Remembered(job, context, name, value);
        return value;
    }

    private static Exception FailureOf(Work job) => job.FailAs switch
    {
        "permanent" => new PermanentException($"Job {job.Number} was told to fail for good."),
        "unknown" => new InvalidOperationException($"Job {job.Number} was told to fail in an unknown way."),
        "retryAfter" => new TransientException($"Job {job.Number} was told to wait.", TimeSpan.FromSeconds(3)),
        _ => new TransientException($"Job {job.Number} was told to fail."),
    };
}
