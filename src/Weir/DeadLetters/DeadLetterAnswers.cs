using Weir.Catalog;
using Weir.Receipts;

namespace Weir.DeadLetters;

/// <summary>A dead letter with everything that lies beside it.</summary>
internal sealed record DeadLetterCase(DeadLetter Entry, ReadOnlyMemory<byte> Payload)
{
    /// <summary>Null for a message that is no job of ours.</summary>
    public JobRecord? Job { get; init; }

    /// <summary>What a mended replay put aside, by the replay's number.</summary>
    public IReadOnlyDictionary<int, byte[]> PayloadsBefore { get; init; } = new Dictionary<int, byte[]>();

    /// <summary>Of a message that is no job of ours, as JSON.</summary>
    public ReadOnlyMemory<byte> ForeignProperties { get; init; }
}

/// <summary>The answer to a replay: <see cref="Queued"/>, or why not.</summary>
internal abstract record ReplayAnswer
{
    private ReplayAnswer() { }

    /// <param name="Receipt">The job, queued for its next run.</param>
    /// <param name="Started">This request started the run; false when another one had, and nothing of it has begun yet.</param>
    public sealed record Queued(Receipt Receipt, bool Started) : ReplayAnswer;

    public sealed record NotFound : ReplayAnswer;

    /// <summary>It never died, or has been replayed already.</summary>
    public sealed record NotDead(Receipt Receipt) : ReplayAnswer;

    /// <summary>It has died a moment ago, and is still on its way into the catalogue.</summary>
    public sealed record NotCollected : ReplayAnswer;

    public sealed record Discarded(Receipt Receipt) : ReplayAnswer;

    public sealed record NotReplayable(string Why) : ReplayAnswer;

    public sealed record BrokenContract(string Type, IReadOnlyList<ContractError> Errors) : ReplayAnswer;

    public sealed record TooLarge : ReplayAnswer;
}

/// <summary>The answer to a discard: <see cref="Discarded"/>, or why not.</summary>
internal abstract record DiscardAnswer
{
    private DiscardAnswer() { }

    public sealed record Discarded : DiscardAnswer;

    public sealed record NotFound : DiscardAnswer;

    public sealed record NotDead(Receipt Receipt) : DiscardAnswer;

    public sealed record NotCollected : DiscardAnswer;
}

/// <summary>What became of one dead letter among many.</summary>
internal sealed record ReplayedOne(bool Replayed, FailedReplay? Failure);

internal sealed record FailedReplay(string Id, string Code, string Detail);

/// <summary>What became of a replay by filter.</summary>
internal sealed class ReplayCounts
{
    private readonly List<FailedReplay> failed = [];

    public int Matched { get; set; }

    public int Replayed { get; private set; }

    /// <summary>Somebody else was first, or the job is still on its way into the catalogue.</summary>
    public int Skipped { get; private set; }

    public IReadOnlyList<FailedReplay> Failed => failed;

    /// <summary>Null when the catalogue was looked through to its end.</summary>
    public DeadLetterCursor? Next { get; set; }

    public void Add(ReplayedOne one)
    {
        if (one.Failure is { } failure)
            failed.Add(failure);
        else if (one.Replayed)
            Replayed++;
        else
            Skipped++;
    }
}
