using System.Net;
using Jobs.Orders;
using Weir;
using Weir.Testing;

namespace Jobs.Tests.Samples;

/// <summary>The workflow: what it does in which order, what it takes back, and that a crash doubles nothing.</summary>
public sealed class FulfilOrderTests
{
    private static readonly Order Small = new("o-1", "ada@example.org", 80, [new OrderLine("tea", 2)]);
    private static readonly Order Large = Small with { Amount = 5_000 };

    private readonly Shop shop = new();

    [Fact]
    public async Task A_small_order_is_reserved_paid_shipped_and_confirmed()
    {
        await using var weir = await shop.OpenAsync();
        var job = await weir.SubmitAsync("order.fulfil", Small);
        await weir.RunUntilIdleAsync();

        Assert.Equal(JobState.Succeeded, job.State);
        Assert.Equal("reserve take", shop.Asked("stock", "payments"));
        Assert.Equal("label", shop.Asked("carrier"));
        Assert.Equal("declare", shop.Asked("customs"));
        Assert.Equal("to", shop.Asked("email"));
        Assert.Equal("skipped", job.Step("needs-approval").State);
        Assert.StartsWith("payments-", job.Result.GetProperty("payment").GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_order_within_the_country_needs_no_customs_form()
    {
        await using var weir = await shop.OpenAsync();
        var job = await weir.SubmitAsync("order.fulfil", Small with { Abroad = false });
        await weir.RunUntilIdleAsync();

        Assert.Equal(JobState.Succeeded, job.State);
        Assert.Equal("skipped", job.Step("customs-form").State);
        Assert.Empty(shop.Services.RequestsTo("customs"));
    }

    [Fact]
    public async Task A_large_order_waits_until_somebody_approves_it()
    {
        await using var weir = await shop.OpenAsync();
        var job = await weir.SubmitAsync("order.fulfil", Large);
        await weir.AdvanceAsync(TimeSpan.FromDays(2));
        Assert.Equal(JobState.Waiting, job.State);
        Assert.Contains("'approval'", job.Why, StringComparison.Ordinal);
        Assert.Empty(shop.Services.Requests);

        await job.SendEventAsync("approval", new Approval(true, "bob"));
        await weir.RunUntilIdleAsync();
        Assert.Equal(JobState.Succeeded, job.State);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_large_order_that_is_not_approved_costs_nothing(bool isAnswered)
    {
        await using var weir = await shop.OpenAsync();
        var job = await weir.SubmitAsync("order.fulfil", Large);
        await weir.RunUntilIdleAsync();
        if (isAnswered)
            await job.SendEventAsync("approval", new Approval(false));
        await weir.RunToEndAsync(job, TimeSpan.FromDays(4));

        Assert.Equal(JobState.Compensated, job.State);
        Assert.Equal(isAnswered ? 0 : 3, Math.Round((weir.Now - weir.StartedAt).TotalDays));
        Assert.Empty(shop.Services.Requests);
    }

    [Fact]
    public async Task An_event_of_another_shape_is_refused_and_the_order_goes_on_waiting()
    {
        await using var weir = await shop.OpenAsync();
        var job = await weir.SubmitAsync("order.fulfil", Large);
        await weir.RunUntilIdleAsync();

        Assert.Equal("contractViolation", (await Assert.ThrowsAsync<RefusedException>(() => job.SendEventAsync("approval", new { yes = 1 }))).Reason);
        Assert.Equal("unknownEvent", (await Assert.ThrowsAsync<RefusedException>(() => job.SendEventAsync("aproval", new Approval(true)))).Reason);
        Assert.Equal(JobState.Waiting, job.State);
    }

    [Fact]
    public async Task A_card_that_is_declined_gives_the_stock_back_and_refunds_what_may_have_been_taken()
    {
        await using var weir = await shop.OpenAsync();
        shop.Services.Refuse(HttpStatusCode.PaymentRequired, on: "payments");
        var job = await weir.SubmitAsync("order.fulfil", Small);
        await weir.RunUntilIdleAsync();

        Assert.Equal(JobState.Compensated, job.State);
        Assert.Equal("reserve refund release", shop.Asked());
        Assert.Equal(("failed", "done"), (job.Step("take-payment").State, job.Step("take-payment").Undone));
        Assert.Equal("Permanent", job.Error?.Class);
    }

    [Fact]
    public async Task What_was_done_is_taken_back_last_first_when_the_mail_cannot_be_sent()
    {
        await using var weir = await shop.OpenAsync();
        shop.Services.Refuse(HttpStatusCode.BadRequest, on: "email");
        var job = await weir.SubmitAsync("order.fulfil", Small);
        await weir.RunUntilIdleAsync();

        Assert.Equal(JobState.Compensated, job.State);
        var undone = shop.Asked().Split(' ')[4..];
        Assert.Equal(["void", "withdraw"], undone[..2].Order());
        Assert.Equal(["refund", "release"], undone[2..]);
    }

    [Fact]
    public async Task A_refund_that_fails_for_good_is_a_dead_letter_and_a_replay_undoes_only_what_is_left()
    {
        await using var weir = await shop.OpenAsync();
        shop.Services.Refuse(HttpStatusCode.BadRequest, on: "email");
        // Taken the first time; the refund, which is the second request, is refused.
        shop.Services.BeSlow(TimeSpan.FromMilliseconds(1), on: "payments");
        shop.Services.Refuse(HttpStatusCode.Conflict, on: "payments");
        var job = await weir.SubmitAsync("order.fulfil", Small);
        await weir.RunToEndAsync(job);

        Assert.Equal(JobState.DeadLettered, job.State);
        var dead = Assert.Single(weir.DeadLetters);
        Assert.Equal("compensationFailed", dead.Reason);
        Assert.Equal("failed", job.Step("take-payment").Undone);
        var before = shop.Services.Requests.Count;

        await dead.ReplayAsync();
        await weir.RunToEndAsync(job);
        Assert.Equal(JobState.Compensated, job.State);
        Assert.Equal("refund", shop.Services.Requests[before].Body.EnumerateObject().First().Name);
        Assert.Equal("release", shop.Asked("stock").Split(' ')[^1]);
        Assert.Single(shop.Asked("stock").Split(' '), "release");
    }

    [Theory]
    [InlineData("workflow.claim")]
    [InlineData("workflow.plan")]
    [InlineData("step.begun")]
    [InlineData("step.run")]
    [InlineData("step.recorded")]
    [InlineData("workflow.outcome")]
    public async Task An_instance_that_dies_at_any_step_doubles_no_effect(string step)
    {
        await using var weir = await shop.OpenAsync();
        var job = await weir.SubmitAsync("order.fulfil", Small);
        weir.KillAt(step);
        await weir.RunToEndAsync(job);

        Assert.Equal((JobState.Succeeded, 1), (job.State, weir.Deaths));
        // What was sent twice carried the same key, by which the other side knows it.
        Assert.Equal(5, shop.Services.Requests.DistinctBy(request => (request.Path, request.Header("Idempotency-Key"))).Count());
    }

    [Fact]
    public async Task A_cancelled_order_is_taken_back()
    {
        await using var weir = await shop.OpenAsync();
        shop.Services.BeSlow(TimeSpan.FromSeconds(5), on: "email");
        var job = await weir.SubmitAsync("order.fulfil", Small);
        await weir.AdvanceAsync(TimeSpan.FromSeconds(1));
        Assert.True(await job.CancelAsync("the customer rang"));
        await weir.RunToEndAsync(job);

        Assert.Equal(JobState.Cancelled, job.State);
        Assert.Equal("reserve release", shop.Asked("stock"));
        Assert.Equal("take refund", shop.Asked("payments"));
    }
}
