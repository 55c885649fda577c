using System.Text.Json;
using Azure.Messaging.ServiceBus;
using Weir;
using Weir.DeadLetters;
using Weir.Execution;
using Weir.Lanes;
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

    [Fact]
    public async Task A_copy_of_a_message_that_is_left_over_from_before_a_replay_does_not_expire_the_replay()
    {
        await using var weir = await WeirInMemory.StartAsync(typeof(SlowFailure));
        var request = new SubmitRequest("slow.failure", JsonSerializer.SerializeToElement(new { })) { Timing = new Timing(null, null, ExpiresIn: TimeSpan.FromSeconds(1)) };
        var id = Assert.IsType<Submitted.Accepted>(await weir.Get<JobSubmission>().SubmitAsync(request, "default", null, CancellationToken.None)).JobId;
        await using var received = (await weir.ReceiveAsync())!;
        var message = received.Message;
        weir.Clock.Advance(TimeSpan.FromSeconds(2));
        await received.SettleAsync(await weir.Runner.RunAsync(message, Queue.Default, CancellationToken.None));
        Assert.Equal(JobState.Expired, (await weir.JobAsync(id)).Receipt.State);
        await using var dead = weir.Get<ServiceBusClient>().CreateReceiver(QueueNames.Default, new ServiceBusReceiverOptions { SubQueue = SubQueue.DeadLetter });
        await weir.Get<DeadLetterCollector>().CollectAsync((await dead.ReceiveMessageAsync())!, Queue.Default, CancellationToken.None);
        Assert.IsType<ReplayAnswer.Queued>(await weir.Get<DeadLetterDesk>().ReplayAsync(id, null, new Handling("ada", weir.Clock.GetUtcNow(), null), CancellationToken.None));

        Assert.Equal(Settlement.Completed, await weir.Runner.RunAsync(message, Queue.Default, CancellationToken.None));

        Assert.Equal(JobState.Queued, (await weir.JobAsync(id)).Receipt.State);
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
