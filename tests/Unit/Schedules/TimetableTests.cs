using System.Diagnostics;
using Weir.Schedules;

namespace Unit.Tests.Schedules;

/// <summary>When schedules are due, in cases that one can read.</summary>
public sealed class TimetableTests
{
    [Theory]
    // Berlin, 28 March 2027: 02:00 becomes 03:00.
    [InlineData("30 2 * * *", "Europe/Berlin", "2027-03-27T12:00:00+01:00", "2027-03-28T03:00:00+02:00", "2027-03-29T02:30:00+02:00")]
    [InlineData("0,20,40 2 * * *", "Europe/Berlin", "2027-03-27T12:00:00+01:00", "2027-03-28T03:00:00+02:00", "2027-03-29T02:00:00+02:00")]
    [InlineData("*/15 * * * *", "Europe/Berlin", "2027-03-28T01:30:00+01:00", "2027-03-28T01:45:00+01:00", "2027-03-28T03:00:00+02:00")]
    [InlineData("0 */2 * * *", "Europe/Berlin", "2027-03-28T00:00:00+01:00", "2027-03-28T03:00:00+02:00", "2027-03-28T04:00:00+02:00")]
    // 31 October 2027: 03:00 becomes 02:00.
    [InlineData("30 2 * * *", "Europe/Berlin", "2027-10-31T00:00:00+02:00", "2027-10-31T02:30:00+02:00", "2027-11-01T02:30:00+01:00")]
    [InlineData("*/30 * * * *", "Europe/Berlin", "2027-10-31T02:00:00+02:00", "2027-10-31T02:30:00+02:00", "2027-10-31T02:00:00+01:00")]
    [InlineData("30 1-3 * * *", "Europe/Berlin", "2027-10-31T02:30:00+02:00", "2027-10-31T02:30:00+01:00", "2027-10-31T03:30:00+01:00")]
    // Half an hour of daylight saving: 02:00 becomes 02:30 on 3 October 2027.
    [InlineData("15 2 * * *", "Australia/Lord_Howe", "2027-10-02T12:00:00+10:30", "2027-10-03T02:30:00+11:00", "2027-10-04T02:15:00+11:00")]
    // A gap at midnight.
    [InlineData("0 0 * * *", "America/Sao_Paulo", "2018-11-03T12:00:00-03:00", "2018-11-04T01:00:00-02:00", "2018-11-05T00:00:00-02:00")]
    // Samoa had no 30 December 2011.
    [InlineData("0 9 * * *", "Pacific/Apia", "2011-12-29T10:00:00-10:00", "2011-12-31T00:00:00+14:00", "2011-12-31T09:00:00+14:00")]
    [InlineData("0 0 29 2 1", "UTC", "2072-02-29T00:00:00Z", "2112-02-29T00:00:00Z", "2140-02-29T00:00:00Z")]
    [InlineData("0 0 * * MON", "Asia/Kathmandu", "2027-01-01T00:00:00Z", "2027-01-04T00:00:00+05:45", "2027-01-11T00:00:00+05:45")]
    public void The_next_two(string cron, string zone, string after, string first, string second)
    {
        var timetable = New(cron, zone);
        var next = timetable.Next(Moment(after));
        Assert.Equal(Moment(first), next);
        Assert.Equal(Moment(first).ToString("O"), timetable.Local(next!.Value).ToString("O"));
        Assert.Equal(Moment(second), timetable.Next(next.Value));
    }

    [Theory]
    [InlineData("0 0 30 2 *")]
    [InlineData("0 0 31 4,6,9,11 *")]
    public void What_fits_no_date_is_never_due(string cron) => Assert.Null(New(cron, "Europe/Berlin").Next(Moment("2027-01-01T00:00:00Z")));

    [Theory]
    [InlineData("* * * *", "got 4")]
    [InlineData("* * * * * * *", "got 7")]
    [InlineData("60 * * * *", "the minute '60'")]
    [InlineData("* 24 * * *", "the hour '24'")]
    [InlineData("* * 0 * *", "the day of month '0'")]
    [InlineData("* * * 13 *", "the month '13'")]
    [InlineData("* * * * 8", "the day of week '8'")]
    [InlineData("x * * * * *", "the second 'x'")]
    [InlineData("*/0 * * * *", "the minute '*/0'")]
    [InlineData("1- * * * *", "the minute '1-'")]
    public void A_wrong_expression_says_which_field_is_wrong(string cron, string says)
    {
        Assert.Null(CronExpression.Parse(cron, out var wrong));
        Assert.Contains(says, wrong);
    }

    [Fact]
    public void Bounds_hold_on_both_sides()
    {
        var timetable = new Timetable(CronExpression.Parse("0 * * * *", out _)!, TimeZoneInfo.Utc, Moment("2030-01-01T10:00:00Z"), Moment("2030-01-01T11:00:00Z"));
        Assert.Equal(Moment("2030-01-01T10:00:00Z"), timetable.Next(Moment("2029-01-01T00:00:00Z")));
        Assert.Equal(Moment("2030-01-01T11:00:00Z"), timetable.Next(Moment("2030-01-01T10:00:00Z")));
        Assert.Null(timetable.Next(Moment("2030-01-01T11:00:00Z")));
    }

    [Fact]
    public void The_last_of_very_many_is_found_without_counting_them()
    {
        var began = Stopwatch.GetTimestamp();
        var january = New("* * * * 1 *", "Europe/Berlin");
        Assert.Equal(Moment("2030-01-31T23:59:59+01:00"), january.Previous(Moment("2030-12-31T00:00:00Z"), Moment("2020-01-01T00:00:00Z")));
        Assert.True(Stopwatch.GetElapsedTime(began) < TimeSpan.FromSeconds(2), "It counted them.");
    }

    [Theory]
    [InlineData("W. Europe Standard Time", "Europe/Berlin")]
    [InlineData("Eastern Standard Time", "America/New_York")]
    [InlineData("UTC", "UTC")]
    public void Zones_go_by_the_names_of_Windows_too(string name, string iana) => Assert.Equal(iana, TimeZones.Find(name)?.Id);

    [Fact]
    public void Every_name_of_Windows_is_a_zone() => Assert.All(WindowsTimeZones.Names, name => Assert.NotNull(TimeZones.Find(name)));

    [Theory]
    [InlineData("Europe/Berln", "Europe/Berlin")]
    [InlineData("berlin", "Europe/Berlin")]
    [InlineData("europe/berlin", "Europe/Berlin")]
    [InlineData("Pacific Standart Time", "Pacific Standard Time")]
    public void A_zone_that_is_not_there_has_near_ones(string name, string near)
    {
        Assert.Null(TimeZones.Find(name));
        Assert.Contains(near, TimeZones.Near(name));
    }

    [Theory]
    [InlineData("../../../etc/passwd")]
    [InlineData("/etc/localtime")]
    [InlineData("localtime")]
    [InlineData("right/Europe/Berlin")]
    [InlineData("Europe")]
    [InlineData("zone.tab")]
    [InlineData("")]
    public void What_is_a_file_but_no_zone_is_none(string name) => Assert.Null(TimeZones.Find(name));

    private static Timetable New(string cron, string zone) => new(CronExpression.Parse(cron, out _)!, TimeZones.Find(zone)!, null, null);

    private static DateTimeOffset Moment(string text) => DateTimeOffset.Parse(text, System.Globalization.CultureInfo.InvariantCulture);
}
