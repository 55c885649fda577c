using System.Text.Json;
using Weir.Catalog;
using Weir.DeadLetters;
using Weir.Receipts;

namespace Weir.Replays;

/// <summary>Finds what a staged replay would replay, in its order: the oldest death first, so that jobs of one ordering key come in theirs.</summary>
internal sealed class ReplayPlan(DeadLetterTable catalogue, ReceiptTable receipts, JobCatalog types, TimeProvider clock)
{
    /// <summary>The most that one staged replay is about.</summary>
    public const int MostItems = 10_000;

    /// <summary>The catalogue gives the newest first: to know the oldest, all that fit are looked at.</summary>
    public const int MostMatched = 20_000;

    /// <summary>How many payloads a dry run checks, and shows.</summary>
    public const int MostChecked = 1_000;

    private const int PageSize = 1_000;
    private const int MostPages = 200;
    private const int AtOnce = 16;

    /// <summary>As for any request about dead letters.</summary>
    private static readonly TimeSpan MaxTime = TimeSpan.FromSeconds(20);

    private static readonly string[] Columns =
        [DeadLetter.Column.Id, DeadLetter.Column.DiedAt, DeadLetter.Column.Reason, DeadLetter.Column.Run, DeadLetter.Column.Type, DeadLetter.Column.Tenant, DeadLetter.Column.Queue, DeadLetter.Column.OrderingKey, DeadLetter.Column.Foreign, DeadLetter.Column.State];

    /// <returns>The oldest first; null when more fit than can be looked at.</returns>
    public async Task<IReadOnlyList<DeadLetter>?> FindAsync(DeadLetterFilter filter, int limit, CancellationToken cancellation)
    {
        var open = filter with { State = DeadLetterState.Open };
        var until = clock.GetUtcNow() + MaxTime;
        var found = new List<DeadLetter>();
        DeadLetterCursor? from = null;
        for (var pages = 0; ; pages++)
        {
            var scan = await catalogue.ScanAsync(open, from, PageSize, pages: 1, Columns, cancellation);
            found.AddRange(scan.Found.Where(entry => entry.IsReplayable));
            from = scan.Next;
            if (from is null)
                break;
            if (found.Count > MostMatched || pages == MostPages || clock.GetUtcNow() >= until)
                return null;
        }
        return [.. found.OrderBy(entry => entry.DiedAt).ThenBy(entry => entry.Id, StringComparer.Ordinal).Take(limit)];
    }

    public IReadOnlyList<ReplayItem> ItemsOf(IReadOnlyList<DeadLetter> entries)
    {
        ReplayItem[] items = [.. entries.Select(entry => ReplayItem.Of(entry, types))];
        foreach (var (place, item) in items.Index())
            item.Place = place;
        return items;
    }

    /// <summary>What the contract says of each payload; stops when there is no more time.</summary>
    public async Task<IReadOnlyList<PlannedReplay>> CheckAsync(IReadOnlyList<DeadLetter> entries, CancellationToken cancellation)
    {
        var until = clock.GetUtcNow() + MaxTime;
        var planned = new List<PlannedReplay>();
        foreach (var some in entries.Take(MostChecked).Chunk(AtOnce))
        {
            if (clock.GetUtcNow() >= until)
                break;
            planned.AddRange(await Task.WhenAll(some.Select(entry => CheckAsync(entry, cancellation))));
        }
        return planned;
    }

    private async Task<PlannedReplay> CheckAsync(DeadLetter entry, CancellationToken cancellation)
    {
        if (await receipts.FindAsync(entry.Id, cancellation) is not { } receipt)
            return new PlannedReplay(entry, PlannedCheck.Changed, [new("", "its receipt is gone")]);
        if (receipt.Replays != entry.Run || !receipt.IsDead || receipt.Discarded is not null)
            return new PlannedReplay(entry, PlannedCheck.Changed, [new("", "somebody has replayed or discarded it already")]);
        if (types.Find(receipt.Type) is not { } type)
            return new PlannedReplay(entry, PlannedCheck.NotReplayable, [new("", $"this deployment does not serve '{receipt.Type}'")]);
        if (receipt.PayloadDamaged)
            return new PlannedReplay(entry, PlannedCheck.NotReplayable, [new("/payload", "it was damaged on its way: replay this one with a mended one")]);
        if (receipt.Version > type.Version)
            return new PlannedReplay(entry, PlannedCheck.NotReplayable, [new("/version", $"this deployment serves version {type.Version}; the job has version {receipt.Version}")]);
        if (!type.Versions.Contains(receipt.Version))
            return new PlannedReplay(entry, PlannedCheck.ContractViolation, [new("/version", $"version {receipt.Version} is not served any more")]);

        var payload = await receipts.ReadPayloadAsync(entry.Id, cancellation);
        try
        {
            using var json = JsonDocument.Parse(payload);
            var errors = type.Check(receipt.Version, json.RootElement);
            return new PlannedReplay(entry, errors.Count == 0 ? PlannedCheck.Ok : PlannedCheck.ContractViolation, [.. errors.Take(ContractError.Most).Select(error => error with { Pointer = "/payload" + error.Pointer })]);
        }
        catch (JsonException)
        {
            return new PlannedReplay(entry, PlannedCheck.ContractViolation, [new("/payload", "it is not JSON")]);
        }
    }
}

/// <summary>What a dry run says of one dead letter.</summary>
internal enum PlannedCheck
{
    Ok,

    /// <summary>It would run, and die again as it reads its payload.</summary>
    ContractViolation,
    NotReplayable,
    Changed,
}

internal sealed record PlannedReplay(DeadLetter Entry, PlannedCheck Check, IReadOnlyList<ContractError> Errors);
