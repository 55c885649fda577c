using System.Text.Json;
using Azure.Data.Tables;
using Azure.Messaging.ServiceBus;
using AzureLocal.Storage;
using Contract.Tests;
using Weir;
using Weir.DeadLetters;
using Weir.Execution;
using Weir.Index;
using Weir.Lanes;
using Weir.Receipts;
using Weir.Reconciliation;
using Weir.Submission;

namespace Unit.Tests.Reconciliation;

/// <summary>Weir in memory, with what breaks it: an instance that ends at a kill point, and queues that lose their messages.</summary>
internal sealed class ReconciledWorld : IAsyncDisposable
{
    private readonly List<WeirInMemory> instances = [];
    private readonly List<WeirInMemory> dying = [];
    private readonly Store store = Store.InMemory();

    public ManualClock Clock { get; } = new();

    public Starts Starts { get; } = new();

    public WeirInMemory Weir => instances[0];

    public TableServiceClient Tables => Weir.Get<TableServiceClient>();

    public static async Task<ReconciledWorld> StartAsync()
    {
        var world = new ReconciledWorld();
        await world.JoinAsync();
        return world;
    }

    /// <summary>Another instance, which ends at the kill point if there is one.</summary>
    public async Task<WeirInMemory> JoinAsync(string? killPoint = null)
    {
        var settings = killPoint is null ? [] : new Dictionary<string, string?> { ["Weir:KillPoint"] = killPoint };
        var instance = await WeirInMemory.StartAsync(store, Clock, settings, [typeof(ReconciledJob), typeof(ReconciledInOrder), typeof(ReconciledUnclaimed)], Starts, new Instance($"instance-{instances.Count + dying.Count}"));
        instance.Get<KillPoints>().Die = static () => throw new KilledException();
        (killPoint is null ? instances : dying).Add(instance);
        return instance;
    }

    public async Task<string> SubmitAsync(SubmitRequest request, WeirInMemory? by = null) =>
        Assert.IsType<Submitted.Accepted>(await (by ?? Weir).Get<JobSubmission>().SubmitAsync(request, "default", null, CancellationToken.None)).JobId;

    public static SubmitRequest Request(ReconciledRequest job, string type = "reconciled") => new(type, JsonSerializer.SerializeToElement(job, JsonSerializerOptions.Web));

    /// <summary>All jobs that there are, by their receipts.</summary>
    public async Task<IReadOnlyList<Receipt>> ReceiptsAsync()
    {
        var found = new List<Receipt>();
        await foreach (var receipt in Weir.Get<ReceiptTable>().ChangedAsync(DateTimeOffset.UnixEpoch, Clock.GetUtcNow().AddDays(1), CancellationToken.None))
            found.Add(receipt);
        return found;
    }

    public async Task<Receipt> ReceiptAsync(string id) => (await Weir.JobAsync(id)).Receipt;

    /// <summary>The broker loses everything in the default queue: active, scheduled, dead.</summary>
    public async Task LoseMessagesAsync()
    {
        var client = Weir.Get<ServiceBusClient>();
        await using var sender = client.CreateSender(QueueNames.Default);
        await using var peeker = client.CreateReceiver(QueueNames.Default);
        while (await peeker.PeekMessagesAsync(100) is { Count: > 0 } page)
        {
            foreach (var message in page.Where(message => message.State == ServiceBusMessageState.Scheduled))
                await sender.CancelScheduledMessageAsync(message.SequenceNumber);
        }
        while (await Weir.ReceiveAsync() is { } received)
        {
            await using (received)
                await received.SettleAsync(Settlement.Completed);
        }
        while (await DeadAsync() is not null) { }
        Assert.Empty(await MessagesAsync());
    }

    public async Task<IReadOnlyList<string>> MessagesAsync()
    {
        await using var peeker = Weir.Get<ServiceBusClient>().CreateReceiver(QueueNames.Default);
        return [.. (await peeker.PeekMessagesAsync(2_000)).Select(message => message.MessageId!)];
    }

    /// <summary>One whole pass, after the lines of the list have been written; those that went down with an instance are found as its heirs find them.</summary>
    public async Task<IReadOnlyList<Finding>> PassAsync(WeirInMemory? by = null)
    {
        foreach (var instance in instances)
            Assert.True(await instance.Get<JobIndex>().FlushAsync(CancellationToken.None));
        if (dying.Count > 0)
            await Weir.Get<LostLines>().FindAsync(Clock.GetUtcNow().AddHours(-1), Clock.GetUtcNow(), CancellationToken.None);
        var found = new List<Finding>();
        for (var rounds = 0; rounds < 20; rounds++)
        {
            var round = await (by ?? Weir).Get<Reconciler>().RoundAsync(CancellationToken.None);
            Assert.True(round.Ours);
            found.AddRange(round.Found);
            if (round.PassEnded)
                return found;
        }
        throw new TimeoutException("The pass was not over after 20 rounds.");
    }

    /// <summary>Nothing happens for long enough that a forgotten job can be told, then a pass, then whatever is to run runs.</summary>
    public async Task<IReadOnlyList<Finding>> HealAsync()
    {
        Clock.Advance(TimeSpan.FromMinutes(20));
        var found = await PassAsync();
        await Weir.RunAllAsync(TimeSpan.FromMinutes(2));
        return found;
    }

    public async Task CollectAsync()
    {
        while (await DeadAsync() is { } dead)
            Assert.True(await Weir.Get<DeadLetterCollector>().CollectAsync(dead, Queue.Default, CancellationToken.None));
    }

    public async Task<IReadOnlyList<DeadLetter>> CatalogueAsync() =>
        (await Weir.Get<DeadLetterTable>().ScanAsync(new DeadLetterFilter(), from: null, most: 100, pages: 10, columns: null, CancellationToken.None)).Found;

    public async ValueTask DisposeAsync()
    {
        foreach (var instance in instances.Concat(dying))
            await instance.DisposeAsync();
        store.Dispose();
    }

    private async Task<ServiceBusReceivedMessage?> DeadAsync()
    {
        await using var receiver = Weir.Get<ServiceBusClient>().CreateReceiver(
            QueueNames.Default, new ServiceBusReceiverOptions { SubQueue = SubQueue.DeadLetter, ReceiveMode = ServiceBusReceiveMode.ReceiveAndDelete });
        return await receiver.PeekMessageAsync() is null ? null : await receiver.ReceiveMessageAsync();
    }
}

internal sealed class KilledException() : Exception("The instance ended here.");
