using Weir.Submission;

namespace Unit.Tests.Submission;

public sealed class IsoDurationTests
{
    [Theory]
    [InlineData("PT0S", 0)]
    [InlineData("PT90S", 90)]
    [InlineData("PT0.5S", 0.5)]
    [InlineData("PT1H30M", 5_400)]
    [InlineData("P1DT1S", 86_401)]
    [InlineData("P30D", 2_592_000)]
    [InlineData("P2W", 1_209_600)]
    public void Days_and_what_is_shorter_are_read(string text, double seconds)
    {
        Assert.True(IsoDuration.TryRead(text, out var duration));
        Assert.Equal(TimeSpan.FromSeconds(seconds), duration);
    }

    [Theory]
    [InlineData("")]
    [InlineData("P")]
    [InlineData("PT")]
    [InlineData("P1DT")]
    [InlineData("P1M")]
    [InlineData("P1Y")]
    [InlineData("-PT1S")]
    [InlineData("PT-1S")]
    [InlineData("PT1S ")]
    [InlineData("PT1S\n")]
    [InlineData("pt1s")]
    [InlineData("PT1.S")]
    [InlineData("PT1S1M")]
    [InlineData("P1W1D")]
    [InlineData("00:00:01")]
    [InlineData("PT9999999S")]
    [InlineData("PT١S")]
    public void Everything_else_is_not(string text) => Assert.False(IsoDuration.TryRead(text, out _));
}
