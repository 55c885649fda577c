namespace Weir.Schedules;

/// <summary>
/// The local times of a zone, and the moments they stand for. Asks the zone for nothing but its offset at a moment: what it says of invalid and ambiguous
/// times is not right for every zone (those with a negative daylight saving, those that changed their base).
/// </summary>
internal sealed class LocalTimes(TimeZoneInfo zone)
{
    /// <summary>Offsets lie between -12 and +14 hours, so whatever moment a local time stands for lies within these of it.</summary>
    private static readonly TimeSpan Before = TimeSpan.FromHours(14);

    private static readonly TimeSpan After = TimeSpan.FromHours(12);

    public TimeSpan OffsetAt(DateTimeOffset moment) => zone.GetUtcOffset(moment.UtcDateTime);

    /// <summary>The moment as the clocks of the zone show it.</summary>
    public DateTimeOffset At(DateTimeOffset moment) => moment.ToOffset(OffsetAt(moment));

    /// <summary>The moments at which the clocks show a time: one, two where they are put back, none where they are put forward.</summary>
    /// <param name="local">The time that they show.</param>
    /// <param name="change">Where there is none: the moment of the change, which is the first after the gap.</param>
    public (DateTimeOffset? First, DateTimeOffset? Second) MomentsOf(DateTime local, out DateTimeOffset change)
    {
        var clock = new DateTimeOffset(local, TimeSpan.Zero);
        var (from, to) = (clock - Before, clock + After);
        var (old, now) = (OffsetAt(from), OffsetAt(to));
        change = default;
        if (old == now)
            return (clock - old, null);

        change = ChangeWithin(from, to);
        DateTimeOffset? before = clock - old < change ? clock - old : null;
        DateTimeOffset? after = clock - now >= change ? clock - now : null;
        return before is null ? (after, null) : (before, after);
    }

    /// <summary>The change of the offset between two moments that differ in it: the first moment of the new one, to the second.</summary>
    public DateTimeOffset ChangeWithin(DateTimeOffset from, DateTimeOffset to)
    {
        var old = OffsetAt(from);
        var (low, high) = (from.ToUnixTimeSeconds(), to.ToUnixTimeSeconds());
        while (high - low > 1)
        {
            var middle = low + (high - low) / 2;
            if (OffsetAt(DateTimeOffset.FromUnixTimeSeconds(middle)) == old)
                low = middle;
            else
                high = middle;
        }
        return DateTimeOffset.FromUnixTimeSeconds(high);
    }
}
