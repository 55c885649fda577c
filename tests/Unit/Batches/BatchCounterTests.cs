using Azure;
using Azure.Data.Tables;
using AzureLocal.Storage;
using Contract.Tests;
using Microsoft.Extensions.Configuration;
using Weir;
using Weir.Batches;
using Weir.Execution;

namespace Unit.Tests.Batches;

public sealed class BatchCounterTests
{
    [Fact]
    public void Whatever_comes_twice_late_or_in_between_a_death_the_counts_are_exact_and_the_completion_job_comes_once()
    {
        for (var seed = 1; seed <= 120; seed++)
        {
            using var world = new CountingWorld(seed);
            world.Run();
        }
    }

    [Fact]
    public async Task Ends_that_come_while_one_is_written_are_written_together()
    {
        const int Items = 2_000, Slots = 32;
        var clock = new ManualClock();
        using var store = Store.InMemory();
        var tables = new TableServiceClient(new SlowTables(new EmbeddedTables(store, clock)));
        var table = new BatchTable(tables);
        await table.CreateIfMissingAsync(CancellationToken.None);
        await table.AddAsync(new TableEntity("batch", Batch.Row) { ["Tenant"] = "default", ["CreatedAt"] = clock.GetUtcNow(), ["Shards"] = 32 }, CancellationToken.None);
        await table.ChangeAsync("batch", batch => new() { ["AcceptedAt"] = batch.CreatedAt, ["Total"] = Items + 1, ["Expected"] = string.Join(',', Enumerable.Repeat(Items, 32)) }, CancellationToken.None);
        var counter = new BatchCounter(table, completion: null!, new KillPoints(new ConfigurationBuilder().Build(), development: true), clock, new Random(1)); // one item never ends

        var before = tables.Operations.Snapshot().Values.Sum();
        await Task.WhenAll(Enumerable.Range(0, Slots).Select(async slot =>
        {
            for (var index = slot; index < Items; index += Slots)
                await counter.CountAsync(new BatchItem("batch", index), 0, JobState.Succeeded, CancellationToken.None);
        }));
        Assert.Equal(Items, (await table.ReadAsync("batch", CancellationToken.None))!.Of(ItemState.Succeeded));
        Assert.InRange(tables.Operations.Snapshot().Values.Sum() - before, 2, Items / 5);
    }

    /// <summary>Tables that take a moment, as those behind a network do.</summary>
    private sealed class SlowTables(ITableTransport inner) : ITableTransport
    {
        public string AccountName => inner.AccountName;

        public Uri Endpoint => inner.Endpoint;

        public OperationCounter Operations => inner.Operations;

        public async Task<TableAnswer> SendAsync(TableCall call, CancellationToken cancellation)
        {
            await Task.Delay(2, cancellation);
            return await inner.SendAsync(call, cancellation);
        }
    }

    [Theory]
    [InlineData(0, ItemState.Pending, 0, ItemState.Succeeded, true)]
    [InlineData(0, ItemState.Succeeded, 0, ItemState.Succeeded, false)]
    [InlineData(0, ItemState.DeadLettered, 0, ItemState.Succeeded, false)]
    [InlineData(0, ItemState.DeadLettered, 0, ItemState.Pending, false)]
    [InlineData(0, ItemState.DeadLettered, 1, ItemState.Pending, true)]
    [InlineData(1, ItemState.Pending, 0, ItemState.DeadLettered, false)]
    [InlineData(1, ItemState.Pending, 1, ItemState.Succeeded, true)]
    [InlineData(1, ItemState.Succeeded, 1, ItemState.Pending, false)]
    [InlineData(0, ItemState.DeadLettered, 2, ItemState.Succeeded, true)]
    public void A_later_run_counts_and_of_one_run_its_first_end(int knownRun, object known, int run, object state, bool isNewer) =>
        Assert.Equal(isNewer, new ItemEnd(7, run, (ItemState)state).IsNewerThan(new ItemEnd(7, knownRun, (ItemState)known)));

    [Fact]
    public void A_shard_reads_as_it_was_written()
    {
        ItemEnd[] ends = [new(9_999, 0, ItemState.Succeeded), new(0, 3, ItemState.Pending), new(4_711, 65_535, ItemState.Refused)];
        var shard = BatchShard.Empty(31).With(ends)!;
        var row = shard.ToRow("batch");
        row.ETag = new ETag("1");
        var read = BatchShard.Of(row);
        Assert.Equal((31, 15), (read.Number, row.GetBinary("Items")!.Length));
        Assert.Equal(ends.OrderBy(end => end.Index), read.Ends);
        Assert.Null(read.With(ends));
        Assert.Equal(2, read.EndedBelow(10_000));
        Assert.Equal(1, read.EndedBelow(9_999));
    }
}
