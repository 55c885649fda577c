using System.Text.Json;
using Azure.Data.Tables;
using Unit.Tests.Execution;
using Weir;
using Weir.Batches;
using Weir.Execution;
using Weir.Receipts;
using Weir.Submission;
using static Weir.Batches.Batch;

namespace Unit.Tests.Batches;

/// <summary>What happens to the items of a batch, one message at a time.</summary>
public sealed class BatchLifeTests
{
    [Fact]
    public async Task An_item_costs_a_simple_job_and_one_operation_when_no_other_ends_with_it()
    {
        const int Items = 100;
        await using var weir = await WeirInMemory.StartAsync(typeof(Plain));
        var (tables, bus) = (Total(weir), weir.BusOperations);
        var batch = await SubmitAsync(weir, "batch.plain", Items);
        var submitted = Total(weir) - tables - Items; // besides the receipts
        Assert.InRange(submitted, 1, 10);
        Assert.Equal(Items, weir.BusOperations.GetValueOrDefault("Send") - bus.GetValueOrDefault("Send"));

        tables = Total(weir);
        await RunAsync(weir, Items);
        // Two for each job, its claim and its outcome, and the count; for the batch as a whole a handful. These tables answer at once, so no two ends meet.
        Assert.InRange(Total(weir) - tables - 2 * Items, 1, Items + 15);
        Assert.True((await ReadAsync(weir, batch)).IsOver);
    }

    [Fact]
    public async Task Items_of_a_paused_batch_are_held_and_burn_no_attempt()
    {
        await using var weir = await WeirInMemory.StartAsync(typeof(Plain));
        var batch = await SubmitAsync(weir, "batch.plain", 5);
        await weir.Get<BatchControls>().PauseAsync(batch, CancellationToken.None);
        await weir.RunAllAsync(TimeSpan.FromSeconds(30));
        foreach (var job in await JobsAsync(weir, batch, 5))
            Assert.Equal((JobState.Held, 0, 0), (job.Receipt.State, job.Receipt.Attempt, job.Attempts.Count));
        Assert.Null(await weir.ReceiveAsync());

        await weir.Get<BatchControls>().ResumeAsync(batch, CancellationToken.None);
        await weir.RunAllAsync(TimeSpan.FromSeconds(5));
        foreach (var job in await JobsAsync(weir, batch, 5))
            Assert.Equal((JobState.Succeeded, 1), (job.Receipt.State, job.Attempts.Count));
        Assert.Equal(5, (await ReadAsync(weir, batch)).Of(ItemState.Succeeded));
    }

    [Fact]
    public async Task A_batch_can_be_paused_and_resumed_again_and_again()
    {
        await using var weir = await WeirInMemory.StartAsync(typeof(Plain));
        var batch = await SubmitAsync(weir, "batch.plain", 3);
        for (var round = 0; round < 3; round++)
        {
            await weir.Get<BatchControls>().PauseAsync(batch, CancellationToken.None);
            await weir.RunAllAsync(TimeSpan.FromSeconds(3));
            Assert.All(await JobsAsync(weir, batch, 3), job => Assert.Equal(JobState.Held, job.Receipt.State));
            await weir.Get<BatchControls>().ResumeAsync(batch, CancellationToken.None);
        }
        await weir.RunAllAsync(TimeSpan.FromSeconds(3));
        Assert.All(await JobsAsync(weir, batch, 3), job => Assert.Equal((JobState.Succeeded, 1), (job.Receipt.State, job.Attempts.Count)));
    }

    [Fact]
    public async Task An_item_that_is_held_while_its_batch_is_resumed_elsewhere_sees_it_for_itself()
    {
        await using var weir = await WeirInMemory.StartAsync(typeof(Plain));
        await using var other = await weir.JoinAsync(typeof(Plain));
        var batch = await SubmitAsync(weir, "batch.plain", 2);
        await weir.Get<BatchControls>().PauseAsync(batch, CancellationToken.None);
        await weir.RunNextAsync(); // this instance has seen the pause
        await other.Get<BatchControls>().ResumeAsync(batch, CancellationToken.None);
        await weir.RunNextAsync(); // and believes it still, within its second
        await weir.RunAllAsync(TimeSpan.FromSeconds(3));
        Assert.All(await JobsAsync(weir, batch, 2), job => Assert.Equal((JobState.Succeeded, 1), (job.Receipt.State, job.Attempts.Count)));
    }

    [Fact]
    public async Task A_release_that_was_cut_off_is_gone_on_with_by_the_sweep()
    {
        await using var weir = await WeirInMemory.StartAsync(typeof(Plain));
        var batch = await SubmitAsync(weir, "batch.plain", 4);
        await weir.Get<BatchControls>().PauseAsync(batch, CancellationToken.None);
        await weir.RunAllAsync(TimeSpan.FromSeconds(3));

        // What a resume writes first; and one item whose receipt was released, and whose message was not sent.
        await weir.Get<BatchTable>().ChangeAsync(batch, _ => new() { [Column.Paused] = false, [Column.Releasing] = true }, CancellationToken.None);
        var half = (await JobsAsync(weir, batch, 4))[2].Receipt;
        await weir.Get<ReceiptTable>().ReleaseHeldAsync(half.Id, half.ETag, CancellationToken.None);
        Assert.Null(await weir.ReceiveAsync());

        await weir.Get<BatchSweep>().RunAsync(CancellationToken.None);
        await weir.RunAllAsync(TimeSpan.FromSeconds(3));
        Assert.All(await JobsAsync(weir, batch, 4), job => Assert.Equal(JobState.Succeeded, job.Receipt.State));
        Assert.False((await ReadAsync(weir, batch)).Batch.IsReleasing);
        await weir.Get<BatchSweep>().RunAsync(CancellationToken.None);
        Assert.Empty(await weir.Get<BatchTable>().ReadOpenAsync("", 10, CancellationToken.None));
    }

    [Fact]
    public async Task A_cancelled_batch_ends_what_has_not_begun_and_an_item_that_comes_back_later()
    {
        await using var weir = await WeirInMemory.StartAsync(typeof(Plain));
        var batch = await SubmitAsync(weir, "batch.plain", 6);
        await weir.RunNextAsync();
        // Only what the row says: the request died right after it.
        await weir.Get<BatchTable>().ChangeAsync(batch, _ => new() { [Column.CancelledAt] = weir.Clock.GetUtcNow(), [Column.CancelledBy] = "ada" }, CancellationToken.None);
        weir.Clock.Advance(TimeSpan.FromSeconds(2));
        await weir.RunNextAsync();
        Assert.Equal(1, (await ReadAsync(weir, batch)).Of(ItemState.Cancelled));

        await weir.Get<BatchSweep>().RunAsync(CancellationToken.None);
        var standing = await ReadAsync(weir, batch);
        Assert.Equal((1, 5, true), (standing.Of(ItemState.Succeeded), standing.Of(ItemState.Cancelled), standing.IsOver));
        Assert.Equal("ada", (await JobsAsync(weir, batch, 6)).First(job => job.Receipt.State == JobState.Cancelled).Receipt.CancelledBy);
    }

    [Fact]
    public async Task An_end_that_was_never_counted_is_found_by_the_sweep()
    {
        await using var weir = await WeirInMemory.StartAsync(typeof(Plain));
        var batch = await SubmitAsync(weir, "batch.plain", 3);
        await weir.RunNextAsync();
        // Ended on its receipt alone, as by an instance that died then, with no message to bring it back.
        var lost = (await JobsAsync(weir, batch, 3)).First(job => !job.Receipt.State.IsFinal()).Receipt;
        await weir.Get<ReceiptTable>().CancelAsync(lost.Id, lost.ETag, weir.Clock.GetUtcNow(), new CancelRequest(), lost: null, CancellationToken.None);
        await weir.Get<BatchSweep>().RunAsync(CancellationToken.None);
        Assert.Equal(0, (await ReadAsync(weir, batch)).Of(ItemState.Cancelled)); // its message may still come

        weir.Clock.Advance(TimeSpan.FromMinutes(11));
        await weir.Get<BatchSweep>().RunAsync(CancellationToken.None);
        Assert.Equal(1, (await ReadAsync(weir, batch)).Of(ItemState.Cancelled));
    }

    [Fact]
    public async Task A_batch_goes_with_the_retention_and_one_that_runs_stays()
    {
        await using var weir = await WeirInMemory.StartAsync(typeof(Plain));
        var done = await SubmitAsync(weir, "batch.plain", 2);
        await weir.RunAllAsync(TimeSpan.FromSeconds(1));
        var open = await SubmitAsync(weir, "batch.plain", 2);
        weir.Clock.Jump(TimeSpan.FromDays(15));
        await weir.Get<BatchSweep>().RunAsync(CancellationToken.None);
        var table = weir.Get<BatchTable>();
        Assert.Null(await table.ReadAsync(done, CancellationToken.None));
        Assert.NotNull(await table.ReadAsync(open, CancellationToken.None));
        Assert.Equal([open], (await table.ListAsync("default", "", 10, CancellationToken.None)).Lines.Select(line => line.BatchId));
        Assert.Empty((await table.ListAsync("another", "", 10, CancellationToken.None)).Lines);
    }

    [Fact]
    public async Task A_request_that_breaks_off_without_a_key_leaves_nothing_running()
    {
        await using var weir = await WeirInMemory.StartAsync(typeof(Plain));
        await Assert.ThrowsAsync<TimeoutException>(() => weir.Get<BatchSubmission>().SubmitAsync(new BatchRequest("default", Key: null, null, null, 1_000), BrokenAsync(), CancellationToken.None));
        await weir.RunAllAsync(TimeSpan.FromSeconds(3));
        var line = Assert.Single((await weir.Get<BatchTable>().ListAsync(null, "", 10, CancellationToken.None)).Lines);
        Assert.Equal("interrupted", (await ReadAsync(weir, line.BatchId)).Batch.RefusedCode);
        Assert.All(await JobsAsync(weir, line.BatchId, 500), job => Assert.Equal(JobState.Cancelled, job.Receipt.State));
        await weir.Get<BatchSweep>().RunAsync(CancellationToken.None);
        Assert.Empty(await weir.Get<BatchTable>().ReadOpenAsync("", 10, CancellationToken.None));

        static async IAsyncEnumerable<BatchLine> BrokenAsync()
        {
            foreach (var line in Lines("batch.plain", 500))
                yield return line;
            await Task.CompletedTask;
            throw new TimeoutException("The client has gone.");
        }
    }

    private static IEnumerable<BatchLine> Lines(string type, int items) =>
        Enumerable.Range(0, items).Select(index => new BatchLine(index, "{}"u8.ToArray(), new SubmitRequest(type, JsonElement.Parse("{}")), Refusal: null));

    private static async Task<string> SubmitAsync(WeirInMemory weir, string type, int items)
    {
        var answer = await weir.Get<BatchSubmission>().SubmitAsync(new BatchRequest("default", Key: null, Name: null, CompletionType: null, Bytes: items * 10), Lines(type, items).ToAsyncEnumerable(), CancellationToken.None);
        return Assert.IsType<BatchAnswer.Accepted>(answer).Standing.Batch.Id;
    }

    private static async Task RunAsync(WeirInMemory weir, int items)
    {
        for (var run = 0; run < items; run++)
            Assert.IsType<Settlement.Complete>(await weir.RunNextAsync());
    }

    private static async Task<BatchStanding> ReadAsync(WeirInMemory weir, string batch) => (await weir.Get<BatchTable>().ReadAsync(batch, CancellationToken.None))!;

    private static async Task<JobRecord[]> JobsAsync(WeirInMemory weir, string batch, int items) =>
        await Task.WhenAll(Enumerable.Range(0, items).Select(index => weir.JobAsync(new BatchItem(batch, index).JobIdIn("default"))));

    private static long Total(WeirInMemory weir) => weir.Get<TableServiceClient>().Operations.Snapshot().Values.Sum();

    [Job("batch.plain")]
    public sealed class Plain : IJobHandler<Nothing>
    {
        public Task<object?> RunAsync(Nothing job, JobContext context, CancellationToken cancellation) => Task.FromResult<object?>(null);
    }
}
