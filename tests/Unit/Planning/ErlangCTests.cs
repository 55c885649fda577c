using System.Numerics;
using Capacity;

namespace Unit.Tests.Planning;

public sealed class ErlangCTests
{
    private static readonly ServiceTimes OneSecond = ServiceTimes.Exponential(TimeSpan.FromSeconds(1));

    /// <summary>Sources beside each line; where one gives more digits than four, they are all compared.</summary>
    [Theory]
    [InlineData(1, 0.5, 0.5)] // M/M/1: the load itself
    [InlineData(2, 1, 0.3333)] // M/M/2: 2ρ²/(1+ρ)
    [InlineData(2, 2.0 / 3, 0.1667)] // Hillier and Lieberman, Introduction to Operations Research, the county hospital: P{W > 0} = 0.167
    [InlineData(3, 2, 0.4444)] // Gross and Harris, Fundamentals of Queueing Theory, the eye clinic: 4/9
    [InlineData(14, 10, 0.1741319335950498)] // the example of the package pyworkforce, in its README
    [InlineData(132, 123, 0.3211)] // the tests of several call-centre libraries have these two
    [InlineData(12_421, 12_345, 0.3812)]
    public void Erlang_C_figures_agree_with_published_tables_to_4_digits(int sessions, double load, double published) =>
        Assert.Equal(published, ErlangC.ProbabilityOfWait(sessions, load), published == Math.Round(published, 4) ? 0.00005 : 1e-12);

    /// <summary>Of the tables of Lq that textbooks print (Heizer and Render, Operations Management, the module on waiting lines): jobs waiting on average, by arrivals over service rate.</summary>
    [Theory]
    [InlineData(2, 1.0, 0.3333)]
    [InlineData(2, 1.5, 1.9286)]
    [InlineData(3, 1.5, 0.2368)]
    [InlineData(4, 3.0, 1.5283)]
    [InlineData(5, 4.0, 2.2165)]
    public void The_length_of_the_line_agrees_with_published_tables_to_4_digits(int sessions, double load, double published) =>
        Assert.Equal(published, load * WaitEstimate.For(new Demand(load, OneSecond), sessions).Mean, 0.00011); // printed with the last digit cut or rounded

    /// <summary>The sum of the definition in whole numbers, with no rounding at all.</summary>
    [Theory]
    [InlineData(1, 9, 10)]
    [InlineData(5, 4, 1)]
    [InlineData(64, 60, 1)]
    [InlineData(170, 1639, 10)]
    [InlineData(500, 4899, 10)]
    [InlineData(800, 700, 1)]
    [InlineData(640, 639, 1)]
    public void Erlang_C_agrees_with_a_slow_exact_computation(int sessions, int numerator, int denominator)
    {
        // a = n/d; all terms times c!·d^c: a^k/k! becomes n^k · d^(c-k) · c!/k!, and the last one times c/(c-a).
        BigInteger n = numerator, d = denominator, sum = 0, factor = 1;
        for (var k = sessions - 1; k >= 0; k--)
        {
            factor *= k + 1; // c!/k!
            sum += BigInteger.Pow(n, k) * BigInteger.Pow(d, sessions - k) * factor;
        }
        var last = BigInteger.Pow(n, sessions) * sessions * d;
        var below = sum * (sessions * d - n) + last;
        var exact = Math.Exp(BigInteger.Log(last) - BigInteger.Log(below));

        Assert.Equal(1, ErlangC.ProbabilityOfWait(sessions, (double)numerator / denominator) / exact, 1e-9);
    }

    [Fact]
    public void No_load_never_waits_and_too_much_always_does()
    {
        Assert.Equal(0, ErlangC.ProbabilityOfWait(3, 0));
        Assert.Equal(1, ErlangC.ProbabilityOfWait(3, 3));
        Assert.Equal(1, ErlangC.ProbabilityOfWait(3, 300));
        Assert.InRange(ErlangC.ProbabilityOfWait(ErlangC.MostSessions, ErlangC.MostSessions - 1.0), 0.99, 1);
        Assert.Equal(0, ErlangC.ProbabilityOfWait(ErlangC.MostSessions, 1));
    }

    /// <summary>The example of pyworkforce: 100 calls in 30 minutes, of 3 minutes each, 14 agents, within 20 seconds: 0.8883500191794669.</summary>
    [Fact]
    public void The_share_that_waits_longer_agrees_with_a_published_service_level()
    {
        var wait = WaitEstimate.For(new Demand(100 / 1_800.0, ServiceTimes.Exponential(TimeSpan.FromMinutes(3))), 14);

        Assert.Equal(0.8883500191794669, 1 - wait.Exceeding(TimeSpan.FromSeconds(20)), 1e-9);
    }

    /// <summary>Hillier and Lieberman, the county hospital with one and two doctors: two patients an hour, twenty minutes each.</summary>
    [Theory]
    [InlineData(1, 0.5, 0.404)]
    [InlineData(1, 1, 0.245)]
    [InlineData(2, 0.5, 0.022)]
    public void The_tail_agrees_with_a_textbook(int doctors, double hours, double published) =>
        Assert.Equal(published, WaitEstimate.For(new Demand(2 / 3_600.0, ServiceTimes.Exponential(TimeSpan.FromMinutes(20))), doctors).Exceeding(TimeSpan.FromHours(hours)), 0.0011);

    [Fact]
    public void A_percentile_is_the_inverse_of_the_share_that_waits_longer()
    {
        var wait = WaitEstimate.For(new Demand(55, OneSecond), 60);

        foreach (var share in new[] { 0.9, 0.95, 0.99, 0.999 })
            Assert.Equal(1 - share, wait.Exceeding(TimeSpan.FromSeconds(wait.Percentile(share))), 1e-6);
        Assert.Equal(0, wait.Percentile(0.5)); // more than half do not wait at all
        Assert.Equal(double.PositiveInfinity, WaitEstimate.For(new Demand(60, OneSecond), 60).Percentile(0.5));
    }
}
