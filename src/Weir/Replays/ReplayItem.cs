using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Weir.Catalog;
using Weir.DeadLetters;
using Weir.Execution;
using Weir.Lanes;

namespace Weir.Replays;

/// <summary>Where a dead letter is on its way through a staged replay.</summary>
internal enum ItemStage
{
    Pending,

    /// <summary>Written down as this stage's, before its job is queued: a crash between the two leaves it to be queued, and the stage never has more than its size.</summary>
    Intended,

    Started,
    Succeeded,
    Failed,
    Cancelled,
    Changed,
    NotReplayable,
    KeyStopped,
}

/// <summary>One dead letter of a staged replay.</summary>
/// <param name="id">The job.</param>
/// <param name="diedAt">When the run died that is replayed.</param>
/// <param name="key">Tells its strict ordering key from others; null when it has none.</param>
/// <param name="undoes">It died while a workflow was undone: to be compensated is its good end.</param>
internal sealed class ReplayItem(string id, DateTimeOffset diedAt, string? key, bool undoes)
{
    private const string None = "-";
    private const string States = "pisgfxcnk";

    public string Id => id;

    public DateTimeOffset DiedAt => diedAt;

    public string? Key => key;

    public bool Undoes => undoes;

    /// <summary>Where it comes in its replay, from 0.</summary>
    public int Place { get; set; }

    /// <summary>The run that died: 0 is the first. What is started is the one after it.</summary>
    public int Run { get; set; }

    /// <summary>The number of the stage that started it; 0 before.</summary>
    public int Stage { get; set; }

    public ItemStage State { get; set; }

    public bool IsOpen => State is ItemStage.Intended or ItemStage.Started;

    public static ReplayItem Of(DeadLetter entry, JobCatalog types) => new(entry.Id, entry.DiedAt, KeyOf(entry, types), entry.Reason == DeadLetterReason.CompensationFailed) { Run = entry.Run };

    /// <summary>As it is stored: 100 characters at most.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{id} {diedAt.UtcTicks} {Run} {Stage} {States[(int)State]} {(undoes ? 'u' : '-')} {key ?? None}");

    public static ReplayItem Parse(string text)
    {
        var parts = text.Split(' ');
        if (parts is not [var id, var diedAt, var run, var stage, [var state], var undoes, var key] || States.IndexOf(state, StringComparison.Ordinal) is not (var number and >= 0))
            throw new InvalidDataException("A row of a staged replay was not written by Weir, or is damaged.");
        return new ReplayItem(id, new DateTimeOffset(long.Parse(diedAt, CultureInfo.InvariantCulture), TimeSpan.Zero), key == None ? null : key, undoes == "u")
        {
            Run = int.Parse(run, CultureInfo.InvariantCulture),
            Stage = int.Parse(stage, CultureInfo.InvariantCulture),
            State = (ItemStage)number,
        };
    }

    /// <summary>Short, since ten thousand of them are stored.</summary>
    private static string? KeyOf(DeadLetter entry, JobCatalog types) =>
        entry is { OrderingKey: { } key, Type: { } type, Tenant: { } tenant } && types.Find(type)?.Ordering == Ordering.Strict
            ? Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(OrderedKeys.KeyOf(tenant, entry.Queue, key))))[..16]
            : null;
}
