using Simulation.Kernel;
using Simulation.World;

namespace Simulation.Faults;

/// <summary>Everything between one instance and what it depends on. Each call takes its time, and may go wrong on the way there, there, or on the way back.</summary>
internal sealed class Network(VirtualProcess process, WorldState world)
{
    /// <summary>What a client waits for an answer that does not come.</summary>
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(10);

    private readonly DateTimeOffset[] cutOffUntil = new DateTimeOffset[Enum.GetValues<Dependency>().Length];

    public VirtualProcess Process => process;

    /// <summary>Cuts the instance off from a dependency for a while.</summary>
    public void Partition(Dependency from, TimeSpan time) => cutOffUntil[(int)from] = process.Scheduler.Now + time;

    /// <param name="to">What is called.</param>
    /// <param name="what">For the history.</param>
    /// <param name="call">Does it.</param>
    /// <param name="changes">Whether an answer means that something has changed there. Only such a call is an effect, and is ever done twice.</param>
    /// <param name="refusal">The answer of a dependency that does nothing: an exception, or a value.</param>
    /// <param name="lost">Thrown when no answer comes.</param>
    /// <param name="cancellation">Ends the waiting, not what was asked for.</param>
    /// <param name="repeats">Whether an SDK would do it again by itself.</param>
    /// <param name="mayBeLate">Whether it is a condition that makes it harmless, when it comes after all.</param>
    public async Task<T> CallAsync<T>(
        Dependency to, string what, Func<Task<T>> call, Func<T, bool> changes, Func<T> refusal, Func<Exception> lost, CancellationToken cancellation, bool repeats = true, bool mayBeLate = false)
    {
        var fate = world.FateOf(to);
        if (fate != Fate.Done)
            world.Note(process, $"{what}: {fate}");
        if (fate == Fate.Late && mayBeLate)
        {
            _ = world.Outside.RunAsync(() => ArriveLateAsync(what, call));
            await PassAsync(Timeout, cancellation);
            throw lost();
        }
        await PassAsync(fate is Fate.Slow or Fate.Late ? world.LongDelay() : world.ShortDelay(), cancellation);
        if (cutOffUntil[(int)to] > process.Scheduler.Now)
        {
            world.Note(process, $"{what}: no connection");
            await PassAsync(Timeout, cancellation);
            throw lost();
        }
        if (fate == Fate.Refused)
            return refusal();

        var answer = await call();
        if (changes(answer))
        {
            var verdict = world.AfterEffect(process, what);
            if (process.IsDead)
                await new TaskCompletionSource().Task; // for ever: nothing of a dead process goes on
            if (verdict == Fate.Lost)
                throw lost();
            if (fate == Fate.Repeated && repeats)
                answer = await call();
        }
        if (fate == Fate.Lost)
        {
            await PassAsync(Timeout, cancellation);
            throw lost();
        }
        await PassAsync(TimeSpan.Zero, CancellationToken.None);
        return answer;
    }

    private async Task ArriveLateAsync<T>(string what, Func<Task<T>> call)
    {
        await world.Outside.DelayAsync(world.VeryLongDelay());
        world.Note(process, $"{what}: arrives");
        await call();
    }

    private async Task PassAsync(TimeSpan time, CancellationToken cancellation)
    {
        if (time > TimeSpan.Zero)
            await Task.Delay(time, process.Clock, cancellation);
        else
            await Task.Yield();
        cancellation.ThrowIfCancellationRequested();
    }
}
