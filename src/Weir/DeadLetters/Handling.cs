namespace Weir.DeadLetters;

/// <summary>Who did something to a dead letter, when, and why if they said so.</summary>
internal sealed record Handling(string By, DateTimeOffset At, string? Reason);
