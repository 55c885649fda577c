using Weir.Catalog;

namespace Weir.Submission;

/// <summary>The answer to a submission: one of <see cref="Accepted"/> and <see cref="Refused"/>.</summary>
internal abstract record Submitted
{
    private Submitted() { }

    /// <param name="Replayed">The job existed already: this was the same request under the same key.</param>
    public sealed record Accepted(string JobId, string Type, JobState State, bool Replayed) : Submitted
    {
        /// <summary>This submission made no job: the one named here holds its unique key.</summary>
        public bool Existing { get; init; }
    }

    /// <summary>Nothing was enqueued.</summary>
    public sealed record Refused(Refusal Refusal, string Detail, IReadOnlyList<ContractError> Errors) : Submitted
    {
        /// <summary>The job that is in the way.</summary>
        public string? JobId { get; init; }

        /// <summary>Of <see cref="Refusal.NoRoom"/>: for how long.</summary>
        public Backoff? Backoff { get; init; }
    }

    public static Refused Refuse(Refusal refusal, string detail, IReadOnlyList<ContractError>? errors = null) => new(refusal, detail, errors ?? []);
}

/// <summary>Why a submission was refused.</summary>
internal enum Refusal
{
    UnknownType,
    ContractViolation,
    VersionTooNew,
    VersionTooOld,
    PayloadTooLarge,
    IdempotencyKeyReused,

    /// <summary>A store did not answer.</summary>
    StoreUnavailable,

    /// <summary>It begins or expires when it cannot.</summary>
    WrongTime,

    /// <summary>Another job holds its unique key.</summary>
    NotUnique,

    /// <summary>Too many submissions wanted one unique key at the same moment.</summary>
    Contended,

    /// <summary>Nobody could be told there of its end.</summary>
    CallbackRefused,

    /// <summary>Too much is there already, or came in too short a time.</summary>
    NoRoom,
}
