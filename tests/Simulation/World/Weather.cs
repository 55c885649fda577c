using Simulation.Faults;

namespace Simulation.World;

/// <summary>Does to the world what its plan says: one small loop for each kind of misfortune.</summary>
internal sealed class Weather(WorldState world, Random chance)
{
    private readonly FaultPlan plan = world.Plan;

    public void Begin(CancellationToken over)
    {
        Repeat(plan.KillEvery, over, KillAsync);
        Repeat(plan.StopEvery, over, StopAsync);
        Repeat(plan.FreezeEvery, over, FreezeAsync);
        Repeat(plan.LoseLockEvery, over, LoseLockAsync);
        Repeat(plan.PartitionEvery, over, PartitionAsync);
        Repeat(plan.OutageEvery, over, OutageAsync);
        Repeat(plan.StepClockEvery, over, StepClockAsync);
    }

    /// <summary>Keeps one instance running: another takes its place when it is gone, some time later.</summary>
    public async Task KeepAsync(int place, CancellationToken ended)
    {
        for (var generation = 1; !ended.IsCancellationRequested; generation++)
        {
            var instance = new WeirInstance(world, $"i{place}.{generation}");
            world.Instances.Add(instance);
            _ = instance.Process.RunAsync(instance.StartAsync);
            await instance.Gone;
            _ = BreakConnectionsAsync(instance);
            world.Instances.Remove(instance);
            await world.Outside.DelayAsync(TimeSpan.FromMilliseconds(chance.Next(100, 5_000)));
        }
    }

    /// <summary>The broker notices a dead process at once, when its connection drops; or the network has not told it, and locks last until they run out.</summary>
    private async Task BreakConnectionsAsync(WeirInstance dead)
    {
        if (!world.WasAlwaysCalm && chance.Next(4) == 0)
            await world.Outside.DelayAsync(TimeSpan.FromSeconds(chance.Next(70)));
        await dead.Broker.BreakAsync();
    }

    private void Repeat(TimeSpan? mean, CancellationToken over, Func<Task> misfortune)
    {
        if (mean is { } gap)
            _ = RepeatAsync(gap, over, misfortune);
    }

    private async Task RepeatAsync(TimeSpan mean, CancellationToken over, Func<Task> misfortune)
    {
        while (true)
        {
            await world.Outside.DelayAsync(world.DrawGap(mean));
            if (over.IsCancellationRequested)
                return;
            await misfortune();
        }
    }

    private WeirInstance? Somebody()
    {
        var alive = world.Instances.Where(instance => !instance.Process.IsDead).ToArray();
        return alive.Length == 0 ? null : alive[chance.Next(alive.Length)];
    }

    private Task KillAsync()
    {
        if (Somebody() is { } victim)
        {
            world.Note($"{victim.Process.Name} is killed");
            victim.Kill();
        }
        return Task.CompletedTask;
    }

    private Task StopAsync()
    {
        if (Somebody() is { } leaving)
        {
            world.Note($"{leaving.Process.Name} is asked to stop");
            _ = leaving.Process.RunAsync(leaving.StopAsync);
        }
        return Task.CompletedTask;
    }

    private async Task FreezeAsync()
    {
        if (Somebody() is not { } zombie || zombie.Process.IsFrozen)
            return;
        var time = TimeSpan.FromSeconds(chance.Next(1, chance.Next(3) == 0 ? 180 : 30));
        world.Note($"{zombie.Process.Name} is frozen for {time}");
        zombie.Process.Freeze();
        await world.Outside.DelayAsync(time);
        world.Note($"{zombie.Process.Name} goes on");
        zombie.Process.Thaw();
    }

    private async Task LoseLockAsync()
    {
        if (Somebody() is { } loser && await loser.Broker.LoseSessionAsync() is { } session)
            world.Note($"{loser.Process.Name} loses the lock of session {session}");
    }

    private Task PartitionAsync()
    {
        var dependency = Any();
        var time = TimeSpan.FromSeconds(chance.Next(1, 60));
        if (Somebody() is { } cutOff)
        {
            world.Note($"{cutOff.Process.Name} cannot reach {dependency} for {time}");
            cutOff.Network.Partition(dependency, time);
        }
        return Task.CompletedTask;
    }

    private Task OutageAsync()
    {
        var dependency = Any();
        var time = TimeSpan.FromSeconds(chance.Next(1, 30));
        world.Note($"{dependency} refuses everybody for {time}");
        world.OutUntil[(int)dependency] = world.Now + time;
        return Task.CompletedTask;
    }

    private Task StepClockAsync()
    {
        if (Somebody() is { } victim)
        {
            victim.Process.Clock.Skew = world.DrawSkew();
            world.Note($"the clock of {victim.Process.Name} is set to {victim.Process.Clock.Skew.TotalMilliseconds:0} ms");
        }
        return Task.CompletedTask;
    }

    private Dependency Any() => (Dependency)chance.Next(Enum.GetValues<Dependency>().Length);
}
