using System.ComponentModel.DataAnnotations;
using System.Text.Json;
using Azure.Data.Tables;
using Azure.Messaging.ServiceBus;
using Contract.Tests;
using Contract.Tests.ServiceBus;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Hosting.Internal;
using Weir;
using Weir.DeadLetters;
using Weir.Lanes;
using Weir.Receipts;
using Weir.Submission;

namespace Unit.Tests.DeadLetters;

/// <summary>Weir as it is registered, on tables and a broker in memory, with a clock that the test advances. Nothing runs jobs but the test.</summary>
internal sealed class WeirInMemory : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    private readonly LocalNamespace space = new();
    private readonly ServiceProvider services;

    private WeirInMemory()
    {
        Tables = new TableServiceClient(space.Store, space.Clock);
        var collection = new ServiceCollection();
        collection.AddLogging();
        collection.AddSingleton<IHostEnvironment>(new HostingEnvironment { EnvironmentName = Environments.Development });
        collection.AddSingleton<TimeProvider>(space.Clock);
        collection.AddSingleton<Random>(new Random(17));
        collection.AddSingleton(space.Client);
        collection.AddSingleton(Tables);
        collection.AddWeir(new ConfigurationBuilder().Build()).AddJob<Sample>();
        services = collection.BuildServiceProvider();
    }

    public TableServiceClient Tables { get; }

    public ManualClock Clock => space.Clock;

    public ServiceBusClient Bus => space.Client;

    public ReceiptTable Receipts => Get<ReceiptTable>();

    public DeadLetterTable Catalogue => Get<DeadLetterTable>();

    public DeadLetterDesk Desk => Get<DeadLetterDesk>();

    public Handling Ada => new("ada", Clock.GetUtcNow(), "it is mended");

    public static async Task<WeirInMemory> StartAsync()
    {
        var weir = new WeirInMemory();
        foreach (var queue in Enum.GetValues<Queue>())
        {
            await weir.space.AddQueueAsync(QueueNames.Of(queue), options =>
            {
                options.RequiresSession = true;
                options.MaxDeliveryCount = 2;
                options.RequiresDuplicateDetection = true;
                options.DeadLetteringOnMessageExpiration = true;
            });
        }
        foreach (var setup in weir.services.GetServices<IHostedService>())
            await setup.StartAsync(CancellationToken.None);
        return weir;
    }

    public T Get<T>() where T : notnull => services.GetRequiredService<T>();

    public async Task<string> SubmitAsync(object? payload = null)
    {
        var submitted = await Get<JobSubmission>().SubmitAsync(new SubmitRequest("sample", JsonSerializer.SerializeToElement(payload ?? new { user = "ada" })), "default", null, CancellationToken.None);
        return Assert.IsType<Submitted.Accepted>(submitted).JobId;
    }

    /// <summary>The next message of the default queue, with the session that it is locked in.</summary>
    public async Task<(ServiceBusSessionReceiver Session, ServiceBusReceivedMessage Message)> ReceiveAsync()
    {
        var session = await Bus.AcceptNextSessionAsync(QueueNames.Default).WaitAsync(Patience);
        var message = await session.ReceiveMessageAsync().WaitAsync(Patience);
        Assert.NotNull(message);
        return (session, message);
    }

    /// <summary>Takes the next message out of the dead-letter queue; a second delivery is the same message handed to the collector again.</summary>
    public Task<ServiceBusReceivedMessage> DeadAsync() => LocalNamespace.NextAsync(Bus.CreateReceiver(
        QueueNames.Default, new ServiceBusReceiverOptions { SubQueue = SubQueue.DeadLetter, ReceiveMode = ServiceBusReceiveMode.ReceiveAndDelete }));

    /// <summary>Has the next message die, for a reason or (null) by being delivered too often.</summary>
    public async Task<ServiceBusReceivedMessage> DieAsync(string? reason = null)
    {
        for (var deliveries = 0; deliveries < (reason is null ? 2 : 1); deliveries++)
        {
            var (session, message) = await ReceiveAsync();
            if (reason is null)
                await session.AbandonMessageAsync(message);
            else
                await session.DeadLetterMessageAsync(message, reason, "as the test wants it");
            await session.CloseAsync();
        }
        return await DeadAsync();
    }

    public Task<bool> CollectAsync(ServiceBusReceivedMessage message) => Get<DeadLetterCollector>().CollectAsync(message, Queue.Default, CancellationToken.None).WaitAsync(Patience);

    public async Task<IReadOnlyList<DeadLetter>> ListAsync() =>
        (await Catalogue.ScanAsync(new DeadLetterFilter(), from: null, most: 100, pages: 10, columns: null, CancellationToken.None)).Found;

    public async Task<Receipt> ReceiptAsync(string id) => await Receipts.FindAsync(id, CancellationToken.None) ?? throw new InvalidOperationException("There is no such receipt.");

    public async ValueTask DisposeAsync()
    {
        await services.DisposeAsync();
        await space.DisposeAsync();
    }

    internal sealed record SampleRequest([property: StringLength(20)] string User);

    [Job("sample")]
    internal sealed class Sample : IJobHandler<SampleRequest>
    {
        public Task<object?> RunAsync(SampleRequest job, JobContext context, CancellationToken cancellation) => Task.FromResult<object?>(null);
    }
}
