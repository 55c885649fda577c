using System.Text;
using System.Text.Json;
using Azure.Messaging.ServiceBus;
using Weir;
using Weir.DeadLetters;
using Weir.Execution;
using Weir.Lanes;
using Weir.Receipts;

namespace Unit.Tests.DeadLetters;

/// <summary>What dies without Weir having decided it, and what was never a job at all.</summary>
public sealed class DeadLetterCollectorTests
{
    [Fact]
    public async Task A_message_that_is_no_job_is_kept_whole_and_can_only_be_discarded()
    {
        await using var weir = await WeirInMemory.StartAsync();
        var foreign = new ServiceBusMessage("not { json") { MessageId = "m-1", SessionId = "s", Subject = "their.type", ApplicationProperties = { ["number"] = 7, ["bytes"] = "x" } };
        await weir.Bus.CreateSender(QueueNames.Default).SendMessageAsync(foreign);
        var dead = await weir.DieAsync(DeadLetterReason.Poison);

        Assert.True(await weir.CollectAsync(dead));
        Assert.True(await weir.CollectAsync(dead)); // delivered again: the same row

        var entry = Assert.Single(await weir.ListAsync());
        Assert.Equal((true, "poison", "their.type", "m-1", DeadLetterState.Open), (entry.Foreign, entry.Reason, entry.Type, entry.MessageId, entry.State));
        var found = await weir.Desk.FindAsync(entry.Id, CancellationToken.None);
        Assert.Equal("not { json", Encoding.UTF8.GetString(found!.Payload.Span));
        var properties = JsonElement.Parse(found.ForeignProperties.Span);
        Assert.Equal("7", properties.GetProperty("applicationProperties").GetProperty("number").GetString());
        Assert.Equal("as the test wants it", properties.GetProperty("deadLetterErrorDescription").GetString());

        Assert.IsType<ReplayAnswer.NotReplayable>(await weir.Desk.ReplayAsync(entry.Id, null, weir.Ada, CancellationToken.None));
        Assert.IsType<DiscardAnswer.Discarded>(await weir.Desk.DiscardAsync(entry.Id, weir.Ada, CancellationToken.None));
        Assert.IsType<DiscardAnswer.Discarded>(await weir.Desk.DiscardAsync(entry.Id, weir.Ada with { By = "bob" }, CancellationToken.None));
        Assert.True(await weir.CollectAsync(dead)); // even now, a delivery that comes late undoes nothing
        entry = Assert.Single(await weir.ListAsync());
        Assert.Equal((DeadLetterState.Discarded, "ada"), (entry.State, entry.Handled?.By));
    }

    [Fact]
    public async Task A_job_whose_receipt_is_gone_is_kept_as_poison()
    {
        await using var weir = await WeirInMemory.StartAsync();
        var id = await weir.SubmitAsync();
        await weir.Tables.GetTableClient(ReceiptTable.Name).DeleteEntityAsync(id, ReceiptTable.ReceiptRow);
        Assert.True(await weir.CollectAsync(await weir.DieAsync(DeadLetterReason.Poison)));

        var entry = Assert.Single(await weir.ListAsync());
        Assert.Equal((true, "sample"), (entry.Foreign, entry.Type));
        Assert.NotEqual(id, entry.Id);
    }

    [Fact]
    public async Task A_job_delivered_too_often_ends_as_a_dead_letter_and_can_be_replayed_at_once()
    {
        await using var weir = await WeirInMemory.StartAsync();
        var id = await weir.SubmitAsync();
        var dead = await weir.DieAsync();
        Assert.True(await weir.CollectAsync(dead));

        var receipt = await weir.ReceiptAsync(id);
        Assert.Equal((JobState.DeadLettered, "maxDeliveries", true), (receipt.State, receipt.DeadLetterReason, receipt.IsCollected));
        var entry = Assert.Single(await weir.ListAsync());
        Assert.Equal((id, "maxDeliveries", "MaxDeliveryCountExceeded"), (entry.Id, entry.Reason, entry.Error?.Type));
        Assert.Equal("""{"user":"ada"}""", Encoding.UTF8.GetString(await weir.Receipts.ReadPayloadAsync(id, CancellationToken.None)));

        // No attempt was ever claimed, so the run's first message has the number of the one that died: the broker must not drop it.
        var queued = Assert.IsType<ReplayAnswer.Queued>(await weir.Desk.ReplayAsync(id, null, weir.Ada, CancellationToken.None));
        Assert.True(queued.Started);
        var (_, message) = await weir.ReceiveAsync();
        var run = JobMessage.Of(message)!;
        Assert.Equal((id, 1, 1, queued.Receipt.ETag), (run.JobId, run.Attempt, run.Replays, run.ReceiptETag));
        Assert.Equal((DeadLetterState.Replayed, "ada"), (Assert.Single(await weir.ListAsync()) is var one ? (one.State, one.Handled?.By) : default));
        Assert.True(await weir.CollectAsync(dead)); // the old death, delivered late: it concerns nobody any more
        Assert.Equal(JobState.Queued, (await weir.ReceiptAsync(id)).State);
        Assert.Equal(DeadLetterState.Replayed, Assert.Single(await weir.ListAsync()).State);
    }

    [Fact]
    public async Task A_message_that_expired_in_the_queue_is_an_expired_dead_letter()
    {
        await using var weir = await WeirInMemory.StartAsync();
        var id = await weir.SubmitAsync();
        Assert.True(await weir.CollectAsync(await weir.DieAsync("TTLExpiredException")));
        Assert.Equal((JobState.DeadLettered, "expired"), (await weir.ReceiptAsync(id) is var receipt ? (receipt.State, receipt.DeadLetterReason) : default));
    }

    [Fact]
    public async Task A_payload_that_was_damaged_on_its_way_is_kept_and_replayed_only_when_mended()
    {
        await using var weir = await WeirInMemory.StartAsync();
        var id = await weir.SubmitAsync();
        var (session, message) = await weir.ReceiveAsync();
        var damaged = JobMessage.Of(message)! with { Body = "{\"user\":\"eve\"}"u8.ToArray(), PutOffs = 1 };
        await session.CompleteMessageAsync(message);
        await session.CloseAsync();
        await weir.Bus.CreateSender(QueueNames.Default).SendMessageAsync(damaged.ToServiceBus());
        Assert.True(await weir.CollectAsync(await weir.DieAsync(DeadLetterReason.Poison)));

        var entry = Assert.Single(await weir.ListAsync());
        Assert.Equal((id, "poison", true), (entry.Id, entry.Reason, entry.PayloadDamaged));
        Assert.IsType<ReplayAnswer.NotReplayable>(await weir.Desk.ReplayAsync(id, null, weir.Ada, CancellationToken.None));
        Assert.IsType<ReplayAnswer.BrokenContract>(await weir.Desk.ReplayAsync(id, JsonElement.Parse("""{"user": 7}"""), weir.Ada, CancellationToken.None));
        Assert.IsType<ReplayAnswer.Queued>(await weir.Desk.ReplayAsync(id, JsonElement.Parse("""{"user": "ada"}"""), weir.Ada, CancellationToken.None));
    }

    [Fact]
    public async Task While_somebody_runs_the_job_its_dead_copy_waits_and_then_the_attempt_is_lost()
    {
        await using var weir = await WeirInMemory.StartAsync();
        var id = await weir.SubmitAsync();
        var dead = await weir.DieAsync();
        var receipt = await weir.ReceiptAsync(id);
        var now = weir.Clock.GetUtcNow();
        Assert.NotNull(await weir.Receipts.ClaimAsync(id, receipt.ETag, new Attempt(1, "another", now, now.AddSeconds(20)), CancellationToken.None));

        Assert.False(await weir.CollectAsync(dead));
        Assert.Equal(JobState.Running, (await weir.ReceiptAsync(id)).State);
        weir.Clock.Advance(TimeSpan.FromSeconds(30));
        Assert.True(await weir.CollectAsync(dead));

        var job = await weir.Receipts.ReadAsync(id, CancellationToken.None);
        Assert.Equal((JobState.DeadLettered, "maxDeliveries"), (job!.Receipt.State, job.Receipt.DeadLetterReason));
        Assert.Equal(AttemptOutcome.WorkerLost, Assert.Single(job.Attempts).Outcome);
        Assert.Equal(1, Assert.Single(await weir.ListAsync()).Attempts);
    }

    [Fact]
    public async Task A_dead_copy_of_a_job_that_ended_well_is_forgotten()
    {
        await using var weir = await WeirInMemory.StartAsync();
        var id = await weir.SubmitAsync();
        var dead = await weir.DieAsync();
        var now = weir.Clock.GetUtcNow();
        var succeeded = new AttemptRecord(1, now, now, "another", AttemptOutcome.Succeeded, Error: null);
        await weir.Receipts.SucceedAsync(id, (await weir.ReceiptAsync(id)).ETag, succeeded, default, [], progress: null, CancellationToken.None);

        Assert.True(await weir.CollectAsync(dead));
        Assert.Empty(await weir.ListAsync());
        Assert.Equal(JobState.Succeeded, (await weir.ReceiptAsync(id)).State);
    }

    [Fact]
    public async Task While_the_catalogue_is_away_the_message_waits_with_growing_pauses_and_is_not_lost()
    {
        await using var weir = await WeirInMemory.StartAsync();
        await weir.SubmitAsync();
        var dead = await weir.DieAsync(DeadLetterReason.Poison);
        await weir.Tables.GetTableClient("DeadLetters").DeleteAsync();

        var began = weir.Clock.GetUtcNow();
        var collecting = weir.Get<DeadLetterCollector>().CollectAsync(dead, Queue.Default, CancellationToken.None);
        for (var steps = 0; !collecting.IsCompleted && steps < 10_000; steps++)
        {
            weir.Clock.Advance(TimeSpan.FromMilliseconds(50));
            await Task.Delay(1);
        }
        Assert.False(await collecting);
        // Five pauses of 0.25 to 0.5 s, doubling: whoever looped hot would not have let the clock go on.
        Assert.InRange(weir.Clock.GetUtcNow() - began, TimeSpan.FromSeconds(7.75), TimeSpan.FromMinutes(5));

        await weir.Catalogue.CreateIfMissingAsync(CancellationToken.None);
        Assert.True(await weir.CollectAsync(dead));
        Assert.Single(await weir.ListAsync());
    }

    [Fact]
    public async Task A_stop_ends_the_waiting_at_once()
    {
        await using var weir = await WeirInMemory.StartAsync();
        await weir.SubmitAsync();
        var dead = await weir.DieAsync(DeadLetterReason.Poison);
        await weir.Tables.GetTableClient("DeadLetters").DeleteAsync();
        using var stopping = new CancellationTokenSource();
        var collecting = weir.Get<DeadLetterCollector>().CollectAsync(dead, Queue.Default, stopping.Token);
        Assert.False(collecting.IsCompleted);
        await stopping.CancelAsync();
        Assert.False(await collecting.WaitAsync(TimeSpan.FromSeconds(20)));
    }
}
