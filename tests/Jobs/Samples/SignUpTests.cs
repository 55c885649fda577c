using System.Net;
using System.Text.Json;
using Jobs.SignUp;
using Weir;
using Weir.Testing;

namespace Jobs.Tests.Samples;

/// <summary>The other jobs of a sign-up.</summary>
public sealed class SignUpTests
{
    private readonly Shop shop = new();

    [Fact]
    public async Task A_contact_of_version_1_is_stored_with_its_plan_and_one_seat()
    {
        await using var weir = await shop.OpenAsync();
        var old = await weir.SubmitAsync("crm.sync", new CrmContactV1("u1", "ada@example.org", Plan.Team), new SubmitOptions { Version = 1 });
        var current = await weir.SubmitAsync("crm.sync", new CrmContact("u2", "bob@example.org", new CrmSubscription(Plan.Enterprise, 40)));
        await weir.RunUntilIdleAsync();

        Assert.Equal(("team", 1), (old.Result.GetProperty("plan").GetString(), old.Result.GetProperty("seats").GetInt32()));
        Assert.Equal(("enterprise", 40), (current.Result.GetProperty("plan").GetString(), current.Result.GetProperty("seats").GetInt32()));
        Assert.Equal(2, shop.Services.RequestsTo("crm").Count);
    }

    [Fact]
    public async Task A_contact_that_the_CRM_refuses_is_a_dead_letter_and_goes_through_once_it_is_mended()
    {
        await using var weir = await shop.OpenAsync();
        shop.Services.Refuse(HttpStatusCode.UnprocessableEntity);
        var job = await weir.SubmitAsync("crm.sync", new CrmContact("u1", "ada@example.org"));
        await weir.RunUntilIdleAsync();

        var dead = Assert.Single(weir.DeadLetters);
        Assert.Equal(("permanent", 1, job.Id), (dead.Reason, dead.Attempts, dead.Job.Id));
        await dead.ReplayAsync(new CrmContact("u1", "ada@example.com"), "a typing error");
        await weir.RunUntilIdleAsync();

        Assert.Equal(JobState.Succeeded, job.State);
        Assert.Equal("ada@example.com", Assert.Single(shop.Services.Requests).Body.GetProperty("email").GetString());
        Assert.Empty(weir.DeadLetters);
    }

    [Fact]
    public async Task A_picture_is_the_same_for_the_same_user_and_another_for_another()
    {
        await using var handler = HandlerTest<RenderAvatar>.Start(shop.Register);
        foreach (var user in new[] { "ada", "ada", "bob" })
        {
            Assert.True((await handler.RunAsync(new AvatarRequest(user))).Succeeded);
            handler.NextJob();
        }

        var files = shop.Services.RequestsTo("avatar").Select(request => (Name: request.Body.GetProperty("name").GetString(), Content: request.Body.GetProperty("content").GetString()!)).ToArray();
        Assert.Equal(files[0], files[1]);
        Assert.Equal("bob.svg", files[2].Name);
        Assert.NotEqual(files[0].Content, files[2].Content);
        Assert.All(files, file => Assert.Equal("svg", System.Xml.Linq.XElement.Parse(file.Content).Name.LocalName));
    }

    [Fact]
    public async Task A_file_store_that_is_away_for_a_moment_costs_a_picture_quick_retries()
    {
        await using var weir = await shop.OpenAsync();
        shop.Services.Refuse(times: 3);
        var job = await weir.SubmitAsync("avatar.render", new AvatarRequest("ada"));
        var begin = weir.Now;
        await weir.RunToEndAsync(job);

        Assert.Equal(JobState.Succeeded, job.State);
        Assert.Equal(["failed", "failed", "failed", "succeeded"], job.Attempts.Select(attempt => attempt.Outcome));
        Assert.True(weir.Now - begin < TimeSpan.FromSeconds(10), $"It took {weir.Now - begin}.");
    }

    [Fact]
    public async Task An_event_waits_for_analytics_through_a_bad_day()
    {
        await using var weir = await shop.OpenAsync();
        shop.Services.Refuse(times: 6);
        var job = await weir.SubmitAsync("analytics.track", new AnalyticsEvent("signed-up", "u1", new() { ["plan"] = "team" }));
        await weir.RunUntilIdleAsync();
        Assert.Equal(JobState.Retrying, job.State);
        Assert.Contains("of 12 failed", job.Why, StringComparison.Ordinal);

        await weir.RunToEndAsync(job);
        Assert.Equal(JobState.Succeeded, job.State);
        Assert.Equal(7, job.Attempts.Count);
        Assert.Equal(JsonValueKind.Undefined, job.Result.ValueKind);
        Assert.Single(shop.Services.RequestsTo("analytics"));
        // Each attempt came when the one before had said it would, or after it, where the breaker of its service was open.
        Assert.All(job.Attempts.Zip(job.Attempts.Skip(1)), pair => Assert.True(pair.Second.StartedAt >= pair.First.RetryAt));
    }
}
