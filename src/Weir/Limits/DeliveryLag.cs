namespace Weir.Limits;

/// <summary>
/// How long after the time that it is sent for a message comes, by this instance's clock: what delivery takes, and what the broker's clock is behind ours. Messages are sent
/// for that much earlier, so that they come while their slots are open. It decides only when a job comes, never whether it may start.
/// </summary>
internal sealed class DeliveryLag
{
    /// <summary>The most by which clocks may differ, and a slow delivery on top. What comes later than that has waited in a backlog, which says nothing of the next.</summary>
    private static readonly TimeSpan Most = TimeSpan.FromSeconds(2);

    /// <summary>What comes too early by up to this may do so because of a clock, and would come at once again if it were put off for the same time.</summary>
    private static readonly TimeSpan ClockSkew = TimeSpan.FromSeconds(1);

    private static readonly TimeSpan Least = TimeSpan.FromMilliseconds(20);

    private long lag;

    /// <summary>A message with a slot has come, so long after its slot's beginning; negative is before.</summary>
    public void Observe(TimeSpan after, TimeSpan window)
    {
        if (after.Duration() > Most + window)
            return;
        // Within its window it came as it should. What came outside corrects by half, so that one late message does not make all others early.
        var wrong = after < TimeSpan.Zero ? after : after >= window ? after - window / 2 : TimeSpan.Zero;
        if (wrong != TimeSpan.Zero)
            Volatile.Write(ref lag, Math.Clamp(Volatile.Read(ref lag) + wrong.Ticks / 2, -Most.Ticks, Most.Ticks));
    }

    /// <summary>The time to send a message for that is to come then.</summary>
    public DateTimeOffset SendFor(DateTimeOffset time) => time - TimeSpan.FromTicks(Volatile.Read(ref lag));

    /// <summary>The same for one that is put off: if it has come a little too early, because the broker's clock is ahead of ours, it is sent for that much later.</summary>
    public DateTimeOffset ComesFor(DateTimeOffset time, DateTimeOffset now, bool cameEarly)
    {
        var early = time - now;
        var at = cameEarly && early <= ClockSkew ? time + early : SendFor(time);
        return at < now + Least ? now + Least : at;
    }
}
