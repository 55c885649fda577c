using System.Text.Json;
using Weir;
using Weir.Submission;

namespace Unit.Tests.Execution;

public sealed class ExpiryInPlaceTests
{
    [Fact]
    public async Task A_job_in_strict_order_that_expires_during_an_attempt_is_not_tried_again_in_its_lane()
    {
        await using var weir = await WeirInMemory.StartAsync(typeof(SlowFailure));
        (SlowFailure.Starts, SlowFailure.TakesTime) = (0, () => weir.Clock.Advance(TimeSpan.FromSeconds(2)));
        var request = new SubmitRequest("slow.failure", JsonSerializer.SerializeToElement(new { })) { OrderingKey = "key", Timing = new Timing(null, null, ExpiresIn: TimeSpan.FromSeconds(1)) };
        var submitted = await weir.Get<JobSubmission>().SubmitAsync(request, "default", null, CancellationToken.None);

        await weir.RunNextAsync();

        var job = await weir.JobAsync(Assert.IsType<Submitted.Accepted>(submitted).JobId);
        Assert.Equal((JobState.Expired, 1), (job.Receipt.State, SlowFailure.Starts));
    }

    public sealed record SlowRequest;

    [Job("slow.failure", Ordering = Ordering.Strict)]
    internal sealed class SlowFailure : IJobHandler<SlowRequest>
    {
        public static int Starts { get; set; }

        public static Action TakesTime { get; set; } = () => { };

        public Task<object?> RunAsync(SlowRequest job, JobContext context, CancellationToken cancellation)
        {
            Starts++;
            TakesTime();
            throw new TransientException("later", TimeSpan.Zero);
        }
    }
}
