using Weir.Limits;

namespace Unit.Tests.Limits;

/// <summary>What a tenant has submitted in the last minute, and when there is room again.</summary>
public sealed class UsageTests
{
    private static readonly DateTimeOffset Noon = new(2030, 1, 1, 12, 0, 0, TimeSpan.Zero);

    [Fact]
    public void A_minute_slides()
    {
        var usage = Submitted(10, Noon.AddSeconds(30));
        Assert.Equal(10, usage.SubmissionsAt(Noon.AddSeconds(59)));
        Assert.Equal(10, usage.SubmissionsAt(Noon.AddSeconds(60)));
        Assert.Equal(5, usage.SubmissionsAt(Noon.AddSeconds(90)));
        Assert.Equal(0, usage.SubmissionsAt(Noon.AddSeconds(120)));
    }

    [Theory]
    [InlineData(10, 30)]
    [InlineData(10, 90)]
    [InlineData(3, 59)]
    [InlineData(1, 0)]
    [InlineData(1_000, 75)]
    public void When_it_says_that_there_is_room_there_is_and_not_long_before(int quota, int second)
    {
        var usage = Submitted(quota, Noon.AddSeconds(30));
        var now = Noon.AddSeconds(second);
        if (usage.SubmissionsAt(now) < quota)
            return;
        var wait = usage.UntilRoom(quota, now);
        Assert.InRange(wait.TotalSeconds, 0, 120);
        Assert.True(usage.SubmissionsAt(now + wait + TimeSpan.FromSeconds(0.1)) < quota, $"{wait}: {usage.SubmissionsAt(now + wait)}");
        if (wait > TimeSpan.FromSeconds(1))
            Assert.True(usage.SubmissionsAt(now + wait - TimeSpan.FromSeconds(1)) >= quota);
    }

    [Fact]
    public void What_two_have_counted_is_the_sum_whichever_minute_they_are_in()
    {
        var early = Submitted(7, Noon);
        var late = Submitted(5, Noon.AddMinutes(1));
        Assert.Equal(early.With(late), late.With(early));
        Assert.Equal((5, 7), (early.With(late).Submissions, early.With(late).SubmissionsBefore));
        Assert.Equal(12, early.With(late).SubmissionsAt(Noon.AddMinutes(1)));
        Assert.Equal(120, early.With(late).Bytes);
        Assert.Equal(late, early.With(late).Less(early.At(Noon.AddMinutes(1))));
    }

    [Fact]
    public void A_day_begins_at_zero()
    {
        var usage = Submitted(5, Noon);
        Assert.Equal((50, 0), (usage.At(Noon.AddHours(11)).Bytes, usage.At(Noon.AddHours(12)).Bytes));
    }

    private static Usage Submitted(long jobs, DateTimeOffset at) => default(Usage).At(at) with { Submissions = jobs, Bytes = jobs * 10 };
}
