using AzureLocal.ServiceBus;
using Simulation.Faults;
using Simulation.Kernel;
using Simulation.Model;

namespace Simulation.World;

/// <summary>One life of the whole system, from a seed: things go wrong for a while, then nothing does, and then every promise must have been kept.</summary>
internal static class SimulatedWorld
{
    /// <summary>A world of 60 jobs takes some 100,000 steps; one that takes this many runs in a circle.</summary>
    private const long MostSteps = 8_000_000;

    public static Verdict Run(int seed, Profile profile = Profile.Mixed, bool keepHistory = false)
    {
        var chance = new Random(seed);
        var settings = WorldSettings.Draw(chance);
        var plan = FaultPlan.Draw(chance, profile);
        settings = settings with { Cast = Cast.Draw(new Random(seed ^ 0xca57)) };
        return Run(seed, settings, plan, chance, keepHistory, (world, actors) => actors.LiveAsync(world));
    }

    public static Verdict Run(int seed, WorldSettings settings, FaultPlan plan, Random chance, bool keepHistory, Func<WorldState, Actors, Task> live)
    {
        using var world = new WorldState(seed, settings, plan, keepHistory);
        world.Note($"seed {seed}: {settings}; {plan}");
        EntityConfig.ApplyAsync(world.Broker, Path.Combine(AppContext.BaseDirectory, "servicebus.json")).GetAwaiter().GetResult();
        var life = world.Outside.RunAsync(() => live(world, new Actors(world, chance)));
        OneThread.Run(() => !life.IsCompleted && world.Observer.Broken is null && world.Scheduler.Steps < MostSteps && world.Scheduler.Step());
        if (life.Exception is { } failed)
            world.Observer.Break("simulation", failed.GetBaseException().ToString());
        else if (!life.IsCompleted && world.Observer.Broken is null)
            world.Observer.Break("liveness", world.Scheduler.Steps >= MostSteps ? $"no end after {MostSteps} steps" : "nothing can go on");
        return new Verdict(seed, world.Observer.Broken, world.History, world.Observer.Seen.Count(), world.Scheduler.Steps, world.Now - Scheduler.Begin, world.Effects);
    }
}

/// <param name="Seed">The world's.</param>
/// <param name="Broken">The promise that was not kept; null: all were.</param>
/// <param name="History">Empty unless one was asked for.</param>
/// <param name="Jobs">How many there were.</param>
/// <param name="Steps">How many continuations.</param>
/// <param name="Time">How long it lived, in its own time.</param>
/// <param name="Effects">On broker, tables and downstreams.</param>
internal sealed record Verdict(int Seed, Violation? Broken, History History, int Jobs, long Steps, TimeSpan Time, int Effects);
