using Microsoft.Extensions.Options;

namespace Weir.Limits;

/// <summary>
/// How many submissions this instance handles at once, and how many bytes of them: what comes beyond is refused before its body is read, so that a storm costs neither memory
/// nor the submissions that are being handled. Reads, health and the operator's requests are not bounded by it.
/// </summary>
internal sealed class SubmissionsInFlight(IOptions<WeirOptions> options, Random chance)
{
    private long requests;
    private long bytes;

    public int Most => options.Value.MaxInFlight;

    public long MostBytes => options.Value.MaxInFlightBytes;

    public long Requests => Interlocked.Read(ref requests);

    public long Bytes => Interlocked.Read(ref bytes);

    /// <summary>Lets a request in until the answer is disposed of.</summary>
    /// <param name="length">What it says it brings; null when it does not say.</param>
    /// <param name="most">The most that it may bring.</param>
    /// <returns>Null when there is no room.</returns>
    public Entry? TryEnter(long? length, long most)
    {
        var size = Math.Min(length ?? most, most);
        var isRoom = Interlocked.Increment(ref requests) <= Most;
        // One alone is let in whatever its size: a bound below the largest body must not shut it out for good.
        isRoom &= Interlocked.Add(ref bytes, size) <= MostBytes || Requests == 1;
        var entry = new Entry(this, size);
        if (isRoom)
            return entry;
        entry.Dispose();
        return null;
    }

    /// <summary>One second, or two for half of them: those who are refused together do not come back together.</summary>
    public int RetryAfterSeconds => 1 + chance.Next(2);

    public sealed class Entry(SubmissionsInFlight all, long size) : IDisposable
    {
        private bool isOver;

        public void Dispose()
        {
            if (isOver)
                return;
            isOver = true;
            Interlocked.Add(ref all.bytes, -size);
            Interlocked.Decrement(ref all.requests);
        }
    }
}
