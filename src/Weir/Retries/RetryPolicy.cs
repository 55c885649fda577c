using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace Weir.Retries;

/// <summary>How often a job is tried, and how long it waits between tries.</summary>
/// <param name="Attempts">The most executions of a job, the first included; 1 to 100.</param>
/// <param name="UnknownAttempts">The same for errors of class unknown.</param>
/// <param name="Base">The upper bound of the first delay; it grows by <paramref name="Multiplier"/> with each further one.</param>
/// <param name="Cap">No delay is longer.</param>
/// <param name="Multiplier">1 or more.</param>
/// <param name="Budget">
/// The share of a type's attempts in a minute that may be retries; past it, its delays double, so that a failing downstream is not hit by a storm. 1 is no budget.
/// </param>
public sealed record RetryPolicy(int Attempts, int UnknownAttempts, TimeSpan Base, TimeSpan Cap, double Multiplier = 2, double Budget = 0.2)
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
