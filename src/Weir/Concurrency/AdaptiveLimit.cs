namespace Weir.Concurrency;

/// <summary>
/// How many jobs of one type are good for what they call, found out by trying: one more while all is well and they are needed, two fifths fewer at once when jobs take clearly
/// longer than they used to or fail in a way that passes (additive increase, multiplicative decrease, as TCP does). "Used to" is the type's own
/// baseline in this process, which follows slowly, so that a lasting change is accepted after some minutes.
/// </summary>
internal sealed class AdaptiveLimit(int most)
{
    private const int Start = 4;

    /// <summary>Fewer samples say nothing about a share or a percentile; where jobs are rare, three in ten seconds must do.</summary>
    private const int ManySamples = 10;
    private const int FewSamples = 3;

    private const int MostSamples = 1_000;
    private const double FailureShare = 0.1;

    /// <summary>Twice the median would be twice as many as the other side takes: so well before that.</summary>
    private const double SlowMedian = 1.5;

    /// <summary>Less than one by <see cref="SlowMedian"/>: so each decrease ends where jobs are quicker than the baseline says, if the limit was what made them slow, and the baseline cannot creep up behind the limit.</summary>
    private const double Decrease = 0.6;
    private const double SlowTail = 2;

    /// <summary>What is shorter than this is the machine's noise, not the other side's.</summary>
    private static readonly TimeSpan Noise = TimeSpan.FromMilliseconds(10);

    /// <summary>In about this time a lasting change is the new baseline.</summary>
    private static readonly TimeSpan Accepted = TimeSpan.FromMinutes(10);

    private static readonly TimeSpan ShortWindow = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan LongWindow = TimeSpan.FromSeconds(10);

    private readonly List<double> times = [];
    private double limit = Math.Min(Start, most);
    private double? median;
    private double? tail;
    private int failures;
    private int total;
    private bool wasFull;
    private DateTimeOffset windowFrom;
    private DateTimeOffset changedAt;

    public int Current => (int)limit;

    /// <summary>An attempt has ended.</summary>
    /// <param name="startedAt">What began under another limit says nothing about this one.</param>
    /// <param name="now">The time.</param>
    /// <param name="succeeded">False: it failed in a way that passes. Others say nothing and are not told.</param>
    /// <param name="full">As many ran as may.</param>
    public void Report(DateTimeOffset startedAt, DateTimeOffset now, bool succeeded, bool full)
    {
        if (startedAt < changedAt)
            return;
        if (total == 0)
            windowFrom = now;
        total++;
        wasFull |= full;
        if (!succeeded)
            failures++;
        else if (times.Count < MostSamples)
            times.Add((now - startedAt).TotalMilliseconds);

        var passed = now - windowFrom;
        if ((total >= ManySamples && passed >= ShortWindow) || (total >= FewSamples && passed >= LongWindow))
            Judge(now);
    }

    private void Judge(DateTimeOffset now)
    {
        times.Sort();
        var (half, most95) = (At(0.5), At(0.95));
        var fails = failures >= 2 && failures > total * FailureShare;
        var slow = half > median * SlowMedian + Noise.TotalMilliseconds || most95 > tail * SlowTail + Noise.TotalMilliseconds;
        if (fails || slow)
        {
            limit = Math.Max(1, Math.Floor(limit * Decrease));
            changedAt = now;
        }
        else if (wasFull)
        {
            limit = Math.Min(most, limit + 1);
        }
        var rise = 1 - Math.Exp(-(now - windowFrom) / Accepted);
        (median, tail) = (Follow(median, half, rise), Follow(tail, most95, rise));
        times.Clear();
        (total, failures, wasFull) = (0, 0, false);
    }

    private double? At(double share) => times.Count == 0 ? null : times[(int)Math.Min(times.Count - 1, Math.Floor(times.Count * share))];

    /// <summary>Down soon, up slowly: or it would follow the limit's own doing and never object to it.</summary>
    private static double? Follow(double? known, double? seen, double rise) =>
        seen is not { } now ? known : known is not { } before ? now : before + (now - before) * (now < before ? 0.3 : rise);
}
