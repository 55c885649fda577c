using Weir.Retries;

namespace Unit.Tests.Retries;

public sealed class RetryPolicyTests
{
    private static readonly RetryPolicy Policy = new(Attempts: 5, UnknownAttempts: 3, Base: TimeSpan.FromSeconds(1), Cap: TimeSpan.FromSeconds(10));

    [Fact]
    public void A_delay_is_a_pure_function_of_job_and_attempt()
    {
        Assert.Equal(Policy.DelayAfter("job", 2), Policy.DelayAfter("job", 2));
        Assert.NotEqual(Policy.DelayAfter("job", 2), Policy.DelayAfter("another", 2));
    }

    [Theory]
    [InlineData(1, 1)]
    [InlineData(2, 2)]
    [InlineData(4, 8)]
    [InlineData(5, 10)]
    [InlineData(60, 10)]
    public void Delays_are_spread_over_the_whole_range_below_the_bound(int attempt, double boundSeconds)
    {
        var delays = Enumerable.Range(0, 2_000).Select(number => Policy.DelayAfter($"job-{number}", attempt).TotalSeconds).ToArray();
        Assert.All(delays, delay => Assert.InRange(delay, 0, boundSeconds));
        Assert.InRange(delays.Average(), boundSeconds * 0.45, boundSeconds * 0.55);
        Assert.InRange(delays.Max(), boundSeconds * 0.99, boundSeconds);
    }

    [Fact]
    public void Classes_have_their_own_number_of_attempts()
    {
        Assert.Equal(5, Policy.AttemptsFor(ErrorClass.Transient));
        Assert.Equal(3, Policy.AttemptsFor(ErrorClass.Unknown));
        Assert.Equal(1, Policy.AttemptsFor(ErrorClass.Permanent));
    }
}
