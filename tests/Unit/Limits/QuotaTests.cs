using System.Text.Json;
using AzureLocal.Storage;
using Contract.Tests;
using Microsoft.Extensions.Configuration;
using Weir.Limits;
using Weir.Submission;

namespace Unit.Tests.Limits;

/// <summary>What a tenant may have and send, counted over instances.</summary>
public sealed class QuotaTests
{
    [Fact]
    public async Task Submissions_beyond_a_minutes_quota_are_refused_until_there_is_room()
    {
        await using var weir = await StartAsync(("Weir:Quotas:SubmissionsPerMinute", "10"));
        for (var job = 0; job < 10; job++)
            Assert.Null(await RefusedAsync(weir));

        var refused = (await RefusedAsync(weir))!;
        Assert.Equal(("quotaExceeded", "submissionsPerMinute", 10L, 10L), (refused.Code, refused.Members["quota"], refused.Members["limit"], refused.Members["used"]));
        Assert.Contains("default", refused.Detail, StringComparison.Ordinal);
        Assert.InRange(refused.RetryAfter.TotalSeconds, 1, 140);

        weir.Clock.Advance(refused.RetryAfter);
        Assert.Null(await RefusedAsync(weir));
    }

    [Fact]
    public async Task Bytes_of_a_day_are_counted_and_come_back_at_midnight()
    {
        await using var weir = await StartAsync(("Weir:Tenants:default:Quotas:PayloadBytesPerDay", "1000"));
        Assert.Null(await RefusedAsync(weir, payload: new string('x', 598)));
        var refused = (await RefusedAsync(weir, payload: new string('x', 598)))!;
        Assert.Equal(("payloadBytesPerDay", 600L), (refused.Members["quota"], refused.Members["used"]));
        Assert.Null(await RefusedAsync(weir, payload: new string('x', 398)));
        Assert.InRange(refused.RetryAfter.TotalHours, 23.9, 27);

        weir.Clock.Advance(TimeSpan.FromHours(24));
        Assert.Null(await RefusedAsync(weir, payload: new string('x', 598)));
    }

    [Fact]
    public async Task Open_jobs_make_room_by_ending()
    {
        await using var weir = await StartAsync(("Weir:Quotas:OpenJobs", "3"));
        for (var job = 0; job < 3; job++)
            Assert.Null(await RefusedAsync(weir));
        Assert.Equal("openJobs", (await RefusedAsync(weir))!.Members["quota"]);

        await weir.RunNextAsync();
        Assert.Null(await RefusedAsync(weir));
        Assert.NotNull(await RefusedAsync(weir));
    }

    [Fact]
    public async Task What_ended_on_another_instance_makes_room_here_when_they_have_exchanged()
    {
        await using var one = await StartAsync(("Weir:Quotas:OpenJobs", "3"));
        await using var two = await StartAsync(one, ("Weir:Quotas:OpenJobs", "3"));
        for (var job = 0; job < 3; job++)
            Assert.Null(await RefusedAsync(one));
        await ExchangeAsync(one);
        Assert.NotNull(await RefusedAsync(two));

        while (await two.RunNextAsync() is not null) { }
        await ExchangeAsync(two);
        await ExchangeAsync(one);
        Assert.Equal(0, one.Get<TenantQuotas>().UseOf("default")!.Used.OpenJobs);
        Assert.Null(await RefusedAsync(one));
    }

    [Fact]
    public async Task An_end_that_was_missed_is_found_by_looking()
    {
        await using var one = await StartAsync(("Weir:Quotas:OpenJobs", "1"));
        Assert.Null(await RefusedAsync(one));
        await ExchangeAsync(one);
        await using (var blind = await StartAsync(one)) // knows of no quota, so nobody hears of the end
            await blind.RunNextAsync();
        Assert.NotNull(await RefusedAsync(one));

        one.Clock.Advance(TimeSpan.FromMinutes(6));
        await ExchangeAsync(one);
        Assert.Null(await RefusedAsync(one));
    }

    [Theory]
    [InlineData(2)]
    [InlineData(5)]
    public async Task Instances_together_exceed_a_quota_by_no_more_than_one_submission_each(int count)
    {
        const int Quota = 160;
        var all = new List<WeirInMemory> { await StartAsync(("Weir:Quotas:SubmissionsPerMinute", $"{Quota}")) };
        while (all.Count < count)
            all.Add(await StartAsync(all[0], ("Weir:Quotas:SubmissionsPerMinute", $"{Quota}")));
        var accepted = 0;
        for (var tries = 0; tries < Quota * 2; tries++)
        {
            if (await RefusedAsync(all[tries % count], key: $"{tries}") is null)
                accepted++;
        }
        Assert.InRange(accepted, Quota, Quota + count);
        foreach (var weir in Enumerable.Reverse(all))
            await weir.DisposeAsync();
    }

    [Fact]
    public async Task Without_a_quota_nothing_is_counted()
    {
        await using var weir = await StartAsync(("Weir:Quotas:OpenJobs", "1"), ("Weir:Tenants:default:Quotas:OpenJobs", "none"));
        Assert.Null(weir.Get<TenantQuotas>().UseOf("default"));
        for (var job = 0; job < 5; job++)
            Assert.Null(await RefusedAsync(weir));
    }

    [Theory]
    [InlineData("Weir:Quotas:OpenJobs", "0")]
    [InlineData("Weir:Quotas:OpenJobs", "many")]
    [InlineData("Weir:Quotas:Open", "1")]
    [InlineData("Weir:Tenants:acme:Quotas:PayloadBytesPerDay", "-1")]
    public void A_wrong_setting_stops_the_start(string name, string value) =>
        Assert.Throws<InvalidOperationException>(() => new QuotaSettings(new ConfigurationBuilder().AddInMemoryCollection([KeyValuePair.Create(name, (string?)value)]).Build()));

    [Fact]
    public async Task Beyond_what_an_instance_handles_at_once_nobody_is_let_in_and_who_leaves_makes_room()
    {
        await using var weir = await StartAsync(("Weir:MaxInFlight", "2"), ("Weir:MaxInFlightBytes", "100000"));
        var inFlight = weir.Get<SubmissionsInFlight>();
        using var first = inFlight.TryEnter()!;
        var second = inFlight.TryEnter()!;
        Assert.True(first.TryHold(10));
        Assert.True(second.TryHold(400));
        Assert.True(second.TryHold(1_000));
        Assert.Equal((2, 1_010), (inFlight.Requests, inFlight.Bytes));
        Assert.Null(inFlight.TryEnter());
        Assert.False(second.TryHold(100_000)); // its body is not read further
        Assert.Equal(1_010, inFlight.Bytes);
        second.Dispose();
        second.Dispose(); // twice is once
        Assert.True(first.TryHold(200_000)); // alone
        Assert.Null(inFlight.TryEnter());
        first.Dispose();
        Assert.Equal((0, 0), (inFlight.Requests, inFlight.Bytes));
        using var third = inFlight.TryEnter();
        Assert.NotNull(third);
    }

    private static Task<WeirInMemory> StartAsync(params (string Name, string Value)[] settings) => StartAsync(Store.InMemory(), new ManualClock(), settings);

    private static Task<WeirInMemory> StartAsync(WeirInMemory other, params (string Name, string Value)[] settings) => StartAsync(other.Store, other.Clock, settings);

    private static Task<WeirInMemory> StartAsync(Store store, ManualClock clock, (string Name, string Value)[] settings) =>
        WeirInMemory.StartAsync(store, clock, settings.ToDictionary(one => one.Name, one => (string?)one.Value), [typeof(LocalStore.Plain)]);

    private static Task ExchangeAsync(WeirInMemory weir) => weir.Get<TenantQuotas>().UseOf("default")!.ExchangeAsync(bytes: null, CancellationToken.None);

    private static async Task<Backoff?> RefusedAsync(WeirInMemory weir, string payload = "payload", string? key = null)
    {
        var answer = await weir.Get<JobSubmission>().SubmitAsync(new SubmitRequest("plain", JsonSerializer.SerializeToElement(payload)), "default", key, CancellationToken.None);
        return (answer as Submitted.Refused)?.Backoff;
    }
}
