namespace Weir;

/// <summary>Thrown by a handler: this attempt failed, a later one may succeed.</summary>
/// <param name="retryAfter">When the other side said how long to wait; it wins over the policy's backoff.</param>
public sealed class TransientException(string message, TimeSpan? retryAfter = null, Exception? inner = null) : Exception(message, inner)
{
    public TimeSpan? RetryAfter { get; } = retryAfter;
}

/// <summary>Thrown by a handler: no further attempt can succeed. The job is dead-lettered at once.</summary>
public sealed class PermanentException(string message, Exception? inner = null) : Exception(message, inner);
