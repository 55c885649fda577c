using System.Text.Json;
using AzureLocal.Storage;
using Contract.Tests;
using Weir.Submission;
using Weir.Uniqueness;

namespace Unit.Tests.Submission;

/// <summary>Whether there is room is asked for a new job from outside, and for nothing else.</summary>
public sealed class SubmissionGateTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_new_job_is_refused_when_there_is_no_room(bool isUnique)
    {
        var gate = new Gate { IsShut = true };
        await using var weir = await StartAsync(gate);

        var refused = Assert.IsType<Submitted.Refused>(await SubmitAsync(weir, "first", isUnique));

        Assert.Equal(Refusal.NoRoom, refused.Refusal);
        Assert.Equal("full", refused.Backoff!.Code);
        gate.IsShut = false;
        Assert.False(Assert.IsType<Submitted.Accepted>(await SubmitAsync(weir, "first", isUnique)).Replayed);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_request_that_was_accepted_is_answered_as_before(bool isUnique)
    {
        var gate = new Gate();
        await using var weir = await StartAsync(gate);
        var first = Assert.IsType<Submitted.Accepted>(await SubmitAsync(weir, "again", isUnique));

        gate.IsShut = true;
        var again = Assert.IsType<Submitted.Accepted>(await SubmitAsync(weir, "again", isUnique));

        Assert.Equal((first.JobId, true), (again.JobId, again.Replayed));
    }

    [Fact]
    public async Task A_submission_whose_unique_key_is_taken_needs_no_room()
    {
        var gate = new Gate();
        await using var weir = await StartAsync(gate);
        var holder = Assert.IsType<Submitted.Accepted>(await SubmitAsync(weir, "one", isUnique: true));

        gate.IsShut = true;
        var other = Assert.IsType<Submitted.Accepted>(await SubmitAsync(weir, "two", isUnique: true));

        Assert.Equal((holder.JobId, true), (other.JobId, other.Existing));
    }

    [Fact]
    public async Task In_a_bulk_each_item_is_asked_for_itself()
    {
        var gate = new Gate();
        await using var weir = await StartAsync(gate);
        await SubmitAsync(weir, "before", isUnique: false);

        gate.IsShut = true;
        var answers = await weir.Get<BulkSubmission>().SubmitAsync([new(Request(false), "before"), new(Request(false), "new"), new(Request(false), null)], "default", CancellationToken.None);

        Assert.Equal([true, false, false], answers.Select(answer => answer is Submitted.Accepted));
    }

    [Fact]
    public async Task What_follows_from_accepted_work_is_not_asked_for()
    {
        await using var weir = await StartAsync(new Gate { IsShut = true });
        Assert.IsType<Submitted.Accepted>(await weir.Get<JobSubmission>().SubmitFollowingAsync(Request(false), "default", "child", CancellationToken.None));
    }

    private static Task<WeirInMemory> StartAsync(Gate gate) => WeirInMemory.StartAsync(Store.InMemory(), new ManualClock(), [], [typeof(LocalStore.Plain)], gate);

    private static Task<Submitted> SubmitAsync(WeirInMemory weir, string key, bool isUnique) =>
        weir.Get<JobSubmission>().SubmitAsync(Request(isUnique), "default", key, CancellationToken.None);

    private static SubmitRequest Request(bool isUnique) =>
        new("plain", JsonElement.Parse("\"payload\"")) { Unique = isUnique ? new UniqueRequest("u", UniqueMode.ReturnExisting, TimeSpan.Zero) : null };

    private sealed class Gate : ISubmissionGate
    {
        public bool IsShut { get; set; }

        public ValueTask<Backoff?> AskAsync(NewJob job, CancellationToken cancellation) =>
            ValueTask.FromResult(IsShut ? new Backoff("full", "There is no room.", TimeSpan.FromSeconds(3)) : null);
    }
}
