using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Options;
using Weir.Api;

namespace Weir.Limits;

/// <summary>
/// How many submissions this instance handles at once, and how many bytes of them it holds: what comes beyond is refused before its body is read, or when there is no room for more of it, so that a
/// storm costs neither memory nor the submissions that are being handled. Bytes count when they have come: a Content-Length costs its sender nothing, and would shut out all others. Reads, health and
/// the operator's requests are not bounded by it.
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
    /// <returns>Null when there is no room.</returns>
    public Entry? TryEnter()
    {
        if (Interlocked.Increment(ref requests) <= Most && (Bytes < MostBytes || Requests == 1))
            return new Entry(this);
        Interlocked.Decrement(ref requests);
        return null;
    }

    /// <summary>One second, or two for half of them: those who are refused together do not come back together.</summary>
    private int RetryAfterSeconds => 1 + chance.Next(2);

    public sealed class Entry(SubmissionsInFlight all) : IDisposable
    {
        private long held;
        private bool isOver;

        public IResult Refusal => all.Refusal;

        /// <summary>Its buffer grows to so many bytes. False when there is no room for that; of one that is alone there always is, whatever the bound.</summary>
        public bool TryHold(long size)
        {
            var more = size - held;
            if (Interlocked.Add(ref all.bytes, more) > all.MostBytes && all.Requests > 1)
            {
                Interlocked.Add(ref all.bytes, -more);
                return false;
            }
            held = size;
            return true;
        }

        public void Dispose()
        {
            if (isOver)
                return;
            isOver = true;
            Interlocked.Add(ref all.bytes, -held);
            Interlocked.Decrement(ref all.requests);
        }
    }

    /// <summary>The answer to those for whom there is no room.</summary>
    public IResult Refusal => Problem.TooManyInFlight(Most, MostBytes, RetryAfterSeconds);
}
