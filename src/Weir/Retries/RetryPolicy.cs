using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace Weir.Retries;

/// <summary>How often a job is tried, and how long it waits between tries.</summary>
/// <param name="Attempts">The most executions of a job, the first included; 1 to 100.</param>
/// <param name="UnknownAttempts">The same for errors of class unknown.</param>
/// <param name="Base">The upper bound of the first delay; it grows by <paramref name="Multiplier"/> with each further one.</param>
/// <param name="Cap">No delay is longer.</param>
public sealed record RetryPolicy(int Attempts, int UnknownAttempts, TimeSpan Base, TimeSpan Cap, double Multiplier = 2)
{
    internal int AttemptsFor(ErrorClass errorClass) => errorClass switch
    {
        ErrorClass.Permanent => 1,
        ErrorClass.Unknown => Math.Min(UnknownAttempts, Attempts),
        _ => Attempts,
    };

    /// <summary>
    /// The wait after a failed attempt: full jitter, between zero and the exponential bound
    /// (https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/). Not drawn but computed from
    /// (job id, attempt): anybody can say in advance when each retry will come, and a second computation after a crash agrees.
    /// </summary>
    public TimeSpan DelayAfter(string jobId, int attempt)
    {
        var bound = Math.Min(Cap.TotalMilliseconds, Base.TotalMilliseconds * Math.Pow(Multiplier, attempt - 1));
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(Encoding.UTF8.GetBytes($"{jobId}:{attempt}"), hash);
        var fraction = (BinaryPrimitives.ReadUInt64BigEndian(hash) >> 11) * (1.0 / (1ul << 53));
        return TimeSpan.FromMilliseconds(Math.Round(bound * fraction));
    }
}

/// <summary>The policies that a job type can name.</summary>
public static class RetryPolicies
{
    public const string Standard = "standard";
    public const string Patient = "patient";
    public const string Quick = "quick";
    public const string None = "none";

    private static readonly Dictionary<string, RetryPolicy> Known = new(StringComparer.Ordinal)
    {
        // Up to 1 minute of delays in all: what a deployment or a failover of the other side takes.
        [Standard] = new(Attempts: 5, UnknownAttempts: 3, Base: TimeSpan.FromSeconds(2), Cap: TimeSpan.FromMinutes(5), Multiplier: 3),
        // Up to about 20 hours: for the other side's bad day.
        [Patient] = new(Attempts: 12, UnknownAttempts: 5, Base: TimeSpan.FromSeconds(30), Cap: TimeSpan.FromHours(4), Multiplier: 3),
        // For a downstream of our own, which is back within the second.
        [Quick] = new(Attempts: 5, UnknownAttempts: 5, Base: TimeSpan.FromMilliseconds(100), Cap: TimeSpan.FromSeconds(2)),
        [None] = new(Attempts: 1, UnknownAttempts: 1, Base: TimeSpan.Zero, Cap: TimeSpan.Zero),
    };

    /// <exception cref="InvalidOperationException">There is no policy of that name.</exception>
    public static RetryPolicy Find(string name) => Known.GetValueOrDefault(name)
        ?? throw new InvalidOperationException($"There is no retry policy '{name}'; expected one of {string.Join(", ", Known.Keys)}.");
}
