namespace Weir.Testing;

/// <summary>The test asked for what did not come about; the message says what is there instead, and why.</summary>
public class WeirTestException(string message, Exception? inner = null) : Exception(message, inner);

/// <summary>Weir did not accept a job, an event or a schedule.</summary>
public sealed class RefusedException(string message, string reason) : WeirTestException(message)
{
    /// <summary>In a word: <c>contractViolation</c>, <c>unknownType</c>, …</summary>
    public string Reason { get; } = reason;
}
