using Weir.Concurrency;

namespace Unit.Tests.Concurrency;

/// <summary>The limit against a downstream that takes so many at once in a given time, and makes more than that wait.</summary>
public sealed class AdaptiveLimitTests
{
    [Fact]
    public void It_grows_to_what_is_allowed_while_nothing_gets_slower()
    {
        var world = new Downstream(most: 40, capacity: 1_000);
        world.Run(TimeSpan.FromMinutes(2));
        Assert.Equal(40, world.Limit.Current);
    }

    [Fact]
    public void It_settles_near_what_the_other_side_takes()
    {
        var world = new Downstream(most: 200, capacity: 20);
        world.Run(TimeSpan.FromMinutes(3));
        var seen = world.Run(TimeSpan.FromMinutes(3));
        Assert.InRange(seen.Average(), 14, 32);
        Assert.InRange(seen.Max(), 20, 40);
    }

    [Fact]
    public void Failures_that_pass_bring_it_down_at_once_and_it_comes_back_afterwards()
    {
        var world = new Downstream(most: 30, capacity: 1_000);
        world.Run(TimeSpan.FromMinutes(2));
        world.FailureShare = 0.5;
        world.Run(TimeSpan.FromSeconds(15));
        Assert.InRange(world.Limit.Current, 1, 3);
        world.FailureShare = 0;
        world.Run(TimeSpan.FromMinutes(3));
        Assert.Equal(30, world.Limit.Current);
    }

    [Fact]
    public void A_lasting_change_is_accepted_after_some_minutes()
    {
        var world = new Downstream(most: 30, capacity: 1_000);
        world.Run(TimeSpan.FromMinutes(2));
        world.TimeMs = 250;
        world.Run(TimeSpan.FromSeconds(20));
        Assert.InRange(world.Limit.Current, 1, 8);
        world.Run(TimeSpan.FromMinutes(25));
        Assert.Equal(30, world.Limit.Current);
    }

    /// <summary>Always as many as the limit allows; each takes its time, and longer when there are more than the capacity.</summary>
    private sealed class Downstream(int most, int capacity)
    {
        private readonly Random chance = new(7);
        private readonly List<(DateTimeOffset Ends, DateTimeOffset Began)> running = [];
        private DateTimeOffset now = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

        public AdaptiveLimit Limit { get; } = new(most);

        public double FailureShare { get; set; }

        public double TimeMs { get; set; } = 100;

        public List<int> Run(TimeSpan time)
        {
            var seen = new List<int>();
            for (var until = now + time; now < until; now += TimeSpan.FromMilliseconds(10))
            {
                while (running.Count < Limit.Current)
                {
                    var took = TimeMs * Math.Max(1, (running.Count + 1.0) / capacity) * (0.9 + 0.2 * chance.NextDouble());
                    running.Add((now + TimeSpan.FromMilliseconds(took), now));
                }
                foreach (var ended in running.Where(one => one.Ends <= now).ToArray())
                {
                    var full = running.Count >= Limit.Current;
                    running.Remove(ended);
                    Limit.Report(ended.Began, now, chance.NextDouble() >= FailureShare, full);
                }
                seen.Add(Limit.Current);
            }
            return seen;
        }
    }
}
