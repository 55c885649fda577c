using Azure.Data.Tables;
using Azure.Messaging.ServiceBus;
using Azure.Messaging.ServiceBus.Administration;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Weir;
using Weir.Catalog;
using Weir.Completion;
using Weir.Execution;
using Weir.Index;
using Weir.Lanes;
using Weir.Limits;
using Weir.Receipts;
using Weir.Statistics;
using Weir.Submission;

namespace Unit.Tests;

/// <summary>Weir's classes over a data directory of their own, put together by hand: what a test needs that no HTTP answer shows.</summary>
internal sealed class LocalStore : IAsyncDisposable
{
    private readonly DirectoryInfo folder = Directory.CreateTempSubdirectory("weir-unit-");
    private readonly IConfiguration configuration = new ConfigurationBuilder().Build();

    private LocalStore(params Type[] handlers)
    {
        Tables = new TableServiceClient($"DataDirectory={folder.FullName}");
        ServiceBus = new ServiceBusClient($"DataDirectory={folder.FullName}");
        Catalog = new JobCatalog([typeof(Plain), typeof(SendWebhook), .. handlers]);
        IndexTable = new JobIndexTable(Tables);
        Index = NewIndex();
        Receipts = new ReceiptTable(Tables, Index);
        StatisticsTable = new StatisticsTable(Tables);
        Statistics = new JobStatistics(Clock);
    }

    public TableServiceClient Tables { get; }

    public ServiceBusClient ServiceBus { get; }

    public JobCatalog Catalog { get; }

    public JobIndexTable IndexTable { get; }

    public JobIndex Index { get; }

    public ReceiptTable Receipts { get; }

    public StatisticsTable StatisticsTable { get; }

    public JobStatistics Statistics { get; }

    public ShiftedClock Clock { get; } = new();

    public static async Task<LocalStore> OpenAsync(params Type[] handlers)
    {
        var store = new LocalStore(handlers);
        await store.IndexTable.CreateIfMissingAsync(default);
        await store.Receipts.CreateIfMissingAsync(default);
        await store.StatisticsTable.CreateIfMissingAsync(default);
        var admin = new ServiceBusAdministrationClient($"DataDirectory={store.folder.FullName}");
        foreach (var queue in Enum.GetValues<Queue>())
            await admin.CreateQueueAsync(new CreateQueueOptions(QueueNames.Of(queue)) { RequiresSession = true });
        await admin.CreateTopicAsync(QueueNames.Events);
        await admin.CreateSubscriptionAsync(QueueNames.Events, "all");
        return store;
    }

    public JobIndex NewIndex() => new(IndexTable, Clock, NullLogger<JobIndex>.Instance);

    public JobSubmission Submission()
    {
        var callbacks = new CallbackUrls(configuration, new WebhookSecrets(configuration, development: true), development: true);
        return new JobSubmission(
            Catalog, Receipts, new JobQueues(ServiceBus, new OrderingKeyTable(Tables, Clock), Kill, Statistics), uniques: null!, new SubmissionGates([], Statistics),
            new JobSlots(new RateLimits(configuration, Catalog), new LimitTable(Tables), Clock, NullLogger<JobSlots>.Instance), callbacks, Kill,
            new LaneCounts(configuration, Options.Create(new WeirOptions())), Statistics, Clock, new Random(1)); // none of its jobs is unique
    }

    public KillPoints Kill => new(configuration, development: true);

    /// <summary>Submits a job, and ends it as if it had run.</summary>
    public async Task<string> EndedJobAsync(string type, JobState state, string? callbackUrl = null, int checkpoints = 0)
    {
        var request = new SubmitRequest(type, System.Text.Json.JsonElement.Parse("\"payload\"")) { CallbackUrl = callbackUrl };
        var id = ((Submitted.Accepted)await Submission().SubmitAsync(request, "default", null, default)).JobId;
        for (var number = 0; number < checkpoints; number++)
            await Receipts.AddCheckpointAsync(id, $"step{number}", 1, "1", default);
        var receipt = (await Receipts.FindAsync(id, default))!;
        var error = state == JobState.DeadLettered ? new JobError(Weir.Retries.ErrorClass.Permanent, "Test", "It failed.", null) : null;
        var attempt = new AttemptRecord(1, Clock.GetUtcNow(), Clock.GetUtcNow(), "unit", error is null ? AttemptOutcome.Succeeded : AttemptOutcome.Failed, error);
        var written = state switch
        {
            JobState.Succeeded => await Receipts.SucceedAsync(id, receipt.ETag, attempt, "{\"answer\":42}"u8.ToArray(), [], null, default),
            JobState.DeadLettered => await Receipts.DeadLetterAsync(id, receipt.ETag, attempt, "permanent", default),
            _ => receipt.ETag,
        };
        Assert.NotNull(written);
        return id;
    }

    public async ValueTask DisposeAsync()
    {
        Index.Dispose();
        await ServiceBus.DisposeAsync();
        try
        {
            folder.Delete(recursive: true);
        }
        catch (IOException)
        {
            // A file is still open; the system's temp directory is cleaned by others.
        }
    }

    [Job("plain")]
    public sealed class Plain : IJobHandler<string>
    {
        public Task<object?> RunAsync(string job, JobContext context, CancellationToken cancellation) => Task.FromResult<object?>(null);
    }
}

/// <summary>The system's clock, some time ahead or behind.</summary>
internal sealed class ShiftedClock : TimeProvider
{
    public TimeSpan Shift { get; set; }

    public override DateTimeOffset GetUtcNow() => System.GetUtcNow() + Shift;
}
