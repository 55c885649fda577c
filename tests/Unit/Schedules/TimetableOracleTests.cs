using Weir.Schedules;

namespace Unit.Tests.Schedules;

/// <summary>The search for the next occurrence against the oracle, round the changes of many zones' clocks and anywhere else.</summary>
public sealed class TimetableOracleTests
{
    /// <summary>With half hours of daylight saving, two hours of it, less than none, a base that moved, a gap at midnight, and a day that never was.</summary>
    private static readonly string[] Zones =
    [
        "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "Africa/Casablanca", "America/Sao_Paulo", "Antarctica/Troll", "Pacific/Apia", "Europe/Dublin", "Asia/Gaza", "UTC",
    ];

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Expressions_of_five_fields_are_due_when_the_oracle_says(int seed)
    {
        var chance = new Random(seed);
        for (var number = 0; number < 400; number++)
            Compare($"{Field(chance, 0, 59)} {Hours(chance)} {Days(chance)}", chance, TimeSpan.FromMinutes(1), TimeSpan.FromDays(3), $"seed {seed}, case {number}");
    }

    [Theory]
    [InlineData(4)]
    [InlineData(5)]
    public void Expressions_of_six_fields_are_due_when_the_oracle_says(int seed)
    {
        var chance = new Random(seed);
        for (var number = 0; number < 25; number++)
            Compare($"{Field(chance, 0, 59)} {Field(chance, 0, 59)} {Hours(chance)} * * *", chance, TimeSpan.FromSeconds(1), TimeSpan.FromHours(8), $"seed {seed}, case {number}");
    }

    private static void Compare(string text, Random chance, TimeSpan step, TimeSpan span, string which)
    {
        var zone = TimeZoneInfo.FindSystemTimeZoneById(Zones[chance.Next(Zones.Length)]);
        var cron = CronExpression.Parse(text, out var wrong) ?? throw new InvalidOperationException($"{text}: {wrong}");
        var from = Somewhere(zone, span, chance);
        var expected = new TimetableOracle(text, zone, step).Between(from, from + span);

        var timetable = new Timetable(cron, zone, null, null);
        var due = new List<DateTimeOffset>();
        for (var next = timetable.Next(from.AddTicks(-1)); next < from + span; next = timetable.Next(next.Value))
            due.Add(next.Value);
        Assert.True(expected.SequenceEqual(due),
            $"{which}: '{text}' in {zone.Id} from {from:O}: only the oracle has {string.Join(", ", expected.Except(due).Take(5).Select(one => $"{one:O}"))}; only the timetable has {string.Join(", ", due.Except(expected).Take(5).Select(one => $"{one:O}"))}.");

        var before = from + span * chance.NextDouble();
        DateTimeOffset? last = expected.Where(one => one < before).Select(one => (DateTimeOffset?)one).LastOrDefault();
        Assert.Equal(last, timetable.Previous(before, from.AddTicks(-1)));
    }

    /// <summary>Mostly shortly before the clocks change; a whole second, and not a whole hour.</summary>
    private static DateTimeOffset Somewhere(TimeZoneInfo zone, TimeSpan span, Random chance)
    {
        var start = new DateTimeOffset(2005, 1, 1, 0, 0, 0, TimeSpan.Zero).AddDays(chance.Next(365 * 30));
        var at = start;
        if (chance.Next(5) > 0)
        {
            for (var days = 0; days < 400 && zone.GetUtcOffset(at.UtcDateTime) == zone.GetUtcOffset(at.UtcDateTime.AddDays(1)); days++)
                at = at.AddDays(1);
            while (zone.GetUtcOffset(at.UtcDateTime) == zone.GetUtcOffset(at.UtcDateTime.AddHours(1)) && at < start.AddDays(402))
                at = at.AddHours(1);
        }
        return at - TimeSpan.FromMinutes(chance.Next((int)(span.TotalMinutes * 0.7)));
    }

    private static string Hours(Random chance) => chance.Next(3) switch
    {
        0 => "*",
        1 => Field(chance, 0, 4), // when most clocks change
        _ => Field(chance, 0, 23),
    };

    private static string Days(Random chance) => chance.Next(3) switch
    {
        0 => $"{Field(chance, 1, 31)} * *",
        1 => $"* * {Field(chance, 0, 6)}",
        _ => "* * *",
    };

    private static string Field(Random chance, int least, int most)
    {
        var one = chance.Next(least, most + 1);
        var other = chance.Next(one, most + 1);
        return chance.Next(6) switch
        {
            0 => "*",
            1 => $"*/{chance.Next(1, most + 1)}",
            2 => $"{one}-{other}",
            3 => $"{one}-{other}/{chance.Next(2, 10)}",
            4 => $"{one},{other},{chance.Next(least, most + 1)}",
            _ => $"{one}",
        };
    }
}
