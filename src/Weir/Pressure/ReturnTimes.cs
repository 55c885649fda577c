namespace Weir.Pressure;

/// <summary>
/// Tells each who is refused when to come back: first when there is room, and then one after the other as fast as room comes, so that those who honour it do not all stand there
/// at the same moment again.
/// </summary>
internal sealed class ReturnTimes(Random chance)
{
    /// <summary>Those who come again before their time take places too: after so long a line the next is given any place in it.</summary>
    private static readonly TimeSpan LongestLine = TimeSpan.FromMinutes(2);

    /// <summary>Whatever the estimate says, it is worth asking again after this: what stood still while it was made may have gone on at once.</summary>
    private static readonly TimeSpan Longest = TimeSpan.FromMinutes(10);

    private DateTimeOffset next;

    /// <param name="now">The time.</param>
    /// <param name="room">In how long there is room for the first.</param>
    /// <param name="perSecond">How many there is room for in a second then; 0 when nobody knows.</param>
    /// <param name="jobs">For how many jobs.</param>
    public TimeSpan Take(DateTimeOffset now, TimeSpan room, double perSecond, int jobs)
    {
        var first = now + (room < Longest ? room : Longest);
        if (next < first)
            next = first;
        var isFull = perSecond <= 0 || next - first >= LongestLine;
        var turn = isFull ? first + chance.NextDouble() * LongestLine : next;
        if (!isFull)
            next += TimeSpan.FromSeconds(Math.Min(jobs / perSecond, LongestLine.TotalSeconds));
        // Retry-After has whole seconds: within one of them it is for chance to spread.
        return turn - now + TimeSpan.FromSeconds(chance.NextDouble());
    }
}
