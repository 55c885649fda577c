using System.Globalization;
using System.Text.Json;
using Azure;
using Azure.Data.Tables;
using Weir.DeadLetters;
using Weir.Instances;

namespace Weir.Replays;

/// <summary>
/// The table Replays, one partition: the row of each staged replay, its dead letters in rows of 250 beside it, and the register of those that are carried. One partition, so that a
/// replay and what depends on it change in one transaction, whose condition is the replay's ETag.
/// </summary>
internal sealed class ReplayTable(TableServiceClient tables) : IStoredTable
{
    /// <summary>How many items a row holds: up to 25,000 characters of the 32,768 that a property can have.</summary>
    public const int PageSize = 250;

    private const string Partition = "replay";
    private const string RegisterRow = "register";
    private const string LeaseRow = "lease";
    private const string ReplayPrefix = "replay-";
    private const string PagePrefix = "items-";
    private const string Document = "Document";
    private const string Tenant = "Tenant";

    private readonly TableClient table = tables.GetTableClient("Replays");

    /// <summary>To carry replays on.</summary>
    public Turn Turn { get; } = new(tables.GetTableClient("Replays"), Partition, LeaseRow);

    public Task CreateIfMissingAsync(CancellationToken cancellation) => table.CreateIfNotExistsAsync(cancellation);

    /// <summary>Also the first part of its row's key, so that the newest comes first.</summary>
    public static string NewId(DateTimeOffset at, Random chance) => string.Create(CultureInfo.InvariantCulture, $"{Inverted(at)}-{chance.Next(0x1000000):x6}");

    /// <summary>To the millisecond: of two that are begun one after the other the later one is listed first.</summary>
    private static string Inverted(DateTimeOffset at) =>
        string.Create(CultureInfo.InvariantCulture, $"{DateTimeOffset.MaxValue.ToUnixTimeMilliseconds() - at.ToUnixTimeMilliseconds():D15}");

    public async Task<(StagedReplay Replay, ETag ETag)?> FindAsync(string id, CancellationToken cancellation)
    {
        var answer = await table.GetEntityIfExistsAsync<TableEntity>(Partition, ReplayPrefix + id, cancellationToken: cancellation);
        return answer.HasValue ? (Read<StagedReplay>(answer.Value!), answer.Value!.ETag) : null;
    }

    /// <summary>The newest first.</summary>
    /// <param name="after">Only those after this id; empty for all.</param>
    /// <param name="most">How many.</param>
    /// <param name="tenant">Only those of this tenant's dead letters; null is everything.</param>
    /// <param name="cancellation">Ends the waiting.</param>
    public async Task<IReadOnlyList<StagedReplay>> ListAsync(string after, int most, string? tenant, CancellationToken cancellation)
    {
        var filter = TableClient.CreateQueryFilter($"PartitionKey eq {Partition} and RowKey gt {ReplayPrefix + after} and RowKey lt {ReplayPrefix + "~"}");
        if (tenant is not null)
            filter += TableClient.CreateQueryFilter($" and Tenant eq {tenant}");
        var found = new List<StagedReplay>(most);
        await foreach (var row in table.QueryAsync<TableEntity>(filter, maxPerPage: most, cancellationToken: cancellation))
        {
            found.Add(Read<StagedReplay>(row));
            if (found.Count == most)
                break;
        }
        return found;
    }

    /// <summary>All of a replay's items, in the order in which they are replayed.</summary>
    public async Task<IReadOnlyList<ReplayItem>> ReadItemsAsync(string id, CancellationToken cancellation)
    {
        var items = new List<ReplayItem>();
        await foreach (var row in table.QueryAsync<TableEntity>(PagesOf(id), cancellationToken: cancellation))
            items.AddRange((row.GetString(Document) ?? "").Split('\n').Select(ReplayItem.Parse));
        foreach (var (place, item) in items.Index())
            item.Place = place;
        return items;
    }

    public async Task<ReplayRegister> ReadRegisterAsync(CancellationToken cancellation)
    {
        var answer = await table.GetEntityIfExistsAsync<TableEntity>(Partition, RegisterRow, cancellationToken: cancellation);
        return answer.HasValue ? new ReplayRegister(Read<IReadOnlyList<RegisteredReplay>>(answer.Value!), answer.Value!.ETag) : new ReplayRegister([], ETag: null);
    }

    /// <summary>Writes the items of a replay that is not there yet. Until it is, nobody looks at them.</summary>
    public async Task AddItemsAsync(string id, IReadOnlyList<ReplayItem> items, CancellationToken cancellation)
    {
        // A transaction holds at most 4 MiB, these 20 rows 1 MiB.
        foreach (var some in items.Chunk(PageSize).Index().Chunk(20))
            await table.SubmitTransactionAsync(some.Select(page => Upsert(PageRow(id, page.Index, page.Item))), cancellation);
    }

    /// <summary>Writes a replay with the items of some pages and, if it is given, the register, all or nothing.</summary>
    /// <param name="replay">As it is to be.</param>
    /// <param name="expected">The replay's ETag as it was read; null when it is new.</param>
    /// <param name="items">All its items.</param>
    /// <param name="pages">Which pages of them have changed.</param>
    /// <param name="register">Null when it stays as it is.</param>
    /// <param name="cancellation">Ends the waiting.</param>
    /// <returns>The replay's ETag; null when somebody else has changed one of them.</returns>
    public async Task<ETag?> WriteAsync(StagedReplay replay, ETag? expected, IReadOnlyList<ReplayItem> items, IEnumerable<int> pages, ReplayRegister? register, CancellationToken cancellation)
    {
        var row = new TableEntity(Partition, ReplayPrefix + replay.Id) { [Document] = JsonSerializer.Serialize(replay, JsonSerializerOptions.Web), [Tenant] = replay.Filter.Tenant ?? "" };
        var actions = new List<TableTransactionAction>
        {
            expected is { } known ? new(TableTransactionActionType.UpdateReplace, row, known) : new(TableTransactionActionType.Add, row),
        };
        actions.AddRange(pages.Order().Select(page => Upsert(PageRow(replay.Id, page, items.Skip(page * PageSize).Take(PageSize)))));
        if (register is not null)
        {
            var entity = new TableEntity(Partition, RegisterRow) { [Document] = JsonSerializer.Serialize(register.Replays, JsonSerializerOptions.Web) };
            actions.Add(register.ETag is { } read ? new(TableTransactionActionType.UpdateReplace, entity, read) : new(TableTransactionActionType.Add, entity));
        }
        try
        {
            return (await table.SubmitTransactionAsync(actions, cancellation)).Value[0].Headers.ETag;
        }
        catch (RequestFailedException changed) when (changed.Status is 404 or 409 or 412)
        {
            return null;
        }
    }

    /// <summary>Removes some of the replays, and of the items, that were begun before a time and that nobody carries.</summary>
    public async Task RemoveBeforeAsync(DateTimeOffset time, ReplayRegister register, CancellationToken cancellation)
    {
        var oldest = Inverted(time);
        foreach (var prefix in (string[])[ReplayPrefix, PagePrefix])
        {
            var filter = TableClient.CreateQueryFilter($"PartitionKey eq {Partition} and RowKey gt {prefix + oldest} and RowKey lt {prefix + "~"}");
            await foreach (var page in table.QueryAsync<TableEntity>(filter, maxPerPage: 100, select: ["PartitionKey", "RowKey"], cancellationToken: cancellation).AsPages())
            {
                var rows = page.Values.Where(row => !register.Replays.Any(one => row.RowKey.StartsWith(prefix + one.Id, StringComparison.Ordinal))).ToArray();
                if (rows.Length > 0)
                    await table.SubmitTransactionAsync(rows.Select(row => new TableTransactionAction(TableTransactionActionType.Delete, new TableEntity(Partition, row.RowKey), ETag.All)), cancellation);
                break;
            }
        }
    }

    private static TableEntity PageRow(string id, int page, IEnumerable<ReplayItem> items) =>
        new(Partition, string.Create(CultureInfo.InvariantCulture, $"{PagePrefix}{id}-{page:D4}")) { [Document] = string.Join('\n', items) };

    private static TableTransactionAction Upsert(TableEntity row) => new(TableTransactionActionType.UpsertReplace, row);

    private static string PagesOf(string id) => TableClient.CreateQueryFilter($"PartitionKey eq {Partition} and RowKey gt {PagePrefix + id} and RowKey lt {PagePrefix + id + "~"}");

    private static T Read<T>(TableEntity row) =>
        JsonSerializer.Deserialize<T>(row.GetString(Document) ?? "null", JsonSerializerOptions.Web) ?? throw new InvalidDataException($"The row {row.RowKey} of staged replays was not written by Weir, or is damaged.");
}

/// <summary>The replays that somebody must carry: those that run, and those that were stopped while some of their jobs had not ended.</summary>
/// <param name="ETag">Null before it is written for the first time.</param>
internal sealed record ReplayRegister(IReadOnlyList<RegisteredReplay> Replays, ETag? ETag)
{
    /// <summary>More at once would only make each slower: they share one instance's steps.</summary>
    public const int MostRunning = 16;

    /// <summary>With those that were stopped and are still followed: what one row holds.</summary>
    private const int Most = 48;

    /// <summary>One that runs and may want the same dead letters.</summary>
    public RegisteredReplay? FindOverlapping(StagedReplay wanted) => Replays.FirstOrDefault(one => one.IsRunning && one.Id != wanted.Id && Overlap(one.Filter, wanted.Filter));

    public bool IsFullFor(StagedReplay wanted) => Replays.Count(one => one.IsRunning && one.Id != wanted.Id) >= MostRunning || Replays.Count >= Most;

    public ReplayRegister With(StagedReplay replay) =>
        this with { Replays = [.. Replays.Where(one => one.Id != replay.Id), new(replay.Id, replay.Version, replay.State == ReplayState.Running, replay.Filter)] };

    public ReplayRegister Without(string id) => this with { Replays = [.. Replays.Where(one => one.Id != id)] };

    /// <summary>False only if no dead letter can fit both.</summary>
    private static bool Overlap(DeadLetterFilter one, DeadLetterFilter other) =>
        Fit(one.Type, other.Type) && Fit(one.Fingerprint, other.Fingerprint) && Fit(one.Reason, other.Reason) && Fit(one.Tenant, other.Tenant) && !(one.To <= other.From) && !(other.To <= one.From);

    private static bool Fit(string? one, string? other) => one is null || other is null || one == other;
}

internal sealed record RegisteredReplay(string Id, int Version, bool IsRunning, DeadLetterFilter Filter);
