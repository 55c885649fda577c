using System.Text.Json;
using Azure;
using Azure.Data.Tables;
using Contract.Tests.ServiceBus;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Hosting.Internal;
using Weir;
using Weir.Execution;
using Weir.Lanes;
using Weir.Receipts;
using Weir.Submission;

namespace Unit.Tests.Lanes;

public sealed class OrderedKeysTests
{
    [Fact]
    public void Whatever_dies_whenever_the_order_is_kept_and_nobody_is_forgotten()
    {
        // xunit's context would send each step to another thread.
        SynchronizationContext.SetSynchronizationContext(null);
        for (var seed = 1; seed <= 40; seed++)
        {
            using var world = new OrderedWorld(seed);
            world.Run();
        }
    }

    [Fact]
    public async Task After_a_discard_the_next_one_is_sent_and_after_a_crash_in_between_it_is_sent_when_asked_again()
    {
        await using var weir = await OneKey.StartAsync();
        var dead = await weir.DeadAsync();
        var (second, third) = (await weir.ArriveAsync(order: 20), await weir.ArriveAsync(order: 30));
        Assert.Equal([JobState.Held, JobState.Held], [(await weir.FindAsync(second)).State, (await weir.FindAsync(third)).State]);

        await weir.Keys.ReleaseAfterAsync(await weir.FindAsync(dead), CancellationToken.None);
        await weir.Keys.ReleaseAfterAsync(await weir.FindAsync(dead), CancellationToken.None);
        Assert.Equal([second], await weir.SentAsync()); // the second copy has the MessageId of the first
        Assert.Equal(second, (await weir.Keys.HeadBeforeAsync(await weir.FindAsync(third), CancellationToken.None))!.JobId);
        Assert.Null(await weir.Keys.HeadBeforeAsync(await weir.FindAsync(second), CancellationToken.None));
    }

    [Fact]
    public async Task A_job_keeps_its_place_when_its_message_comes_again()
    {
        await using var weir = await OneKey.StartAsync();
        var dead = await weir.DeadAsync();
        var second = await weir.ArriveAsync(order: 20);
        await weir.ArriveAsync(order: 30);
        await weir.ArriveAsync(order: 20, again: second);

        await weir.Keys.ReleaseAfterAsync(await weir.FindAsync(dead), CancellationToken.None);
        Assert.Equal([second], await weir.SentAsync());
    }

    [Fact]
    public async Task Behind_a_head_whose_receipt_is_gone_nobody_waits()
    {
        await using var weir = await OneKey.StartAsync();
        var dead = await weir.DeadAsync();
        var second = await weir.ArriveAsync(order: 20);
        await weir.Tables.GetTableClient(ReceiptTable.Name).DeleteEntityAsync(dead, ReceiptTable.ReceiptRow);

        await weir.ArriveAsync(order: 30);
        Assert.Equal([second], await weir.SentAsync());
    }

    [Fact]
    public async Task A_late_copy_of_a_discarded_dead_letter_blocks_nobody()
    {
        await using var weir = await OneKey.StartAsync();
        var dead = await weir.DeadAsync();
        await weir.Keys.ReleaseAfterAsync(await weir.FindAsync(dead), CancellationToken.None);
        await weir.Keys.AfterAsync(weir.MessageOf(await weir.FindAsync(dead), order: 15), JobState.DeadLettered, CancellationToken.None);

        var next = await weir.SubmitAsync();
        var turn = await weir.Keys.TakeTurnAsync(weir.MessageOf(await weir.FindAsync(next), order: 20), Queue.Default, CancellationToken.None);
        Assert.True(turn?.KeyWasFree);
    }

    [Fact]
    public async Task A_released_job_whose_message_never_came_is_sent_again_by_the_next_that_parks()
    {
        await using var weir = await OneKey.StartAsync();
        var dead = await weir.DeadAsync();
        var second = await weir.ArriveAsync(order: 20);
        await weir.Keys.ReleaseAfterAsync(await weir.FindAsync(dead), CancellationToken.None);
        Assert.Equal([second], await weir.SentAsync());

        weir.Clock.Advance(TimeSpan.FromMinutes(10)); // past the broker's window for duplicates
        await weir.ArriveAsync(order: 30);
        Assert.Equal([second], await weir.SentAsync());
    }

    [Fact]
    public async Task While_its_key_is_free_a_job_in_strict_order_costs_one_read_more()
    {
        await using var weir = await OneKey.StartAsync();
        await weir.RunAsync(); // the first job of an instance reads the controls
        var costs = new List<long>();
        for (var jobs = 0; jobs < 5; jobs++)
        {
            var before = weir.Operations;
            var id = await weir.RunAsync();
            Assert.Equal(JobState.Succeeded, (await weir.FindAsync(id)).State);
            costs.Add(weir.Operations - before);
        }
        Assert.Equal(4 + 1, costs.Min()); // insert, head, claim, outcome; and the look just now. Beside one of them the instance may still be starting
    }

    [Fact]
    public async Task A_key_is_not_free_while_somebody_parks()
    {
        await using var weir = await OneKey.StartAsync();
        var table = new OrderingKeyTable(weir.Tables, weir.Clock);
        var message = weir.MessageOf(await weir.FindAsync(await weir.SubmitAsync()), order: 20);
        await table.BlockAsync("key", "first", HeadReason.Retrying, CancellationToken.None);
        var seen = (await table.FindHeadAsync("key", CancellationToken.None))!;
        Assert.Null(await table.FirstBehindAsync(seen, CancellationToken.None));

        Assert.True(await table.ParkAsync(seen, new ParkedJob(20, Queue.Default, message), CancellationToken.None));
        Assert.False(await table.FreeAsync(seen, CancellationToken.None));
        Assert.False(await table.ParkAsync(seen, new ParkedJob(30, Queue.Default, message), CancellationToken.None));
        Assert.Equal(1, (await table.FindHeadAsync("key", CancellationToken.None))!.Parked);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(100)]
    [InlineData(192 * 1024)]
    public void A_parked_job_is_the_message_that_it_was(int bytes)
    {
        var body = new byte[bytes];
        new Random(1).NextBytes(body);
        var message = new JobMessage("3f0c9a52-7c1f-8d0e-9b1a-52f3a5c1e2d4", "type", "acme", "acme.1", new ETag("W/\"7\""), new string('a', 64), body)
        {
            Version = 3, Attempt = 2, EarlierAttempts = 1, PutOffs = 4, OrderingKey = "a b/c", StrictKey = OrderedKeys.KeyOf("acme", Queue.Default, "a b/c"), ExpiresAt = new DateTimeOffset(2026, 1, 2, 3, 4, 5, TimeSpan.Zero),
            Follows = Follows.Event, TraceParent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        };
        var row = new ParkedJob(42, Queue.Bulk, message).ToRow("key");
        Assert.Equal("parked-0000000000000000042", row.RowKey);
        var parked = ParkedJob.Of(row);
        Assert.Equal((42, Queue.Bulk), (parked.Order, parked.Queue));
        Assert.Equal(body, parked.Message.Body.ToArray());
        Assert.Equal(message with { Body = default, SequenceNumber = -1 }, parked.Message with { Body = default });
    }

    [Fact]
    public void Keys_that_a_table_forbids_are_hashed_and_never_meet_plain_ones()
    {
        Assert.Equal("acme.Bulk.order-7", OrderedKeys.KeyOf("acme", Queue.Bulk, "order-7"));
        var hashed = OrderedKeys.KeyOf("acme", Queue.Bulk, "a/b");
        Assert.StartsWith("acme.Bulk.~", OrderedKeys.KeyOf("acme", Queue.Bulk, "a\n"));
        Assert.StartsWith("acme.Bulk.~", hashed);
        Assert.NotEqual(hashed, OrderedKeys.KeyOf("acme", Queue.Bulk, hashed["acme.Bulk.".Length..]));
        Assert.NotEqual(OrderedKeys.KeyOf("acme", Queue.Bulk, "ключ"), OrderedKeys.KeyOf("acme", Queue.Bulk, "ключ2"));
    }

    /// <summary>One ordering key, whose messages the test brings.</summary>
    private sealed class OneKey : IAsyncDisposable
    {
        private readonly LocalNamespace space = new();
        private readonly ServiceProvider services;

        private OneKey()
        {
            Tables = new TableServiceClient(space.Store, space.Clock);
            var collection = new ServiceCollection();
            collection.AddLogging();
            collection.AddSingleton<IHostEnvironment>(new HostingEnvironment { EnvironmentName = Environments.Development });
            collection.AddSingleton<TimeProvider>(space.Clock);
            collection.AddSingleton(new Random(17));
            collection.AddSingleton(space.Client);
            collection.AddSingleton(Tables);
            collection.AddSingleton(new OrderedScript((_, _) => { }, () => Task.CompletedTask, Seed: null));
            collection.AddWeir(new ConfigurationBuilder().Build()).AddJob<OrderedJob>();
            services = collection.BuildServiceProvider();
        }

        public TableServiceClient Tables { get; }

        public Contract.Tests.ManualClock Clock => space.Clock;

        /// <summary>Table operations so far.</summary>
        public long Operations => Tables.Operations.Snapshot().Values.Sum();

        public OrderedKeys Keys => services.GetRequiredService<OrderedKeys>();

        private ReceiptTable Receipts => services.GetRequiredService<ReceiptTable>();

        public static async Task<OneKey> StartAsync()
        {
            var weir = new OneKey();
            foreach (var queue in Enum.GetValues<Queue>())
            {
                await weir.space.AddQueueAsync(QueueNames.Of(queue), options =>
                {
                    options.RequiresSession = true;
                    options.RequiresDuplicateDetection = true;
                    options.DuplicateDetectionHistoryTimeWindow = TimeSpan.FromMinutes(5);
                });
            }
            foreach (var setup in weir.services.GetServices<IHostedService>())
                await setup.StartAsync(CancellationToken.None);
            return weir;
        }

        public async Task<string> SubmitAsync()
        {
            var request = new SubmitRequest("test.ordered", JsonSerializer.SerializeToElement(new OrderedRequest(0, 0), JsonSerializerOptions.Web)) { OrderingKey = "one" };
            var submitted = await services.GetRequiredService<JobSubmission>().SubmitAsync(request, "default", null, CancellationToken.None);
            await SentAsync();
            return Assert.IsType<Submitted.Accepted>(submitted).JobId;
        }

        /// <summary>A job that is submitted, received and run.</summary>
        public async Task<string> RunAsync()
        {
            var request = new SubmitRequest("test.ordered", JsonSerializer.SerializeToElement(new OrderedRequest(0, 0), JsonSerializerOptions.Web)) { OrderingKey = "one" };
            var submitted = await services.GetRequiredService<JobSubmission>().SubmitAsync(request, "default", null, CancellationToken.None);
            var session = await space.Client.AcceptNextSessionAsync(QueueNames.Default);
            var message = await LocalNamespace.NextAsync(session);
            Assert.IsType<Settlement.Complete>(await services.GetRequiredService<JobRunner>().RunAsync(message, Queue.Default, CancellationToken.None));
            await session.CompleteMessageAsync(message);
            await session.CloseAsync();
            return Assert.IsType<Submitted.Accepted>(submitted).JobId;
        }

        /// <summary>A job that has died in front of its key.</summary>
        public async Task<string> DeadAsync()
        {
            var id = await SubmitAsync();
            var receipt = await FindAsync(id);
            var attempt = new AttemptRecord(1, Clock.GetUtcNow(), Clock.GetUtcNow(), "test", AttemptOutcome.Failed, Error: null);
            await Receipts.DeadLetterAsync(id, receipt.ETag, attempt, "permanent", CancellationToken.None);
            await Keys.AfterAsync(MessageOf(receipt, order: 10), JobState.DeadLettered, CancellationToken.None);
            return id;
        }

        /// <summary>A job whose message comes while it is another's turn.</summary>
        public async Task<string> ArriveAsync(long order, string? again = null)
        {
            var id = again ?? await SubmitAsync();
            Assert.Null(await Keys.TakeTurnAsync(MessageOf(await FindAsync(id), order), Queue.Default, CancellationToken.None));
            return id;
        }

        public JobMessage MessageOf(Receipt receipt, long order) => receipt.ToMessage("{}"u8.ToArray()) with { SequenceNumber = order };

        public async Task<Receipt> FindAsync(string id) => (await Receipts.FindAsync(id, CancellationToken.None))!;

        /// <summary>The jobs whose messages were sent since this was asked last.</summary>
        public async Task<List<string>> SentAsync()
        {
            var ids = new List<string>();
            var session = await space.Client.AcceptNextSessionAsync(QueueNames.Default);
            while ((await session.PeekMessagesAsync(100)) is { Count: > 0 } && await session.ReceiveMessageAsync(TimeSpan.FromSeconds(1)) is { } message)
            {
                ids.Add(JobMessage.Of(message)!.JobId);
                await session.CompleteMessageAsync(message);
            }
            await session.CloseAsync();
            return ids;
        }

        public async ValueTask DisposeAsync()
        {
            await services.DisposeAsync();
            await space.DisposeAsync();
        }
    }
}
