using System.Text;
using System.Text.Json;
using Weir;
using Weir.Catalog;
using Weir.DeadLetters;
using Weir.Execution;
using Weir.Holds;
using Weir.Lanes;
using Weir.Submission;

namespace Unit.Tests.DeadLetters;

public sealed class DeadLetterDeskTests
{
    [Fact]
    public async Task Asked_by_many_at_once_it_is_one_run()
    {
        await using var weir = await WeirInMemory.StartAsync();
        var id = await DeadAsync(weir);
        var answers = await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => weir.Desk.ReplayAsync(id, null, weir.Ada, CancellationToken.None)));

        Assert.Single(answers, answer => answer is ReplayAnswer.Queued { Started: true });
        Assert.All(answers, answer => Assert.IsType<ReplayAnswer.Queued>(answer));
        Assert.Equal(1, (await weir.ReceiptAsync(id)).Replays);
        var (session, _) = await weir.ReceiveAsync();
        Assert.Single(await session.PeekMessagesAsync(10, fromSequenceNumber: 0)); // sent more than once, perhaps, but under one MessageId
    }

    [Fact]
    public async Task A_copy_from_before_a_replay_is_done_with_and_does_not_run_the_old_payload()
    {
        await using var weir = await WeirInMemory.StartAsync();
        var id = await weir.SubmitAsync();
        var dead = await weir.DieAsync();
        await weir.CollectAsync(dead);
        await weir.Desk.ReplayAsync(id, JsonElement.Parse("""{"user": "mended"}"""), weir.Ada, CancellationToken.None);
        var before = await weir.ReceiptAsync(id);

        var copy = JobMessage.Of(dead)!;
        var claimed = await weir.Get<Claims>().TakeAsync(copy, weir.Get<JobCatalog>().Find("sample")!, Queue.Default, CancellationToken.None);
        Assert.IsType<Settlement.Complete>(Assert.IsType<Claimed.NotOurs>(claimed).Settlement);
        Assert.Equal(before.ETag, (await weir.ReceiptAsync(id)).ETag);
    }

    [Fact]
    public async Task What_held_the_run_that_died_does_not_hold_the_next_one_or_send_for_it()
    {
        await using var weir = await WeirInMemory.StartAsync();
        var id = await weir.SubmitAsync();
        var before = await weir.ReceiptAsync(id);
        var held = await weir.Receipts.HoldUntilReleasedAsync(id, before.ETag, default, attempt: 1, putOffs: 3, CancellationToken.None);
        await weir.Receipts.ReleaseHeldAsync(id, held!.Value, CancellationToken.None);
        await weir.CollectAsync(await weir.DieAsync());
        await weir.Desk.ReplayAsync(id, null, weir.Ada, CancellationToken.None);

        await weir.Get<JobHolds>().ReleaseAsync(id, CancellationToken.None); // a crash had left the row that names the job

        Assert.Null((await weir.ReceiptAsync(id)).HeldPutOffs);
        var (session, _) = await weir.ReceiveAsync();
        Assert.Single(await session.PeekMessagesAsync(10, fromSequenceNumber: 0));
    }

    [Fact]
    public async Task A_mended_payload_takes_the_place_of_a_longer_one_which_is_kept_aside()
    {
        await using var weir = await WeirInMemory.StartAsync();
        var id = await DeadAsync(weir);
        var old = Encoding.UTF8.GetString(await weir.Receipts.ReadPayloadAsync(id, CancellationToken.None));
        Assert.IsType<ReplayAnswer.Queued>(await weir.Desk.ReplayAsync(id, JsonElement.Parse("""{ "user": "bob" }"""), weir.Ada, CancellationToken.None));

        var receipt = await weir.ReceiptAsync(id);
        Assert.Equal("""{"user":"bob"}""", Encoding.UTF8.GetString(await weir.Receipts.ReadPayloadAsync(id, CancellationToken.None)));
        Assert.Equal(Payload.HashOf("""{"user":"bob"}"""u8), receipt.PayloadHash);
        Assert.Equal(Payload.HashOf(Encoding.UTF8.GetBytes(old)), receipt.SubmittedHash);
        var found = await weir.Desk.FindAsync(id, CancellationToken.None);
        Assert.Equal(old, Encoding.UTF8.GetString(found!.PayloadsBefore[1]));
    }

    [Fact]
    public async Task An_idempotency_key_still_means_the_payload_that_was_submitted()
    {
        await using var weir = await WeirInMemory.StartAsync();
        var request = new SubmitRequest("sample", JsonSerializer.SerializeToElement(new { user = "ada" }));
        var submission = weir.Get<JobSubmission>();
        var first = Assert.IsType<Submitted.Accepted>(await submission.SubmitAsync(request, "default", "key", CancellationToken.None));
        await weir.CollectAsync(await weir.DieAsync());
        await weir.Desk.ReplayAsync(first.JobId, JsonElement.Parse("""{"user": "mended"}"""), weir.Ada, CancellationToken.None);

        var again = Assert.IsType<Submitted.Accepted>(await submission.SubmitAsync(request, "default", "key", CancellationToken.None));
        Assert.Equal((first.JobId, true), (again.JobId, again.Replayed));
    }

    [Fact]
    public async Task What_dies_again_is_a_new_entry_and_the_first_says_who_replayed_it()
    {
        await using var weir = await WeirInMemory.StartAsync();
        var id = await DeadAsync(weir);
        await weir.Desk.ReplayAsync(id, null, weir.Ada, CancellationToken.None);
        weir.Clock.Advance(TimeSpan.FromSeconds(1));
        await weir.CollectAsync(await weir.DieAsync());

        var entries = await weir.ListAsync();
        Assert.Equal([(1, DeadLetterState.Open), (0, DeadLetterState.Replayed)], entries.Select(entry => (entry.Run, entry.State)));
        Assert.All(entries, entry => Assert.Equal(id, entry.Id));
        Assert.IsType<ReplayAnswer.Queued>(await weir.Desk.ReplayAsync(id, null, weir.Ada, CancellationToken.None));
        Assert.Equal(2, (await weir.Receipts.ReadAsync(id, CancellationToken.None))!.Replays.Count);
    }

    [Fact]
    public async Task A_discarded_job_stays_dead()
    {
        await using var weir = await WeirInMemory.StartAsync();
        var id = await DeadAsync(weir);
        Assert.IsType<DiscardAnswer.Discarded>(await weir.Desk.DiscardAsync(id, weir.Ada, CancellationToken.None));
        Assert.IsType<ReplayAnswer.Discarded>(await weir.Desk.ReplayAsync(id, null, weir.Ada, CancellationToken.None));
        var counts = await weir.Desk.ReplayManyAsync(new DeadLetterFilter(), from: null, limit: 10, dryRun: false, weir.Ada, CancellationToken.None);
        Assert.Equal(0, counts.Matched);
        Assert.Equal(JobState.DeadLettered, (await weir.ReceiptAsync(id)).State);
    }

    [Fact]
    public async Task Months_are_walked_from_the_newest_back_and_a_cursor_goes_on_where_a_page_ended()
    {
        await using var weir = await WeirInMemory.StartAsync();
        var start = weir.Clock.GetUtcNow();
        var ids = new List<string>();
        for (var month = 0; month < 5; month++)
        {
            ids.Insert(0, await DeadAsync(weir));
            weir.Clock.Jump(TimeSpan.FromDays(month == 2 ? 70 : 31)); // one month without any
        }

        var seen = new List<string>();
        DeadLetterCursor? cursor = null;
        for (var pages = 0; pages < 100; pages++)
        {
            var scan = await weir.Catalogue.ScanAsync(new DeadLetterFilter(), cursor, most: 2, pages: 1, columns: null, CancellationToken.None);
            seen.AddRange(scan.Found.Select(entry => entry.Id));
            if ((cursor = scan.Next) is null)
                break;
        }
        Assert.Null(cursor);
        Assert.Equal(ids, seen);

        var inMarch = new DeadLetterFilter { From = start.AddDays(31), To = start.AddDays(62) };
        var one = await weir.Catalogue.ScanAsync(inMarch, from: null, most: 10, pages: 10, columns: null, CancellationToken.None);
        Assert.Equal([ids[3]], one.Found.Select(entry => entry.Id)); // from counts in, to counts out
    }

    /// <summary>A job that the broker has killed, in the catalogue.</summary>
    private static async Task<string> DeadAsync(WeirInMemory weir)
    {
        var id = await weir.SubmitAsync();
        Assert.True(await weir.CollectAsync(await weir.DieAsync()));
        return id;
    }
}
