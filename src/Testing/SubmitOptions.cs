namespace Weir.Testing;

/// <summary>What a submission may say besides type and payload.</summary>
public sealed record SubmitOptions
{
    /// <summary>The contract version of the payload; the current one unless told.</summary>
    public int? Version { get; init; }

    public Queue? Priority { get; init; }

    public string? OrderingKey { get; init; }

    public string? CorrelationId { get; init; }

    public TimeSpan? Delay { get; init; }

    public DateTimeOffset? NotBefore { get; init; }

    public TimeSpan? ExpiresIn { get; init; }

    public string? IdempotencyKey { get; init; }

    public string? Tenant { get; init; }
}
