namespace Weir.Pressure;

/// <summary>
/// Lets through so many a second, and two seconds' worth at once. What is larger than that goes through when the bucket is full, and is paid back before the next: a batch is
/// accepted whole or not at all.
/// </summary>
internal sealed class TokenBucket
{
    private const double BurstSeconds = 2;

    private double tokens;
    private double burst;
    private DateTimeOffset at;

    public double Tokens => tokens;

    /// <summary>Lets time pass, at a rate that may be another than before.</summary>
    public void Refill(double perSecond, DateTimeOffset now)
    {
        var first = at == default;
        burst = Math.Max(1, perSecond * BurstSeconds);
        tokens = first ? burst : Math.Min(burst, tokens + perSecond * Math.Max(0, (now - at).TotalSeconds));
        at = first || now > at ? now : at;
    }

    public bool TryTake(int count)
    {
        if (tokens < Math.Min(count, burst))
            return false;
        tokens -= count;
        return true;
    }

    /// <summary>Takes without asking: what is accepted anyhow.</summary>
    public void Spend(int count) => tokens = Math.Max(tokens - count, Math.Min(tokens, 0));
}
