using Microsoft.Extensions.Configuration;
using Weir.Catalog;
using Weir.Limits;

namespace Unit.Tests.Limits;

/// <summary>What a rate may say, and where it comes from.</summary>
public sealed class RateTests
{
    [Theory]
    [InlineData("20/s", 50, 5)]
    [InlineData("1/s", 1_000, 1)]
    [InlineData("600/m", 100, 3)]
    [InlineData("1/h", 3_600_000, 1)]
    [InlineData("3/s", 334, 1)]
    public void A_rate_is_a_number_and_a_unit(string text, int everyMs, int burst)
    {
        Assert.True(Rate.TryParse(text, out var rate));
        Assert.Equal((everyMs, burst, text), ((int)Math.Ceiling(rate.Interval.TotalMilliseconds), rate.DefaultBurst, rate.ToString()));
    }

    [Theory]
    [InlineData("")]
    [InlineData("20")]
    [InlineData("0/s")]
    [InlineData("-1/s")]
    [InlineData("1.5/s")]
    [InlineData("20/S")]
    [InlineData("20 / s")]
    [InlineData("10001/s")]
    [InlineData("99999999999/d")]
    [InlineData("20/s\n")]
    public void Anything_else_is_none(string text) => Assert.False(Rate.TryParse(text, out _));

    [Fact]
    public void Configuration_comes_before_the_attribute_and_a_tenant_has_its_own()
    {
        var limits = Read(("Weir:Jobs:limited:Rate", "100/s"), ("Weir:Tenants:acme:Rate", "5/s"), ("Weir:Tenants:acme:Burst", "3"));

        Assert.Equal(["tenant acme 5/s 3", "type limited 100/s 25"], limits.All.Select(limit => $"{limit.Kind.ToString().ToLowerInvariant()} {limit.Name} {limit.Rate} {limit.Burst}"));
        Assert.Equal([2, 1, 1, 0], new[] { limits.Of("limited", "acme"), limits.Of("limited", "other"), limits.Of("free", "acme"), limits.Of("free", "other") }.Select(own => own.Count));
        Assert.Empty(limits.Of("weir.webhook", "acme"));
        Assert.Equal(5, Read().OfType("limited")!.Burst);
        Assert.Null(Read(("Weir:Jobs:limited:Rate", "none")).OfType("limited"));
    }

    [Theory]
    [InlineData("Weir:Jobs:limited:Rate", "fast", "expected a number of jobs and a unit")]
    [InlineData("Weir:Jobs:limited:Burst", "many", "expected a whole number")]
    [InlineData("Weir:Jobs:limited:Burst", "0", "expected 1 to")]
    [InlineData("Weir:Jobs:limited:Burst", "1", "expected at least 2")]
    [InlineData("Weir:Tenants:acme:Burst", "1", "no Rate")]
    public void A_wrong_setting_stops_the_start_and_says_what_is_expected(string name, string value, string expected) =>
        Assert.Contains(expected, Assert.Throws<InvalidOperationException>(() => Read((name, value))).Message, StringComparison.Ordinal);

    private static RateLimits Read(params (string Name, string Value)[] settings) =>
        new(new ConfigurationBuilder().AddInMemoryCollection(settings.Select(one => KeyValuePair.Create(one.Name, (string?)one.Value))).Build(), new JobCatalog([typeof(LimitedJobs.Plain)]));
}
