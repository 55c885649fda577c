using Weir.Catalog;

namespace Weir.Submission;

/// <summary>The answer to a submission: one of <see cref="Accepted"/> and <see cref="Refused"/>.</summary>
internal abstract record Submitted
{
    private Submitted() { }

    /// <param name="Replayed">The job existed already: this was the same request under the same key.</param>
    public sealed record Accepted(string JobId, string Type, JobState State, bool Replayed) : Submitted;

    /// <summary>Nothing was enqueued.</summary>
    public sealed record Refused(Refusal Refusal, string Detail, IReadOnlyList<ContractError> Errors) : Submitted;

    public static Submitted Refuse(Refusal refusal, string detail, IReadOnlyList<ContractError>? errors = null) => new Refused(refusal, detail, errors ?? []);
}

/// <summary>Why a submission was refused.</summary>
internal enum Refusal
{
    UnknownType,
    ContractViolation,
    VersionTooNew,
    PayloadTooLarge,
    IdempotencyKeyReused,
    CallbackRefused,
}
