using Capacity;
using Capacity.Simulation;

namespace Unit.Tests.Planning;

public sealed class QueueSimulationTests(ITestOutputHelper output)
{
    private static readonly ServiceTimes OneSecond = ServiceTimes.Exponential(TimeSpan.FromSeconds(1));

    /// <summary>How many times as many jobs are simulated; 20 takes some minutes, and then the large cases too are sure to 2 %.</summary>
    private static readonly int Times = int.TryParse(Environment.GetEnvironmentVariable("WEIR_CAPACITY_TIMES"), out var times) ? times : 1;

    /// <summary>
    /// Means of independent runs (each with a warm-up), whose spread says how sure their mean is: three standard errors are within the 2 % that are allowed, so the test would see an error of that
    /// size, and it passes not by luck.
    /// </summary>
    [Theory]
    [InlineData(1, 0.5, 2_000_000)]
    [InlineData(1, 0.7, 2_000_000)]
    [InlineData(2, 0.7, 3_000_000)]
    [InlineData(5, 0.8, 4_000_000)]
    public void The_simulation_agrees_with_Erlang_C_within_2_percent(int sessions, double utilisation, int jobs)
    {
        var demand = new Demand(sessions * utilisation, OneSecond);
        var exact = WaitEstimate.For(demand, sessions);

        var (mean, error, outcomes) = Measure(demand, sessions, jobs);

        output.WriteLine($"M/M/{sessions} at {utilisation}: simulated {mean:0.00000} ± {error:0.00000}, exact {exact.Mean:0.00000}");
        Assert.True(3 * error < 0.02 * exact.Mean, "Too few jobs to tell.");
        Assert.InRange(mean / exact.Mean, 0.98, 1.02);
        var p95 = outcomes.Average(one => one.Wait.Percentile(0.95).TotalSeconds);
        Assert.Equal(exact.Percentile(0.95), p95, 0.03 * exact.Percentile(0.95));
    }

    /// <summary>With many sessions few jobs wait, and those in rare crowds: to be sure to 2 % takes twenty million jobs. What is simulated by default must fit within three standard errors.</summary>
    [Theory]
    [InlineData(20, 0.8)]
    [InlineData(64, 0.9)]
    public void The_simulation_agrees_with_Erlang_C_where_sessions_are_many(int sessions, double utilisation)
    {
        var demand = new Demand(sessions * utilisation, OneSecond);
        var exact = WaitEstimate.For(demand, sessions);

        var (mean, error, _) = Measure(demand, sessions, 2_000_000 * Times);

        output.WriteLine($"M/M/{sessions} at {utilisation}: simulated {mean:0.00000} ± {error:0.00000}, exact {exact.Mean:0.00000}");
        Assert.True(3 * error < 0.12 * exact.Mean, "Too few jobs to tell.");
        Assert.InRange(Math.Abs(mean - exact.Mean), 0, Math.Max(3 * error, 0.02 * exact.Mean));
    }

    /// <summary>Pollaczek and Khinchine: the mean wait of one session is ρ/(1-ρ) · (1 + v²)/2 service times, exactly, whatever the distribution.</summary>
    [Theory]
    [InlineData(0, 1_000_000)]
    [InlineData(0.5, 1_000_000)]
    [InlineData(1.2, 4_000_000)]
    public void One_session_with_any_service_times_agrees_with_Pollaczek_and_Khinchine(double variation, int jobs)
    {
        var demand = new Demand(0.6, ServiceTimes.LogNormal(TimeSpan.FromSeconds(1), variation));
        var exact = 0.6 / 0.4 * (1 + variation * variation) / 2;

        var (mean, error, _) = Measure(demand, 1, jobs);

        output.WriteLine($"M/G/1, variation {variation}: simulated {mean:0.0000} ± {error:0.0000}, exact {exact:0.0000}");
        Assert.Equal(exact, WaitEstimate.For(demand, 1).Mean, 1e-9);
        Assert.True(3 * error < 0.02 * exact, "Too few jobs to tell.");
        Assert.InRange(mean / exact, 0.98, 1.02);
    }

    /// <summary>Cobham: with c sessions of one exponential service time and priorities that do not interrupt, class k waits W₀ / ((1-σₖ₋₁)(1-σₖ)), W₀ = C(c, a)/(cμ), σₖ = the load of classes up to k over c.</summary>
    [Fact]
    public void Priorities_that_share_sessions_agree_with_Cobham()
    {
        const int Sessions = 4;
        double[] arrivals = [0.8, 1.4, 1.0];
        var outcome = QueueSimulation.Run(new Scenario
        {
            Queues = [.. arrivals.Select((rate, index) => new QueueLoad($"{index}", rate, OneSecond))],
            AreSessionsShared = true,
            Fleet = new Fleet(Sessions, 1),
            WarmUp = TimeSpan.FromSeconds(1_000),
            Duration = TimeSpan.FromSeconds(500_000),
        });

        var first = ErlangC.ProbabilityOfWait(Sessions, arrivals.Sum()) / Sessions;
        var before = 0.0;
        foreach (var (index, rate) in arrivals.Index())
        {
            var upTo = before + rate / Sessions;
            Assert.InRange(outcome.Queues[index].Wait.Mean.TotalSeconds / (first / ((1 - before) * (1 - upTo))), 0.96, 1.04);
            before = upTo;
        }
    }

    /// <summary>A tenant whose lanes are fewer than the sessions: each lane is a line of its own.</summary>
    [Fact]
    public void Lanes_are_lines_of_their_own()
    {
        var load = new QueueLoad("default", 4.8, OneSecond) { Lanes = new LaneRules(Tenants: 1, EachTenant: 8) };
        var outcome = QueueSimulation.Run(Scenario(load, sessions: 64, seconds: 100_000));

        Assert.InRange(outcome.Queues[0].Wait.Mean.TotalSeconds / (0.6 / 0.4), 0.96, 1.04); // eight M/M/1 at 0.6; M/M/64 would not wait at all
    }

    /// <summary>While sessions are scarce, a tenant with a backlog holds its lanes' sessions for a turn at most.</summary>
    [Fact]
    public void A_session_that_idles_with_its_lane_is_missing_elsewhere()
    {
        QueueOutcome Of(TimeSpan idle) => QueueSimulation.Run(Scenario(
            new QueueLoad("default", 40, ServiceTimes.Fixed(TimeSpan.FromMilliseconds(50))) { Lanes = new LaneRules(2_000, 1) { Idle = idle } }, sessions: 20, seconds: 100)).Queues[0];

        Assert.True(Of(TimeSpan.Zero).Wait.Percentile(0.99) < TimeSpan.FromMilliseconds(50)); // two of twenty sessions are busy
        Assert.True(Of(TimeSpan.FromSeconds(1)).Wait.Percentile(0.5) > TimeSpan.FromSeconds(10)); // each job takes one for 1.05 s: 42 would be needed
    }

    [Fact]
    public void Retries_come_back_and_count()
    {
        var outcome = QueueSimulation.Run(Scenario(new QueueLoad("default", 10, OneSecond) { FailureRate = 0.5, Attempts = 3 }, sessions: 40, seconds: 5_000)).Queues[0];

        Assert.Equal(outcome.Arrived, outcome.Succeeded + outcome.Failed);
        Assert.InRange(outcome.Failed / (double)outcome.Arrived, 0.12, 0.13); // a half to the third
        Assert.InRange(outcome.Retries / (double)outcome.Arrived, 0.74, 0.76);
        Assert.InRange(outcome.EndToEnd.Mean.TotalSeconds, 2, 2.8); // 1.75 attempts of 1 s, half a second or a second between them
    }

    [Fact]
    public void A_surge_builds_a_backlog_that_drains_at_the_rate_that_is_left()
    {
        var outcome = QueueSimulation.Run(Scenario(new QueueLoad("default", 10, ServiceTimes.Fixed(TimeSpan.FromMilliseconds(500))), sessions: 10, seconds: 3_000) with
        {
            Surge = new Surge(10, TimeSpan.FromSeconds(300), TimeSpan.FromSeconds(60)),
        }).Queues[0];

        Assert.InRange(outcome.PeakDepth, 4_500, 5_100); // 100 come in a second and 20 go, for a minute
        Assert.InRange(outcome.TimeToDrain!.Value.TotalSeconds, 440, 520); // then 10 more go than come
        Assert.Equal(0, outcome.Refused);
    }

    [Fact]
    public void Instances_that_come_shorten_the_wait()
    {
        var load = new QueueLoad("default", 10, ServiceTimes.Fixed(TimeSpan.FromMilliseconds(500)));
        var alone = Scenario(load, sessions: 10, seconds: 3_000) with { Surge = new Surge(10, TimeSpan.FromSeconds(300), TimeSpan.FromSeconds(60)) };
        var outcome = QueueSimulation.Run(alone with { Fleet = alone.Fleet with { ScaleOut = new ScaleOut(20) } });

        Assert.Equal(20, outcome.PeakInstances);
        Assert.True(outcome.Queues[0].PeakDepth < QueueSimulation.Run(alone).Queues[0].PeakDepth);
        Assert.True(outcome.Queues[0].TimeToDrain < TimeSpan.FromSeconds(60));
        // Four are asked for every 10 s and come after 20: in the first 20 s of the surge some 80 jobs a second were too many.
        Assert.True(outcome.Queues[0].PeakDepth > 1_500);
    }

    [Fact]
    public void Under_pressure_bulk_goes_first_then_default_and_critical_last()
    {
        var at = (Elevated: TimeSpan.FromSeconds(5), Saturated: TimeSpan.FromSeconds(20));
        QueueLoad Of(Priority priority) => new($"{priority}", 10, ServiceTimes.Fixed(TimeSpan.FromMilliseconds(500))) { Admission = new Admission(priority, at.Elevated, at.Saturated, 2_000) };
        var queues = QueueSimulation.Run(Scenario(Of(Priority.Critical), sessions: 10, seconds: 600) with
        {
            Queues = [Of(Priority.Critical), Of(Priority.Default), Of(Priority.Bulk)],
            Surge = new Surge(5, TimeSpan.FromSeconds(100), TimeSpan.FromSeconds(60)),
        }).Queues;

        Assert.Equal(0, queues[0].Refused);
        Assert.InRange(queues[1].Refused, 1, queues[2].Refused - 1);
        Assert.InRange(queues[1].PeakDepth, 300, 600); // saturated: 20 s at 20 a second
        Assert.InRange(queues[2].PeakDepth, 195, 300); // elevated from 100 on, if there were not the least depth of 200
        Assert.All(queues, queue => Assert.Equal(queue.Arrived, queue.Refused + queue.Succeeded));
    }

    [Fact]
    public void The_same_seed_is_the_same_run()
    {
        var scenario = Scenario(new QueueLoad("default", 8, OneSecond) { FailureRate = 0.1, Attempts = 5, Lanes = new LaneRules(10, 2) }, sessions: 10, seconds: 1_000);

        var (one, again, other) = (QueueSimulation.Run(scenario).Queues[0], QueueSimulation.Run(scenario).Queues[0], QueueSimulation.Run(scenario with { Seed = 2 }).Queues[0]);

        Assert.Equal((one.Arrived, one.Retries, one.Wait.Mean, one.EndToEnd.Max), (again.Arrived, again.Retries, again.Wait.Mean, again.EndToEnd.Max));
        Assert.NotEqual(one.Wait.Mean, other.Wait.Mean);
    }

    private static Scenario Scenario(QueueLoad load, int sessions, double seconds) => new()
    {
        Queues = [load],
        Fleet = new Fleet(sessions, 1),
        WarmUp = TimeSpan.FromSeconds(seconds / 10),
        Duration = TimeSpan.FromSeconds(seconds),
    };

    private static (double Mean, double StandardError, IReadOnlyList<QueueOutcome> Outcomes) Measure(Demand demand, int sessions, double jobs)
    {
        const int MostOfARun = 1_000_000;
        var runs = Math.Max(10, (int)(jobs / MostOfARun));
        var outcomes = Enumerable.Range(1, runs)
            .Select(seed => QueueSimulation.Run(Scenario(new QueueLoad("default", demand.ArrivalsPerSecond, demand.Service), sessions, jobs / runs / demand.ArrivalsPerSecond) with { Seed = seed }).Queues[0])
            .ToArray();
        var means = outcomes.Select(one => one.Wait.Mean.TotalSeconds).ToArray();
        var mean = means.Average();
        return (mean, Math.Sqrt(means.Sum(one => (one - mean) * (one - mean)) / (runs - 1) / runs), outcomes);
    }
}
