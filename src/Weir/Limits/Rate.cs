using System.Globalization;
using System.Text.RegularExpressions;

namespace Weir.Limits;

/// <summary>How many jobs may start in a stretch of time, as it is written: <c>20/s</c>, <c>100/m</c>, <c>5000/h</c>, <c>10/d</c>.</summary>
internal readonly partial record struct Rate(int Count, TimeSpan Per)
{
    private const int Most = 10_000;

    public const string Expected = "expected a number of jobs and a unit, such as 20/s, 100/m, 5000/h or 10/d, of at most 10,000 a second";

    /// <summary>From one slot to the next, rounded up: never faster than the rate.</summary>
    public TimeSpan Interval => TimeSpan.FromTicks((Per.Ticks + Count - 1) / Count);

    /// <summary>A quarter of a second's jobs, at least one: enough room for what delivery and scheduling scatter.</summary>
    public int DefaultBurst => Math.Max(1, (int)Math.Ceiling(Count / Per.TotalSeconds / 4));

    public static bool TryParse(string text, out Rate rate)
    {
        rate = default;
        if (Form().Match(text) is not { Success: true } match || !int.TryParse(match.Groups[1].ValueSpan, NumberStyles.None, CultureInfo.InvariantCulture, out var count) || count == 0)
            return false;
        var per = match.Groups[2].Value switch
        {
            "s" => TimeSpan.FromSeconds(1),
            "m" => TimeSpan.FromMinutes(1),
            "h" => TimeSpan.FromHours(1),
            _ => TimeSpan.FromDays(1),
        };
        rate = new Rate(count, per);
        return count <= Most * per.TotalSeconds;
    }

    public override string ToString() =>
        string.Create(CultureInfo.InvariantCulture, $"{Count}/{(Per.TotalSeconds switch { 1 => 's', 60 => 'm', 3600 => 'h', _ => 'd' })}");

    [GeneratedRegex(@"\A([0-9]{1,9})/([smhd])\z", RegexOptions.CultureInvariant)]
    private static partial Regex Form();
}
