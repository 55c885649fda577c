using System.Text.Json;
using Weir;
using Weir.Cancellation;
using Weir.Execution;
using Weir.Receipts;
using Weir.Submission;

namespace Unit.Tests.Cancellation;

/// <summary>Cancellations that come at the worst moment.</summary>
public sealed class CancelRaceTests
{
    public sealed record Step(string Ends);

    /// <summary>Is asked to stop while it runs, by somebody whom its process does not hear, and goes on.</summary>
    [Job("asked", Retry = "quick")]
    public sealed class Asked(IServiceProvider services) : IJobHandler<Step>
    {
        public static int Starts { get; set; }

        public static CancellationTokenSource? Stopping { get; set; }

        public async Task<object?> RunAsync(Step job, JobContext context, CancellationToken cancellation)
        {
            Starts++;
            var receipts = (ReceiptTable)services.GetService(typeof(ReceiptTable))!;
            var receipt = await receipts.FindAsync(context.Id, cancellation);
            Assert.NotNull(await receipts.RequestCancelAsync(context.Id, receipt!.ETag, context.Attempt, context.Clock.GetUtcNow(), new CancelRequest("asked"), cancellation));
            if (job.Ends == "interrupted")
                await Stopping!.CancelAsync();
            return job.Ends switch
            {
                "failed" => throw new TransientException("as it was told to"),
                "interrupted" => throw new OperationCanceledException(),
                _ => null,
            };
        }
    }

    [Job("asked.strict", Retry = "quick", Ordering = Ordering.Strict)]
    public sealed class AskedInOrder(IServiceProvider services) : IJobHandler<Step>
    {
        public Task<object?> RunAsync(Step job, JobContext context, CancellationToken cancellation) => new Asked(services).RunAsync(job, context, cancellation);
    }

    [Fact]
    public async Task A_failure_after_it_is_on_record_and_no_attempt_follows()
    {
        await using var weir = await WeirInMemory.StartAsync(typeof(Asked));
        Asked.Starts = 0;
        var id = await weir.SubmitAsync("asked", new Step("failed"));
        await weir.RunAllAsync(TimeSpan.FromSeconds(10));
        var job = await weir.JobAsync(id);
        Assert.Equal((JobState.Cancelled, "asked", AttemptOutcome.Failed, 1), (job.Receipt.State, job.Receipt.CancelReason, Assert.Single(job.Attempts).Outcome, Asked.Starts));
    }

    [Fact]
    public async Task A_failure_in_strict_order_after_it_is_on_record_and_no_attempt_follows()
    {
        await using var weir = await WeirInMemory.StartAsync(typeof(AskedInOrder));
        Asked.Starts = 0;
        var request = new SubmitRequest("asked.strict", JsonSerializer.SerializeToElement(new Step("failed"), JsonSerializerOptions.Web)) { OrderingKey = "key" };
        var id = Assert.IsType<Submitted.Accepted>(await weir.Get<JobSubmission>().SubmitAsync(request, "default", null, CancellationToken.None)).JobId;
        await weir.RunAllAsync(TimeSpan.FromSeconds(10));
        Assert.Equal((JobState.Cancelled, 1), ((await weir.JobAsync(id)).Receipt.State, Asked.Starts));
    }

    [Fact]
    public async Task A_success_after_it_counts()
    {
        await using var weir = await WeirInMemory.StartAsync(typeof(Asked));
        var id = await weir.SubmitAsync("asked", new Step("succeeded"));
        await weir.RunAllAsync(TimeSpan.FromSeconds(1));
        Assert.Equal(JobState.Succeeded, (await weir.JobAsync(id)).Receipt.State);
    }

    [Fact]
    public async Task A_job_handed_back_after_it_is_not_taken_again()
    {
        await using var weir = await WeirInMemory.StartAsync(typeof(Asked));
        Asked.Starts = 0;
        var id = await weir.SubmitAsync("asked", new Step("interrupted"));
        var received = (await weir.ReceiveAsync())!;
        using var stopping = new CancellationTokenSource();
        Asked.Stopping = stopping;
        Assert.IsType<Settlement.HandBack>(await weir.Runner.RunAsync(received.Message, Queue.Default, stopping.Token));
        await received.DisposeAsync();

        await weir.RunAllAsync(TimeSpan.FromSeconds(10));
        Assert.Equal((JobState.Cancelled, 1), ((await weir.JobAsync(id)).Receipt.State, Asked.Starts));
    }

    [Fact]
    public async Task What_was_asked_of_an_earlier_run_says_nothing_about_a_replay()
    {
        await using var weir = await WeirInMemory.StartAsync(typeof(Asked));
        var id = await weir.SubmitAsync("asked", new Step("succeeded"));
        await weir.RunAllAsync(TimeSpan.FromSeconds(1));
        var before = (await weir.JobAsync(id)).Receipt;
        Assert.NotNull(before.CancelRequestedAt);
        var row = new Azure.Data.Tables.TableEntity(id, ReceiptTable.ReceiptRow) { [Receipt.Column.EarlierAttempts] = before.Attempt };
        await weir.Get<Azure.Data.Tables.TableServiceClient>().GetTableClient(ReceiptTable.Name).UpdateEntityAsync(row, before.ETag);
        Assert.Null((await weir.JobAsync(id)).Receipt.CancelRequestedAt);
    }

    [Fact]
    public async Task A_notice_reaches_the_attempt_it_means_and_no_other()
    {
        await using var weir = await WeirInMemory.StartAsync(typeof(Asked));
        var notices = weir.Get<CancelNotices>();
        await notices.AddAsync("one", 3, CancellationToken.None);
        weir.Clock.Advance(TimeSpan.FromMinutes(5));
        await notices.AddAsync("other", null, CancellationToken.None);
        var now = weir.Clock.GetUtcNow();
        Assert.Equal([("other", (int?)null)], await notices.SinceAsync(now - TimeSpan.FromSeconds(30), CancellationToken.None));
        Assert.Equal([("one", (int?)3), ("other", null)], await notices.SinceAsync(now - TimeSpan.FromMinutes(6), CancellationToken.None));

        weir.Clock.Advance(TimeSpan.FromMinutes(6));
        await notices.AddAsync("third", 1, CancellationToken.None);
        Assert.Equal(["other", "third"], (await notices.SinceAsync(now - TimeSpan.FromHours(1), CancellationToken.None)).Select(notice => notice.JobId));
    }
}
