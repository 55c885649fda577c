using Azure.Data.Tables;
using Azure.Messaging.ServiceBus.Administration;
using AzureLocal.ServiceBus;
using AzureLocal.Storage;
using Weir.Lanes;
using Weir.Receipts;
using Weir.Testing.Time;

namespace Weir.Testing.Running;

/// <summary>What outlives an instance: the time, the stores, and what the test wants to go wrong with them.</summary>
internal sealed class World : IDisposable
{
    /// <summary>After trouble, what it may have cut off is looked for during this long, as the product does all the time.</summary>
    private static readonly TimeSpan LookedAfter = TimeSpan.FromHours(1);

    public World(WeirTestOptions options, Action<WeirBuilder> configure)
    {
        (Options, Configure) = (options, configure);
        Time = new VirtualTime(options.StartAt, options.RealWait);
        Outside = new Place(Time, "test");
        Store = Store.InMemory();
        Broker = Broker.Of(Store, Outside.Clock);
        RawTables = new EmbeddedTables(Store, Outside.Clock);
        Tables = new Dependency(Kill, HaveTrouble);
        Bus = new Dependency(Kill, HaveTrouble);
    }

    public WeirTestOptions Options { get; }

    public Action<WeirBuilder> Configure { get; }

    public VirtualTime Time { get; }

    /// <summary>Where the stores and the test itself live; it never dies.</summary>
    public Place Outside { get; }

    public Store Store { get; }

    public Broker Broker { get; }

    /// <summary>The tables as they are, with nothing in between.</summary>
    public ITableTransport RawTables { get; }

    public Dependency Tables { get; }

    public Dependency Bus { get; }

    /// <summary>The one that runs, or the last that did.</summary>
    public InMemoryInstance Current { get; private set; } = null!;

    public int Deaths { get; private set; }

    public DateTimeOffset TroubleUntil { get; private set; } = DateTimeOffset.MinValue;

    /// <summary>As the Bicep and the emulator's file make them.</summary>
    public async Task OpenAsync()
    {
        var administration = new ServiceBusAdministrationClient(Broker);
        foreach (var queue in Enum.GetValues<Queue>().Select(QueueNames.Of))
        {
            await administration.CreateQueueAsync(new CreateQueueOptions(queue)
            {
                RequiresSession = true,
                LockDuration = TimeSpan.FromMinutes(1),
                MaxDeliveryCount = 10,
                RequiresDuplicateDetection = true,
                DuplicateDetectionHistoryTimeWindow = TimeSpan.FromMinutes(5),
                DeadLetteringOnMessageExpiration = true,
            });
        }
        await administration.CreateTopicAsync(new CreateTopicOptions(QueueNames.Events));
    }

    public async Task<InMemoryInstance> StartInstanceAsync(bool serves)
    {
        if (Current is { } dead)
            await dead.BreakAsync();
        Current = new InMemoryInstance(this, new Place(Time, $"instance-{Deaths + 1}"));
        var starting = Current;
        await starting.Place.Begin(async () =>
        {
            await starting.StartAsync(serves);
            return true;
        });
        return starting;
    }

    public void Kill(Place place)
    {
        if (place.IsDead)
            return;
        Deaths++;
        HaveTrouble();
        place.Kill();
        if (Current.Place == place)
            Current.Kill();
    }

    public bool IsAlive(string instance) => Current.Place.Name == instance && !Current.Place.IsDead;

    public void HaveTrouble()
    {
        TroubleUntil = Time.Now + LookedAfter;
        Current?.LookAfter();
    }

    /// <summary>Rows of the receipts, past whatever is wrong with the tables: a store in memory answers at once.</summary>
    public IReadOnlyList<TableEntity> Rows(string filter)
    {
        var rows = new List<TableEntity>();
        string? continuation = null;
        do
        {
            var asked = RawTables.SendAsync(new TableCall.Query(ReceiptTable.Name, filter, null, null, continuation), CancellationToken.None);
            var answer = asked.IsCompleted ? asked.GetAwaiter().GetResult() : throw new WeirTestException("The store in memory did not answer at once.");
            rows.AddRange(answer.Entities);
            continuation = answer.Continuation;
        }
        while (continuation is not null);
        return rows;
    }

    public void Dispose() => Store.Dispose();
}
