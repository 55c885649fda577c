using Azure.Data.Tables;
using AzureLocal.ServiceBus;
using AzureLocal.Storage;
using Simulation.Faults;
using Simulation.Kernel;
using Simulation.Model;

namespace Simulation.World;

/// <summary>What everybody in a world shares: its thread and clock, its storage, its dice, what goes wrong in it, and what is seen of it.</summary>
internal sealed class WorldState : IDisposable
{
    private readonly Random latency;
    private readonly Random faults;
    private readonly Random dice;
    private readonly bool isCalm;
    private readonly bool locksHold;
    private readonly bool allAnswer;

    public WorldState(int seed, WorldSettings settings, FaultPlan plan, bool keepHistory)
    {
        (Settings, Plan, isCalm) = (settings, plan, plan.IsCalm);
        locksHold = plan with { KillEvery = null, StopEvery = null, StepClockEvery = null, MaxSkew = TimeSpan.Zero, Tables = CallFaults.None, Downstream = CallFaults.None, Http = CallFaults.None } == FaultPlan.None;
        allAnswer = plan is { KillEvery: null, StopEvery: null, FreezeEvery: null, PartitionEvery: null, OutageEvery: null, StepClockEvery: null };
        (latency, faults, dice) = (new Random(seed ^ 0x1a7e), new Random(seed ^ 0xfa17), new Random(seed ^ 0xd1ce));
        Scheduler = new Scheduler(seed);
        Outside = new VirtualProcess(Scheduler, "world");
        History = new History(keepHistory);
        Store = Store.InMemory();
        Broker = Broker.Of(Store, Outside.Clock);
        Tables = new EmbeddedTables(Store, Outside.Clock);
        Observer = new Observer(this);
    }

    public WorldSettings Settings { get; }

    /// <summary>What goes wrong now.</summary>
    public FaultPlan Plan { get; set; }

    /// <summary>Nothing ever goes wrong in this world, except what its jobs are told to do.</summary>
    public bool WasAlwaysCalm => isCalm && Strike is null;

    /// <summary>Nobody loses a lock here while they run.</summary>
    public bool LocksHold => locksHold && Strike is null;

    /// <summary>Every instance and every dependency is always there: single calls may fail or take long, but not all for a while.</summary>
    public bool AllAnswer => allAnswer && Strike is null;

    public Scheduler Scheduler { get; }

    /// <summary>Where clients, operators and the weather live; it never dies.</summary>
    public VirtualProcess Outside { get; }

    public History History { get; }

    public Store Store { get; }

    public Broker Broker { get; }

    /// <summary>The tables as they are, with no faults in between.</summary>
    public ITableTransport Tables { get; }

    public Observer Observer { get; }

    public List<WeirInstance> Instances { get; } = [];

    public DateTimeOffset Now => Scheduler.Now;

    /// <summary>Until when a dependency refuses everybody.</summary>
    public DateTimeOffset[] OutUntil { get; } = new DateTimeOffset[Enum.GetValues<Dependency>().Length];

    /// <summary>How many effects there were on broker, tables and downstreams.</summary>
    public int Effects { get; private set; }

    /// <summary>After this many effects (counted from 1), this comes over the process that had the last.</summary>
    public (int Effect, Blow Blow)? Strike { get; set; }

    /// <summary>Called when a strike has frozen a process, which then goes on by <see cref="VirtualProcess.Thaw"/>.</summary>
    public Action<VirtualProcess>? WhenFrozen { get; set; }

    public int Draw(int below) => dice.Next(below);

    public double DrawShare() => dice.NextDouble();

    public TimeSpan DrawSkew() => Plan.MaxSkew * (dice.NextDouble() - 0.5);

    /// <summary>A wait between two events that come this often on the average.</summary>
    public TimeSpan DrawGap(TimeSpan mean) => mean * -Math.Log(1 - dice.NextDouble());

    /// <summary>Most calls are answered at once as far as anybody can tell, some take up to 30 ms.</summary>
    public TimeSpan ShortDelay() => latency.Next(4) > 0 ? TimeSpan.Zero : TimeSpan.FromMilliseconds(latency.Next(1, 30));

    public TimeSpan LongDelay() => TimeSpan.FromMilliseconds(latency.Next(100, latency.Next(4) == 0 ? 20_000 : 2_000));

    /// <summary>Until a call arrives that nobody waits for any more: longer than a lease.</summary>
    public TimeSpan VeryLongDelay() => TimeSpan.FromMilliseconds(latency.Next(1_000, 60_000));

    public Fate FateOf(Dependency dependency)
    {
        if (OutUntil[(int)dependency] > Now)
            return Fate.Refused;
        return (dependency switch { Dependency.Tables => Plan.Tables, Dependency.Bus => Plan.Bus, _ => Plan.Downstream }).Of(faults);
    }

    public Fate AfterEffect(VirtualProcess process, string what)
    {
        Effects++;
        if (Strike is not { } strike || strike.Effect != Effects)
        {
            Note(process, what);
            return Fate.Done;
        }
        Note(process, $"*** {what}: effect {Effects}, then {strike.Blow}");
        if (strike.Blow == Blow.Kill)
            Instances.Find(instance => instance.Process == process)?.Kill();
        if (strike.Blow == Blow.Freeze)
        {
            process.Freeze();
            WhenFrozen?.Invoke(process);
        }
        return strike.Blow == Blow.LoseAnswer ? Fate.Lost : Fate.Done;
    }

    public bool IsAlive(string process) => Instances.Any(instance => instance.Process.Name == process && !instance.Process.IsDead);

    public void Note(VirtualProcess who, string what) => History.Add(Now, who.Name, what);

    /// <summary>Something that was done to the world.</summary>
    public void Note(string what) => History.Add(Now, "world", $"*** {what}");

    public void Dispose() => Store.Dispose();
}
