using System.Text.Json;
using AzureLocal.Functions;
using Capacity.Prices;
using Microsoft.Azure.Functions.Worker;
using Simulation.Faults;
using Simulation.World;

namespace Simulation.Hunting;

/// <summary>
/// What the app does in an hour in which nobody asks for anything, with one instance and with two: what the second adds is an instance's, the rest is there once.
/// Not in it: what Azure's own host does (leases of timers, the scale controller, Durable Functions' polls of an empty hub).
/// </summary>
internal static class IdleHour
{
    /// <summary>The local host asks for at most eight sessions of a queue at once (SessionPump), Azure's for as many as it may have.</summary>
    private const double AzureAcceptors = 64.0 / 8;

    private static readonly TimeSpan WarmUp = TimeSpan.FromMinutes(10), Hour = TimeSpan.FromHours(1);

    public static IdleOperations Measure()
    {
        var (one, two) = (Measure(instances: 1), Measure(instances: 2));
        var instance = two + -1 * one;
        return new IdleOperations(instance, one + -1 * instance + new JobOperations(0, 0, 0, Fired()));
    }

    public static int Run()
    {
        Console.WriteLine(JsonSerializer.Serialize(Measure()));
        return 0;
    }

    private static JobOperations Measure(int instances)
    {
        JobOperations? done = null;
        var settings = new WorldSettings { Operator = false, Instances = instances, Sessions = 64 };
        var verdict = SimulatedWorld.Run(seed: 1, settings, FaultPlan.None, new Random(1), keepHistory: false, async (world, actors) =>
        {
            actors.Start();
            await world.Outside.DelayAsync(WarmUp);
            var before = Count(world);
            await world.Outside.DelayAsync(Hour);
            done = Count(world) + -1 * before;
        });
        return verdict.Broken is { } broken ? throw new InvalidOperationException(broken.ToString()) : done!;
    }

    private static JobOperations Count(WorldState world)
    {
        var bus = world.Broker.Operations.Snapshot();
        return new JobOperations(
            ServiceBus: bus.Where(one => !one.Key.Contains("Session", StringComparison.Ordinal)).Sum(one => one.Value),
            Lanes: AzureAcceptors * bus.GetValueOrDefault("AcceptSessionEmpty"), Tables: world.Tables.Operations.Snapshot().Values.Sum(), Executions: 0);
    }

    /// <summary>Timers run once for all instances.</summary>
    private static int Fired()
    {
        var (from, fired) = (new DateTime(2026, 1, 1, 0, 0, 0, DateTimeKind.Utc), 0);
        foreach (var timer in FunctionApp.Timers.Values)
        {
            var schedule = TimerSchedule.Parse(((TimerTriggerAttribute)timer.Trigger).Schedule)!;
            for (var next = schedule.Next(from); next <= from + Hour; next = schedule.Next(next))
                fired++;
        }
        return fired;
    }
}
