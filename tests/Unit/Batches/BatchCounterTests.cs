using Azure;
using Weir.Batches;

namespace Unit.Tests.Batches;

public sealed class BatchCounterTests
{
    [Fact]
    public void Whatever_comes_twice_late_or_in_between_a_death_the_counts_are_exact_and_the_completion_job_comes_once()
    {
        for (var seed = 1; seed <= 40; seed++)
        {
            using var world = new CountingWorld(seed);
            world.Run();
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
