using Azure;
using Azure.Data.Tables;
using Weir;
using Weir.Execution;
using Weir.Lanes;
using Weir.Receipts;

namespace Unit.Tests.Execution;

/// <summary>A message whose job is not there, or cannot be read, comes to an end.</summary>
public sealed class UnreadableJobTests
{
    [Fact]
    public async Task A_job_without_a_receipt_is_poison_at_once()
    {
        await using var weir = await WeirInMemory.StartAsync(typeof(ReadWell));
        var id = await weir.SubmitAsync("read.well", new { });
        await weir.Get<TableServiceClient>().GetTableClient(ReceiptTable.Name).DeleteEntityAsync(id, ReceiptTable.ReceiptRow);

        Assert.Equal(DeadLetterReason.Poison, Assert.IsType<Settlement.DeadLetter>(await weir.RunNextAsync()).Reason);
    }

    [Fact]
    public async Task A_receipt_that_cannot_be_read_is_tried_three_times_more_and_is_poison_then()
    {
        await using var weir = await WeirInMemory.StartAsync(typeof(ReadWell));
        var id = await weir.SubmitAsync("read.well", new { });
        await weir.Get<TableServiceClient>().GetTableClient(ReceiptTable.Name).UpdateEntityAsync(new TableEntity(id, ReceiptTable.ReceiptRow) { ["State"] = "nonsense" }, ETag.All);

        for (var tries = 0; tries < 3; tries++)
        {
            Assert.IsType<Settlement.Complete>(await weir.RunNextAsync(), exactMatch: false);
            weir.Clock.Advance(TimeSpan.FromSeconds(11));
        }
        Assert.Equal(DeadLetterReason.Poison, Assert.IsType<Settlement.DeadLetter>(await weir.RunNextAsync()).Reason);
        weir.Clock.Advance(TimeSpan.FromHours(1));
        Assert.Null(await weir.RunNextAsync());
    }

    [Theory]
    [InlineData("no.such.type", 1)]
    [InlineData("read.well", 99)]
    public async Task A_message_for_a_newer_build_whose_job_has_ended_does_not_wait_for_one(string type, int version)
    {
        await using var weir = await WeirInMemory.StartAsync(typeof(ReadWell));
        var id = await weir.SubmitAsync("read.well", new { });
        var received = await weir.ReceiveAsync();
        var ours = JobMessage.Of(received!.Message)!;
        await received.SettleAsync(await weir.Runner.RunAsync(received.Message, Queue.Default, CancellationToken.None));
        await received.DisposeAsync();
        Assert.Equal(JobState.Succeeded, (await weir.JobAsync(id)).Receipt.State);

        await weir.Get<JobQueues>().SendAsync(Queue.Default, ours with { Type = type, Version = version, PutOffs = 1 }, CancellationToken.None);
        Assert.IsType<Settlement.Complete>(await weir.RunNextAsync(), exactMatch: false);
        weir.Clock.Advance(TimeSpan.FromHours(1));
        Assert.Null(await weir.RunNextAsync());
    }

    public sealed record Nothing;

    [Job("read.well", Owner = "tests")]
    public sealed class ReadWell : IJobHandler<Nothing>
    {
        public Task<object?> RunAsync(Nothing job, JobContext context, CancellationToken cancellation) => Task.FromResult<object?>(null);
    }
}
