using System.Text.Json;
using Weir.Catalog;
using Weir.Submission;

namespace Unit.Tests.Submission;

public sealed class TimingTests
{
    private static readonly DateTimeOffset Now = new(2026, 11, 21, 10, 0, 0, TimeSpan.Zero);

    [Theory]
    [InlineData("{}", null, null)]
    [InlineData("""{"delay": "PT0S"}""", null, null)]
    [InlineData("""{"delay": "PT1H"}""", "2026-11-21T11:00:00Z", null)]
    [InlineData("""{"notBefore": "2026-11-21T13:00:00+02:00"}""", "2026-11-21T11:00:00Z", null)]
    [InlineData("""{"notBefore": "2026-11-21T09:59:59Z"}""", null, null)]
    [InlineData("""{"delay": "P30D", "expiresIn": "P31D"}""", "2026-12-21T10:00:00Z", "2026-12-22T10:00:00Z")]
    [InlineData("""{"expiresIn": "PT5S"}""", null, "2026-11-21T10:00:05Z")]
    [InlineData("""{"delay": null, "notBefore": null, "expiresIn": null}""", null, null)]
    public void What_makes_sense_becomes_times(string body, string? startsAt, string? expiresAt)
    {
        var errors = new List<ContractError>();
        var timing = Timing.Read(JsonElement.Parse(body), errors);
        Assert.Empty(errors);
        Assert.Null(timing.Check(Now));
        Assert.Equal((At(startsAt), At(expiresAt)), (timing.StartsAt(Now), timing.ExpiresAt(Now)));
    }

    [Theory]
    [InlineData("""{"delay": "PT1S", "notBefore": "2026-11-21T11:00:00Z"}""", "/notBefore")]
    [InlineData("""{"delay": "P30DT1S"}""", "/delay")]
    [InlineData("""{"delay": 5}""", "/delay")]
    [InlineData("""{"notBefore": "tomorrow"}""", "/notBefore")]
    [InlineData("""{"notBefore": "2026-11-21"}""", "/notBefore")]
    [InlineData("""{"notBefore": "2026-11-21T11:00:00"}""", "/notBefore")]
    [InlineData("""{"notBefore": 1795341600}""", "/notBefore")]
    [InlineData("""{"expiresIn": "PT0S"}""", "/expiresIn")]
    [InlineData("""{"expiresIn": "P91D"}""", "/expiresIn")]
    public void What_is_malformed_is_told_with_its_pointer(string body, string pointer)
    {
        var errors = new List<ContractError>();
        Timing.Read(JsonElement.Parse(body), errors);
        Assert.Equal(pointer, Assert.Single(errors).Pointer);
    }

    [Theory]
    [InlineData("""{"notBefore": "2026-12-21T10:00:01Z"}""", "/notBefore")]
    [InlineData("""{"delay": "PT5S", "expiresIn": "PT5S"}""", "/expiresIn")]
    [InlineData("""{"notBefore": "2026-11-21T11:00:00Z", "expiresIn": "PT1H"}""", "/expiresIn")]
    public void What_only_the_time_tells_to_be_wrong_is_told_too(string body, string pointer)
    {
        var errors = new List<ContractError>();
        var timing = Timing.Read(JsonElement.Parse(body), errors);
        Assert.Empty(errors);
        Assert.Equal(pointer, timing.Check(Now)!.Value.Pointer);
    }

    private static DateTimeOffset? At(string? text) => text is null ? null : DateTimeOffset.Parse(text, System.Globalization.CultureInfo.InvariantCulture);
}
