using Azure;
using Azure.Data.Tables;
using Weir;
using Weir.Cancellation;
using Weir.Completion;
using Weir.DeadLetters;
using Weir.Execution;
using Weir.Receipts;
using Weir.Reconciliation;
using Weir.Submission;
using Weir.Uniqueness;
using static Unit.Tests.Reconciliation.ReconciledWorld;

namespace Unit.Tests.Reconciliation;

/// <summary>Each way in which a job can be left with nothing that would bring it on: broken on purpose, and found.</summary>
public sealed class ForgottenJobTests
{
    [Fact]
    public async Task A_submission_cut_off_before_its_message_is_sent()
    {
        await using var world = await StartAsync();
        var dying = await world.JoinAsync(KillPoints.AfterReceipt);
        await Assert.ThrowsAsync<KilledException>(() => world.SubmitAsync(Request(new("ada")), dying));
        Assert.Empty(await world.MessagesAsync());

        Assert.Equal([(FindingKind.MessageMissing, FindingRepair.Resent)], (await world.HealAsync()).Select(one => (one.Kind, one.Repair)));
        Assert.Equal(JobState.Succeeded, Assert.Single(await world.ReceiptsAsync()).State);
        Assert.Equal(["ada"], world.Starts.Names);
        Assert.Empty(await world.HealAsync());
    }

    [Theory]
    [InlineData(40_000)] // beside the receipt, and in the message
    [InlineData(300_000)] // beside the receipt only
    public async Task A_large_payload_is_there_for_the_second_message(int bytes)
    {
        await using var world = await StartAsync();
        var id = await world.SubmitAsync(Request(new(new string('x', bytes))));
        await world.LoseMessagesAsync();
        Assert.Single(await world.HealAsync());
        Assert.Equal(JobState.Succeeded, (await world.ReceiptAsync(id)).State);
        Assert.Equal(bytes, Assert.Single(world.Starts.Names).Length);
    }

    [Fact]
    public async Task A_bulk_cut_off_before_its_messages_are_sent()
    {
        await using var world = await StartAsync();
        var dying = await world.JoinAsync(KillPoints.AfterReceipt);
        var items = Enumerable.Range(0, 5).Select(number => new BulkItem(Request(new($"{number}")), IdempotencyKey: null)).ToArray();
        await Assert.ThrowsAsync<KilledException>(() => dying.Get<BulkSubmission>().SubmitAsync(items, "default", CancellationToken.None));

        var written = (await world.ReceiptsAsync()).Count;
        Assert.Equal(written, (await world.HealAsync()).Count);
        Assert.All(await world.ReceiptsAsync(), receipt => Assert.Equal(JobState.Succeeded, receipt.State));
        Assert.Equal(written, world.Starts.Names.Distinct().Count());
    }

    [Fact]
    public async Task A_replay_cut_off_before_its_message_is_sent()
    {
        await using var world = await StartAsync();
        var id = await world.SubmitAsync(Request(new("ada", Permanent: 1)));
        await world.Weir.RunAllAsync(TimeSpan.FromSeconds(1));
        await world.CollectAsync();
        var dying = await world.JoinAsync(KillPoints.AfterReplayRecorded);
        var how = new Handling("ada", world.Clock.GetUtcNow(), "it is mended");
        await Assert.ThrowsAsync<KilledException>(() => dying.Get<DeadLetterDesk>().ReplayAsync(id, null, how, CancellationToken.None));

        Assert.Equal(FindingKind.MessageMissing, Assert.Single(await world.HealAsync()).Kind);
        var job = await world.Weir.JobAsync(id);
        Assert.Equal((JobState.Succeeded, 2), (job.Receipt.State, job.Receipt.Attempt));
        Assert.Equal(DeadLetterState.Replayed, Assert.Single(await world.CatalogueAsync()).State);
    }

    [Fact]
    public async Task A_replay_cut_off_after_its_message_is_sent_leaves_no_open_dead_letter()
    {
        await using var world = await StartAsync();
        var id = await world.SubmitAsync(Request(new("ada", Permanent: 1)));
        await world.Weir.RunAllAsync(TimeSpan.FromSeconds(1));
        await world.CollectAsync();
        var dying = await world.JoinAsync(KillPoints.AfterReplaySent);
        var how = new Handling("ada", world.Clock.GetUtcNow(), "it is mended");
        await Assert.ThrowsAsync<KilledException>(() => dying.Get<DeadLetterDesk>().ReplayAsync(id, null, how, CancellationToken.None));

        await world.Weir.RunAllAsync(TimeSpan.FromSeconds(1));
        Assert.Equal(JobState.Succeeded, (await world.ReceiptAsync(id)).State);
        Assert.Equal(DeadLetterState.Replayed, Assert.Single(await world.CatalogueAsync()).State);
    }

    [Fact]
    public async Task A_queued_job_whose_message_is_lost()
    {
        await using var world = await StartAsync();
        var id = await world.SubmitAsync(Request(new("ada")));
        await world.LoseMessagesAsync();
        Assert.Single(await world.HealAsync());
        Assert.Equal((JobState.Succeeded, 1), ((await world.ReceiptAsync(id)).State, (await world.ReceiptAsync(id)).Attempt));
    }

    [Fact]
    public async Task A_scheduled_job_whose_message_is_lost_is_scheduled_again_long_before_its_time()
    {
        await using var world = await StartAsync();
        var at = world.Clock.GetUtcNow().AddHours(3);
        var id = await world.SubmitAsync(Request(new("ada")) with { Timing = Timing.None with { NotBefore = at } });
        await world.LoseMessagesAsync();
        Assert.Single(await world.HealAsync());
        Assert.Equal(JobState.Scheduled, (await world.ReceiptAsync(id)).State);
        Assert.Single(await world.MessagesAsync());

        world.Clock.Advance(at - world.Clock.GetUtcNow());
        await world.Weir.RunAllAsync(TimeSpan.FromSeconds(1));
        Assert.Equal(JobState.Succeeded, (await world.ReceiptAsync(id)).State);
    }

    [Fact]
    public async Task A_retrying_job_whose_message_is_lost()
    {
        await using var world = await StartAsync();
        var id = await world.SubmitAsync(Request(new("ada", Transient: 1)));
        await world.Weir.RunAllAsync(TimeSpan.FromSeconds(1));
        await world.LoseMessagesAsync();
        Assert.Single(await world.HealAsync());
        var job = await world.Weir.JobAsync(id);
        Assert.Equal([(1, AttemptOutcome.Failed), (2, AttemptOutcome.Succeeded)], job.Attempts.Select(one => (one.Number, one.Outcome)));
    }

    [Fact]
    public async Task A_running_job_whose_worker_and_message_are_lost()
    {
        await using var world = await StartAsync();
        var dying = await world.JoinAsync(KillPoints.InHandler);
        var id = await world.SubmitAsync(Request(new("ada")));
        await dying.RunNextAsync(); // claimed; its kill is taken for a store that is away, and the message put off
        Assert.Equal(JobState.Running, (await world.ReceiptAsync(id)).State);
        await world.LoseMessagesAsync();
        Assert.Single(await world.HealAsync());
        var job = await world.Weir.JobAsync(id);
        Assert.Equal([(1, AttemptOutcome.WorkerLost), (2, AttemptOutcome.Succeeded)], job.Attempts.Select(one => (one.Number, one.Outcome)));
    }

    [Fact]
    public async Task A_key_in_strict_order_whose_head_has_lost_its_message_goes_on_in_its_old_order()
    {
        await using var world = await StartAsync();
        foreach (var name in new[] { "1", "2", "3" })
            await world.SubmitAsync(Request(new(name, Transient: name == "1" ? 1 : 0), "reconciled.strict") with { OrderingKey = "key" });
        await world.Weir.RunAllAsync(TimeSpan.FromSeconds(1));
        Assert.Equal([JobState.Held, JobState.Held, JobState.Retrying], (await world.ReceiptsAsync()).Select(receipt => receipt.State).OrderBy(state => state.ToString(), StringComparer.Ordinal));

        await world.LoseMessagesAsync();
        Assert.Single(await world.HealAsync()); // the head only: the others have their hold
        Assert.Equal(["1", "1", "2", "3"], world.Starts.Names);
        Assert.All(await world.ReceiptsAsync(), receipt => Assert.Equal(JobState.Succeeded, receipt.State));
    }

    [Fact]
    public async Task Behind_a_dead_head_held_jobs_are_left_alone()
    {
        await using var world = await StartAsync();
        foreach (var name in new[] { "1", "2" })
            await world.SubmitAsync(Request(new(name, Permanent: name == "1" ? 1 : 0), "reconciled.strict") with { OrderingKey = "key" });
        await world.Weir.RunAllAsync(TimeSpan.FromSeconds(1));
        await world.CollectAsync();
        Assert.Empty(await world.HealAsync());
        Assert.Empty(await world.HealAsync());
        Assert.Contains(await world.ReceiptsAsync(), receipt => receipt.State == JobState.Held);
    }

    [Fact]
    public async Task Held_jobs_whose_head_is_gone_from_the_tables_run()
    {
        await using var world = await StartAsync();
        var first = await world.SubmitAsync(Request(new("1", Permanent: 1), "reconciled.strict") with { OrderingKey = "key" });
        foreach (var name in new[] { "2", "3" })
            await world.SubmitAsync(Request(new(name), "reconciled.strict") with { OrderingKey = "key" });
        await world.Weir.RunAllAsync(TimeSpan.FromSeconds(1));
        await world.CollectAsync();
        await world.Tables.GetTableClient(ReceiptTable.Name).DeleteEntityAsync(first, ReceiptTable.ReceiptRow);

        await world.HealAsync();
        Assert.Equal(["1", "2", "3"], world.Starts.Names);
    }

    [Fact]
    public async Task Held_jobs_behind_a_discard_that_was_cut_off_run()
    {
        await using var world = await StartAsync();
        var first = await world.SubmitAsync(Request(new("1", Permanent: 1), "reconciled.strict") with { OrderingKey = "key" });
        await world.SubmitAsync(Request(new("2"), "reconciled.strict") with { OrderingKey = "key" });
        await world.Weir.RunAllAsync(TimeSpan.FromSeconds(1));
        await world.CollectAsync();
        // No answer came to the operator, who does not ask again: the catalogue no longer shows it as open.
        await world.Weir.Get<ReceiptTable>().DiscardAsync(await world.ReceiptAsync(first), new Handling("ada", world.Clock.GetUtcNow(), "given up"), CancellationToken.None);

        await world.HealAsync();
        Assert.Equal(["1", "2"], world.Starts.Names);
    }

    [Fact]
    public async Task Held_jobs_whose_rows_are_lost_run()
    {
        await using var world = await StartAsync();
        foreach (var name in new[] { "1", "2" })
            await world.SubmitAsync(Request(new(name, Permanent: name == "1" ? 1 : 0), "reconciled.strict") with { OrderingKey = "key" });
        await world.Weir.RunAllAsync(TimeSpan.FromSeconds(1));
        await world.CollectAsync();
        var keys = world.Tables.GetTableClient("OrderingKeys");
        await foreach (var row in keys.QueryAsync<TableEntity>())
            await keys.DeleteEntityAsync(row.PartitionKey, row.RowKey, ETag.All);

        Assert.Single(await world.HealAsync());
        Assert.Equal(["1", "2"], world.Starts.Names);
    }

    [Theory]
    [InlineData(KillPoints.AfterReceipt)]
    [InlineData(KillPoints.AfterUnique)]
    public async Task A_unique_job_cut_off_on_its_way(string killPoint)
    {
        await using var world = await StartAsync();
        var dying = await world.JoinAsync(killPoint);
        await Assert.ThrowsAsync<KilledException>(() => world.SubmitAsync(Unique("1", UniqueMode.ReturnExisting), dying));
        Assert.Single(await world.HealAsync());
        Assert.Equal(["1"], world.Starts.Names);
        Assert.Equal(JobState.Succeeded, Assert.Single(await world.ReceiptsAsync()).State);
    }

    [Fact]
    public async Task A_unique_job_whose_key_another_has_taken_meanwhile_does_not_run()
    {
        await using var world = await StartAsync();
        var dying = await world.JoinAsync(KillPoints.AfterReceipt);
        await Assert.ThrowsAsync<KilledException>(() => world.SubmitAsync(Unique("lost", UniqueMode.ReturnExisting), dying));
        world.Clock.Advance(TimeSpan.FromMinutes(19));
        var holder = await world.SubmitAsync(Unique("holder", UniqueMode.ReturnExisting));

        Assert.Equal(FindingRepair.Superseded, Assert.Single(await world.HealAsync()).Repair);
        Assert.Equal(["holder"], world.Starts.Names);
        var lost = Assert.Single(await world.ReceiptsAsync(), receipt => receipt.Id != holder);
        Assert.Equal((JobState.Cancelled, holder), (lost.State, lost.SupersededBy));
    }

    [Fact]
    public async Task A_job_that_waits_for_a_unique_key_goes_on_when_the_holders_message_was_lost()
    {
        await using var world = await StartAsync();
        await world.SubmitAsync(Unique("1", UniqueMode.KeepLastIfActive, transient: 1));
        await world.Weir.RunAllAsync(TimeSpan.FromSeconds(1));
        await world.SubmitAsync(Unique("2", UniqueMode.KeepLastIfActive));
        Assert.Contains(await world.ReceiptsAsync(), receipt => receipt.WaitsForKey);
        await world.LoseMessagesAsync();

        Assert.Single(await world.HealAsync());
        Assert.Equal(["1", "1", "2"], world.Starts.Names);
    }

    [Fact]
    public async Task A_job_that_waits_for_a_unique_key_whose_holder_is_gone()
    {
        await using var world = await StartAsync();
        var holder = await world.SubmitAsync(Unique("1", UniqueMode.KeepLastIfActive, transient: 1));
        await world.Weir.RunAllAsync(TimeSpan.FromSeconds(1));
        await world.SubmitAsync(Unique("2", UniqueMode.KeepLastIfActive));
        await world.LoseMessagesAsync();
        await world.Tables.GetTableClient(ReceiptTable.Name).DeleteEntityAsync(holder, ReceiptTable.ReceiptRow);

        Assert.Single(await world.HealAsync());
        Assert.Equal(["1", "2"], world.Starts.Names);
    }

    [Fact]
    public async Task A_dead_letter_that_was_lost_on_its_way_to_the_catalogue()
    {
        await using var world = await StartAsync();
        var id = await world.SubmitAsync(Request(new("ada", Permanent: 1)));
        await world.Weir.RunAllAsync(TimeSpan.FromSeconds(1));
        await world.LoseMessagesAsync();

        Assert.Equal(FindingKind.DeadLetterMissing, Assert.Single(await world.HealAsync()).Kind);
        await world.CollectAsync();
        Assert.Equal((id, DeadLetterReason.Permanent, false), await EntryAsync());
        Assert.Contains("ada", System.Text.Encoding.UTF8.GetString((await world.Weir.Get<DeadLetterDesk>().FindAsync(id, CancellationToken.None))!.Payload.Span), StringComparison.Ordinal);
        Assert.Equal(["ada"], world.Starts.Names);
        Assert.Empty(await world.HealAsync());

        async Task<(string, string, bool)> EntryAsync()
        {
            var entry = Assert.Single(await world.CatalogueAsync());
            return (entry.Id, entry.Reason, entry.PayloadDamaged);
        }
    }

    [Fact]
    public async Task Child_jobs_of_a_job_whose_message_was_lost_after_its_outcome()
    {
        await using var world = await StartAsync();
        var dying = await world.JoinAsync(KillPoints.AfterOutcome);
        await world.SubmitAsync(Request(new("ada", HasChild: true)), dying);
        await dying.RunNextAsync();
        await world.LoseMessagesAsync();

        Assert.Equal(FindingKind.EndingCutOff, Assert.Single(await world.HealAsync()).Kind);
        Assert.Equal(["ada", "ada's child"], world.Starts.Names);
    }

    [Fact]
    public async Task The_webhook_of_a_job_whose_cancellation_was_cut_off_while_it_had_no_message()
    {
        await using var world = await StartAsync();
        await world.SubmitAsync(Unique("1", UniqueMode.KeepLastIfActive, transient: 1));
        await world.Weir.RunAllAsync(TimeSpan.FromSeconds(1));
        var id = await world.SubmitAsync(Unique("2", UniqueMode.KeepLastIfActive) with { CallbackUrl = "http://127.0.0.1:9/told" });
        var dying = await world.JoinAsync(KillPoints.AfterCancel);
        await Assert.ThrowsAsync<KilledException>(() => dying.Get<JobCancellation>().CancelAsync(id, null, new CancelRequest("unwanted"), CancellationToken.None));
        Assert.DoesNotContain(await world.ReceiptsAsync(), receipt => receipt.Type == SendWebhook.Type);

        Assert.Equal(FindingKind.EndingCutOff, Assert.Single(await world.HealAsync()).Kind);
        Assert.Single(await world.ReceiptsAsync(), receipt => receipt.Type == SendWebhook.Type);
        Assert.DoesNotContain("2", world.Starts.Names);
    }

    [Fact]
    public async Task A_cancellation_that_was_cut_off_and_whose_job_was_then_submitted_once_more()
    {
        await using var world = await StartAsync();
        var request = Request(new("ada")) with { CallbackUrl = "http://127.0.0.1:9/told" };
        var id = Assert.IsType<Submitted.Accepted>(await world.Weir.Get<JobSubmission>().SubmitAsync(request, "default", "key", CancellationToken.None)).JobId;
        var dying = await world.JoinAsync(KillPoints.AfterCancel);
        await Assert.ThrowsAsync<KilledException>(() => dying.Get<JobCancellation>().CancelAsync(id, null, new CancelRequest("unwanted"), CancellationToken.None));
        await world.LoseMessagesAsync();

        Assert.IsType<Submitted.Accepted>(await world.Weir.Get<JobSubmission>().SubmitAsync(request, "default", "key", CancellationToken.None));

        Assert.Equal(FindingKind.EndingCutOff, Assert.Single(await world.HealAsync(), one => one.JobId == id).Kind);
    }

    [Fact]
    public async Task A_cancellation_of_a_replay_that_was_cut_off()
    {
        await using var world = await StartAsync();
        var id = await world.SubmitAsync(Request(new("ada", Permanent: 1)));
        await world.Weir.RunAllAsync(TimeSpan.FromSeconds(1));
        await world.CollectAsync();
        await world.PassAsync();
        await world.Weir.Get<DeadLetterDesk>().ReplayAsync(id, null, new Handling("ada", world.Clock.GetUtcNow(), null), CancellationToken.None);
        await world.LoseMessagesAsync();
        var dying = await world.JoinAsync(KillPoints.AfterCancel);
        await Assert.ThrowsAsync<KilledException>(() => dying.Get<JobCancellation>().CancelAsync(id, null, new CancelRequest("unwanted"), CancellationToken.None));

        Assert.Equal(FindingKind.EndingCutOff, Assert.Single(await world.HealAsync()).Kind);
        Assert.Empty(await world.HealAsync());
    }

    [Fact]
    public async Task An_end_of_a_type_that_is_not_served_any_more_is_for_an_operator()
    {
        await using var world = await StartAsync();
        var id = await world.SubmitAsync(Request(new("ada", Permanent: 1)));
        await world.Weir.RunAllAsync(TimeSpan.FromSeconds(1));
        await world.LoseMessagesAsync();
        await world.Tables.GetTableClient(ReceiptTable.Name).UpdateEntityAsync(new TableEntity(id, ReceiptTable.ReceiptRow) { ["Type"] = "gone" }, ETag.All, TableUpdateMode.Merge);

        Assert.Equal((FindingKind.DeadLetterMissing, FindingRepair.None), (await world.HealAsync()).Select(one => (one.Kind, one.Repair)).Single());
        Assert.Empty(await world.MessagesAsync());
    }

    private static SubmitRequest Unique(string name, UniqueMode mode, int transient = 0) =>
        Request(new(name, Transient: transient)) with { Unique = new UniqueRequest("key", mode, TimeSpan.Zero) };
}
