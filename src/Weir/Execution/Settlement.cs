using Weir.Lanes;

namespace Weir.Execution;

/// <summary>What is to become of a message once Weir has decided. The trigger does it; nothing about the job depends on it any more.</summary>
public abstract record Settlement
{
    private Settlement() { }

    /// <summary>The lane has had its turn: after this message its session is given back.</summary>
    public bool EndsTurn { get; init; }

    /// <summary>Done with: the outcome, or the next attempt, is on record elsewhere.</summary>
    public sealed record Complete : Settlement;

    /// <summary>To the queue's dead-letter queue.</summary>
    public sealed record DeadLetter(string Reason, string Description) : Settlement;

    /// <summary>Handed back: it stays where it is, first of its lane, for whoever holds the session next.</summary>
    public sealed record HandBack : Settlement;

    /// <summary>Not settled yet: the next attempt of a job in strict order is to be made here, or sent.</summary>
    internal sealed record TryAgain(JobMessage Message, DateTimeOffset At) : Settlement;

    internal static Settlement Completed { get; } = new Complete();

    internal static Settlement HandedBack { get; } = new HandBack();
}

/// <summary>Why a job or a message went to the dead letters.</summary>
internal static class DeadLetterReason
{
    public const string AttemptsExhausted = "attemptsExhausted";
    public const string Permanent = "permanent";
    public const string Contract = "contract";
    public const string Poison = "poison";
    public const string Expired = "expired";

    /// <summary>The broker handed the message out too often; nobody brought it to an end.</summary>
    public const string MaxDeliveries = "maxDeliveries";
    public const string CompensationFailed = "compensationFailed";

    /// <summary>A workflow's orchestration ended by itself: it came to differ from its history, or was terminated.</summary>
    public const string OrchestrationFailed = "orchestrationFailed";

    public static IReadOnlyList<string> All { get; } = [AttemptsExhausted, Permanent, Contract, Poison, Expired, MaxDeliveries, CompensationFailed, OrchestrationFailed];
}
