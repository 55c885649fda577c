using System.Text.Json;
using Azure.Messaging.ServiceBus;
using AzureLocal.Storage;
using Contract.Tests;
using Unit.Tests.Reconciliation;
using Weir;
using Weir.Controls;
using Weir.DeadLetters;
using Weir.Execution;
using Weir.Lanes;
using Weir.Replays;
using Weir.Submission;

namespace Unit.Tests.Replays;

/// <summary>Weir in memory with dead letters, instances that carry staged replays step by step, and one that ends at a kill point.</summary>
internal sealed class ReplayedWorld : IAsyncDisposable
{
    private readonly List<WeirInMemory> instances = [];
    private readonly Store store = Store.InMemory();

    public ManualClock Clock { get; } = new();

    public OtherSide Other { get; } = new();

    public WeirInMemory Weir => instances[0];

    public StagedReplayDesk Desk => Weir.Get<StagedReplayDesk>();

    public static async Task<ReplayedWorld> StartAsync()
    {
        var world = new ReplayedWorld();
        await world.JoinAsync();
        return world;
    }

    /// <summary>Another instance, which ends at the kill point if there is one.</summary>
    public async Task<WeirInMemory> JoinAsync(string? killPoint = null)
    {
        var settings = killPoint is null ? [] : new Dictionary<string, string?> { ["Weir:KillPoint"] = killPoint };
        var instance = await WeirInMemory.StartAsync(store, Clock, settings, [typeof(ReplayedJob), typeof(ReplayedInOrder)], Other, new Instance($"instance-{instances.Count}"));
        instance.Get<KillPoints>().Die = static () => throw new KilledException();
        instances.Add(instance);
        return instance;
    }

    /// <summary>So many jobs that have died, the oldest first; their names are numbers.</summary>
    public async Task<IReadOnlyList<string>> DeadAsync(int count, string type = "replayed")
    {
        var ids = new List<string>();
        for (var number = 0; number < count; number++)
        {
            ids.Add(await SubmitAsync(new SubmitRequest(type, PayloadOf($"{number}"))));
            Clock.Advance(TimeSpan.FromMilliseconds(1));
            while (await Weir.RunNextAsync() is not null) { }
        }
        await CollectAsync();
        return ids;
    }

    /// <summary>Dead letters of strict keys: they died of their age, so none of them stands in front of its key.</summary>
    public async Task<IReadOnlyList<string>> ExpiredAsync(params (string Key, string Name)[] jobs)
    {
        var ids = new List<string>();
        foreach (var (key, name) in jobs)
        {
            ids.Add(await SubmitAsync(new SubmitRequest("replayed.ordered", PayloadOf(name)) { OrderingKey = key, Timing = new Timing(null, null, TimeSpan.FromSeconds(1)) }));
            Clock.Advance(TimeSpan.FromSeconds(2));
            while (await Weir.RunNextAsync() is not null) { }
        }
        await CollectAsync();
        return ids;
    }

    public async Task<string> SubmitAsync(SubmitRequest request) =>
        Assert.IsType<Submitted.Accepted>(await Weir.Get<JobSubmission>().SubmitAsync(request, "default", null, CancellationToken.None)).JobId;

    public static JsonElement PayloadOf(string name) => JsonSerializer.SerializeToElement(new ReplayedRequest(name), JsonSerializerOptions.Web);

    public StagedReplay Wanted(string type = "replayed") => new()
    {
        Id = "",
        Filter = new DeadLetterFilter { Type = type },
        How = new Handling("ada", Clock.GetUtcNow(), "it is mended"),
        Sizes = [1, 10, 100],
        Rate = 100,
        StopAtFailureRate = 0.1,
        StageTimeout = TimeSpan.FromMinutes(5),
    };

    public async Task<string> BeginAsync(StagedReplay? wanted = null, int limit = ReplayPlan.MostItems) =>
        Assert.IsType<StartAnswer.Started>(await Desk.StartAsync(wanted ?? Wanted(), limit, CancellationToken.None)).Replay.Id;

    /// <summary>A step, half a second; what was queued runs before the next.</summary>
    /// <returns>Whether the instance had something to carry.</returns>
    public async Task<bool> StepAsync(WeirInMemory? by = null, bool run = true)
    {
        var carries = await (by ?? Weir).Get<ReplayCarrier>().StepAsync(CancellationToken.None);
        if (run)
            await RunAsync();
        Clock.Advance(TimeSpan.FromMilliseconds(500));
        return carries;
    }

    public async Task RunAsync()
    {
        while (await Weir.RunNextAsync() is not null) { }
        await CollectAsync();
    }

    /// <summary>Steps until the replay does not run any more.</summary>
    public async Task<StagedReplay> CarryAsync(string id, WeirInMemory? by = null, int steps = 400)
    {
        for (var step = 0; step < steps; step++)
        {
            await StepAsync(by);
            if (await FindAsync(id) is { State: not ReplayState.Running } over)
                return over;
        }
        throw new TimeoutException($"The replay has not ended after {steps} steps: {(await FindAsync(id)).Tally}");
    }

    public async Task<StagedReplay> FindAsync(string id) => (await Weir.Get<ReplayTable>().FindAsync(id, CancellationToken.None))!.Value.Replay;

    public async Task<int> ReplaysOfAsync(string jobId) => (await Weir.JobAsync(jobId)).Receipt.Replays;

    /// <summary>How many of the jobs have been replayed.</summary>
    public async Task<int> ReplayedAsync(IEnumerable<string> ids)
    {
        var count = 0;
        foreach (var id in ids)
            count += await ReplaysOfAsync(id) > 0 ? 1 : 0;
        return count;
    }

    public async Task<string[]> AuditAsync() =>
        [.. (await Weir.Get<AuditTable>().ReadAsync(after: null, 100, tenant: null, Clock.GetUtcNow(), CancellationToken.None)).Reverse().Select(entry => $"{entry.By} {entry.Action} {entry.Outcome}")];

    public async ValueTask DisposeAsync()
    {
        foreach (var instance in instances)
            await instance.DisposeAsync();
        store.Dispose();
    }

    private async Task CollectAsync()
    {
        await using var receiver = Weir.Get<ServiceBusClient>().CreateReceiver(
            QueueNames.Default, new ServiceBusReceiverOptions { SubQueue = SubQueue.DeadLetter, ReceiveMode = ServiceBusReceiveMode.ReceiveAndDelete });
        while (await receiver.PeekMessageAsync(fromSequenceNumber: 0) is not null)
            Assert.True(await Weir.Get<DeadLetterCollector>().CollectAsync((await receiver.ReceiveMessageAsync())!, Queue.Default, CancellationToken.None));
    }
}
