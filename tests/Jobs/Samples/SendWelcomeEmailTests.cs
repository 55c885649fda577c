using System.Net;
using Jobs.SignUp;
using Weir;
using Weir.Testing;

namespace Jobs.Tests.Samples;

public sealed class SendWelcomeEmailTests
{
    private static readonly WelcomeEmail Ada = new("ada@example.org", "Ada");

    private readonly Shop shop = new();

    [Fact]
    public async Task It_greets_by_name_and_returns_the_id_of_the_message()
    {
        await using var handler = HandlerTest<SendWelcomeEmail>.Start(shop.Register);
        var attempt = await handler.RunAsync(Ada);

        Assert.True(attempt.Succeeded, attempt.Error?.ToString());
        Assert.Equal("email-1", attempt.Result.GetProperty("messageId").GetString());
        var mail = Assert.Single(shop.Services.RequestsTo("email"));
        Assert.Equal("ada@example.org", mail.Body.GetProperty("to").GetString());
        Assert.Equal("Welcome, Ada", mail.Body.GetProperty("subject").GetString());
        Assert.Equal(handler.JobId, mail.Header("Idempotency-Key"));
    }

    [Fact]
    public async Task What_was_sent_is_not_sent_again_by_a_later_attempt()
    {
        await using var handler = HandlerTest<SendWelcomeEmail>.Start(shop.Register);
        var first = await handler.RunAsync(Ada);
        var second = await handler.RunAsync(Ada);

        Assert.Equal(first.Result.GetRawText(), second.Result.GetRawText());
        Assert.Single(shop.Services.Requests);
        handler.NextJob();
        await handler.RunAsync(Ada);
        Assert.Equal(2, shop.Services.Requests.Count);
    }

    [Theory]
    [InlineData(HttpStatusCode.ServiceUnavailable, "Transient")]
    [InlineData(HttpStatusCode.TooManyRequests, "Transient")]
    [InlineData(HttpStatusCode.BadRequest, "Permanent")]
    [InlineData(HttpStatusCode.Unauthorized, "Permanent")]
    public async Task The_answer_of_the_provider_decides_the_class_of_a_failure(HttpStatusCode status, string expected)
    {
        await using var handler = HandlerTest<SendWelcomeEmail>.Start(shop.Register);
        shop.Services.Refuse(status);
        var attempt = await handler.RunAsync(Ada);

        Assert.Equal(("failed", expected), (attempt.Outcome, attempt.Error?.Class));
    }

    [Fact]
    public async Task A_provider_that_hangs_is_given_up_after_the_timeout_of_the_type()
    {
        await using var handler = HandlerTest<SendWelcomeEmail>.Start(shop.Register);
        shop.Services.BeSlow(TimeSpan.FromMinutes(5));
        var attempt = await handler.RunAsync(Ada);

        Assert.Equal(("timedOut", "Transient", TimeSpan.FromSeconds(30)), (attempt.Outcome, attempt.Error?.Class, attempt.Took));
    }

    [Fact]
    public async Task An_instance_that_dies_after_the_mail_has_gone_out_sends_no_second_one()
    {
        await using var weir = await shop.OpenAsync();
        var job = await weir.SubmitAsync("email.welcome", Ada);
        weir.KillAt("run.handled");
        await weir.RunToEndAsync(job);

        Assert.Equal(JobState.Succeeded, job.State);
        Assert.Equal(["workerLost", "succeeded"], job.Attempts.Select(attempt => attempt.Outcome));
        Assert.Single(shop.Services.RequestsTo("email"));
        Assert.Equal(1, weir.Deaths);
    }

    [Fact]
    public async Task A_mail_whose_answer_was_lost_goes_out_again_under_the_same_key()
    {
        await using var weir = await shop.OpenAsync();
        shop.Services.LoseAnswer();
        var job = await weir.SubmitAsync("email.welcome", Ada);
        await weir.RunToEndAsync(job);

        Assert.Equal(JobState.Succeeded, job.State);
        Assert.Equal([job.Id, job.Id], shop.Services.RequestsTo("email").Select(mail => mail.Header("Idempotency-Key")));
    }

    [Fact]
    public async Task An_address_that_is_none_is_refused_at_the_submission()
    {
        await using var weir = await shop.OpenAsync();
        var refused = await Assert.ThrowsAsync<RefusedException>(() => weir.SubmitAsync("email.welcome", new WelcomeEmail("nobody", "Ada")));

        Assert.Equal("contractViolation", refused.Reason);
        Assert.Contains("/to", refused.Message, StringComparison.Ordinal);
    }
}
