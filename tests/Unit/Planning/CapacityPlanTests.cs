using Capacity;

namespace Unit.Tests.Planning;

public sealed class CapacityPlanTests
{
    private static readonly ServiceTimes Fifth = ServiceTimes.Exponential(TimeSpan.FromMilliseconds(200));

    [Theory]
    [InlineData(1, 500)]
    [InlineData(20, 500)]
    [InlineData(20, 10)]
    [InlineData(2_000, 50)]
    [InlineData(20_000, 0)]
    public void It_is_the_least_number_of_sessions_that_meets_the_target(double perSecond, int targetMs)
    {
        var (demand, target) = (new Demand(perSecond, Fifth), new WaitTarget(TimeSpan.FromMilliseconds(targetMs), 0.95));

        var plan = CapacityPlan.For(demand, target, 64)!;

        Assert.True(WaitEstimate.For(demand, plan.Sessions).Percentile(0.95) <= target.Wait.TotalSeconds);
        Assert.True(plan.Sessions == 1 || !(WaitEstimate.For(demand, plan.Sessions - 1).Percentile(0.95) <= target.Wait.TotalSeconds));
        Assert.Equal((plan.Sessions + 63) / 64, plan.Instances);
    }

    [Fact]
    public void Retries_are_load_too()
    {
        var demand = new Demand(10, Fifth) { FailureRate = 0.5, Attempts = 3 };

        Assert.Equal(1.75, demand.AttemptsOnAverage);
        Assert.Equal(3.5, demand.Load, 1e-12);
    }

    [Fact]
    public void Cost_is_that_of_all_instances()
    {
        var plan = CapacityPlan.For(new Demand(1_000, Fifth), new WaitTarget(TimeSpan.FromSeconds(1)), 64, new Price(0.1m, "EUR"))!;

        Assert.Equal(4, plan.Instances); // 201 sessions or some more
        Assert.Equal(new Cost(0.4m, 292m, "EUR"), plan.Cost);
    }

    [Fact]
    public void What_no_number_of_sessions_can_do_has_no_plan() => Assert.Null(CapacityPlan.For(new Demand(1_000_000, Fifth), new WaitTarget(TimeSpan.FromSeconds(1)), 64));

    [Theory]
    [InlineData("", "arrivalsPerSecond is missing", "serviceTime is missing")]
    [InlineData("arrivalsPerSecond=-1&serviceTime=1s", "arrivalsPerSecond is a number from 0")]
    [InlineData("arrivalsPerSecond=NaN&serviceTime=1s", "arrivalsPerSecond is a number from 0")]
    [InlineData("arrivalsPerSecond=1&serviceTime=0s", "serviceTime is a duration")]
    [InlineData("arrivalsPerSecond=1&serviceTime=P1M", "serviceTime is a duration")]
    [InlineData("arrivalsPerSecond=1&serviceTime=1s&percentile=100", "percentile is a number from 1 to 99.99")]
    [InlineData("arrivalsPerSecond=1&serviceTime=1s&surge=10", "surge is a factor and a duration")]
    [InlineData("arrivalsPerSecond=1&serviceTime=1s&mix=default=0", "mix is weights by queue")]
    [InlineData("arrivalsPerSecond=1&serviceTime=1s&mix=slow=1", "mix is weights by queue")]
    [InlineData("arrivalsPerSecond=1&serviceTime=1s&elevated=2s&saturated=1s", "elevated is not later than saturated")]
    [InlineData("arrivalsPerSecond=1&serviceTime=1s&scaleOutDelay=1s", "scaleOutDelay without maxInstances")]
    [InlineData("arrivalsPerSecond=1&serviceTime=1s&currency=euro", "currency is three capital letters")]
    public void Every_mistake_of_a_question_is_told(string query, params string[] expected)
    {
        var (question, mistakes) = QuestionReader.Read(Values(query));

        Assert.Null(question);
        Assert.Equal(expected.Length, mistakes.Count);
        Assert.All(expected, text => Assert.Contains(mistakes, mistake => mistake.StartsWith(text, StringComparison.Ordinal)));
    }

    [Fact]
    public void A_simulation_that_makes_no_sense_is_refused_with_the_reason()
    {
        Assert.Contains("attempts", Refusal("arrivalsPerSecond=100000&serviceTime=1ms&duration=1h"));
        Assert.Contains("within the duration", Refusal("arrivalsPerSecond=1&serviceTime=1s&surge=2x:10m&duration=5m"));
        Assert.Contains("Scale-out", Refusal("arrivalsPerSecond=1&serviceTime=1s&instances=5&maxInstances=2"));

        static string Refusal(string query) => Assert.Throws<ArgumentException>(() => QuestionReader.Read(Values(query)).Question!.Answer()).Message;
    }

    [Fact]
    public void Measured_times_have_their_histograms_mean_and_variation()
    {
        var times = ServiceTimes.Measured([(TimeSpan.FromSeconds(1), 0), (TimeSpan.FromSeconds(2), 10), (TimeSpan.FromSeconds(3), 0), (TimeSpan.FromSeconds(4), 10), (TimeSpan.FromSeconds(9), 0)]);
        var chance = new Random(1);
        var drawn = Enumerable.Range(0, 100_000).Select(_ => times.Next(chance)).ToArray();

        Assert.Equal(2.5, times.Mean, 1e-9); // half of them 1 to 2, half 3 to 4
        Assert.Equal((1 + 1 / 12.0) / 6.25, times.SquaredVariation, 1e-9);
        Assert.All(drawn, time => Assert.True(time is (>= 1 and <= 2) or (>= 3 and <= 4), $"{time}"));
        Assert.Equal(2.5, drawn.Average(), 0.02);
    }

    [Fact]
    public void Lognormal_times_have_the_mean_and_variation_that_were_asked_for()
    {
        var (times, chance) = (ServiceTimes.LogNormal(TimeSpan.FromSeconds(2), 1.5), new Random(1));
        var drawn = Enumerable.Range(0, 1_000_000).Select(_ => times.Next(chance)).ToArray();
        var mean = drawn.Average();

        Assert.Equal(2, mean, 0.02);
        Assert.Equal(1.5, Math.Sqrt(drawn.Average(time => (time - mean) * (time - mean))) / mean, 0.05);
    }

    private static Dictionary<string, string> Values(string query) =>
        query.Split('&', StringSplitOptions.RemoveEmptyEntries).Select(pair => pair.Split('=', 2)).ToDictionary(pair => pair[0], pair => pair[1]);
}
