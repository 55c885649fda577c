using System.Text;
using AzureLocal.Storage;

namespace Azure.Data.Tables;

/// <summary>
/// The table service in the SQLite store of a data directory. All tables share one SQLite table, whose primary key puts a
/// partition together in RowKey order, so a page is one range scan. Reads run on the caller; a write is one piece of work for
/// the store's writer (<see cref="EntityWriter"/>).
/// </summary>
internal sealed class EmbeddedTables : ITableTransport
{
    // Not WITHOUT ROWID: rows of 700 bytes in the index itself leave four or five to a page, which made inserts under random
    // keys 2.5 times slower (7,000 a second against 18,000) and nothing faster.
    private const string Schema = """
        CREATE TABLE IF NOT EXISTS tables (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            name TEXT NOT NULL UNIQUE COLLATE NOCASE,
            last_etag INTEGER NOT NULL
        ) STRICT;
        CREATE TABLE IF NOT EXISTS table_entities (
            tbl INTEGER NOT NULL,
            pk TEXT NOT NULL,
            rk TEXT NOT NULL,
            etag INTEGER NOT NULL,
            timestamp INTEGER NOT NULL,
            properties BLOB NOT NULL,
            PRIMARY KEY (tbl, pk, rk)
        ) STRICT;
        """;

    // A table's ETags begin at its id << 40 and count up: ids are never used again (AUTOINCREMENT), so no ETag ever is,
    // not even after its table was dropped and made anew. There is room for 8 million tables with 10^12 writes each.
    private const string CreateTable = "INSERT INTO tables (name, last_etag) VALUES (?1, 0) ON CONFLICT DO NOTHING";
    private const string StartETags = "UPDATE tables SET last_etag = id << 40 WHERE id = ?1";
    private const string FindTable = "SELECT id FROM tables WHERE name = ?1";
    private const string DropEntities = "DELETE FROM table_entities WHERE tbl = ?1";
    private const string DropTable = "DELETE FROM tables WHERE id = ?1";
    private const string ListTables = "SELECT name FROM tables WHERE name >= ?1 ORDER BY name";

    private const string GetRow = "SELECT etag, timestamp, properties FROM table_entities WHERE tbl = ?1 AND pk = ?2 AND rk = ?3";
    private const string ScanPartition = """
        SELECT pk, rk, etag, timestamp, properties FROM table_entities
        WHERE tbl = ?1 AND pk = ?2 AND rk >= ?3 AND rk < ?4 ORDER BY rk
        """;
    private const string ScanPartitions = """
        SELECT pk, rk, etag, timestamp, properties FROM table_entities
        WHERE tbl = ?1 AND (pk, rk) >= (?2, ?3) AND pk < ?4 ORDER BY pk, rk
        """;

    /// <summary>The most rows looked at for one page: a filter that hits nothing then gives empty pages, as it may in Azure.</summary>
    private const int MaxScanned = 10_000;

    /// <summary>A page ends early when its entities weigh this much: a thousand of the largest would be a gigabyte.</summary>
    private const int MaxPageBytes = 4 << 20;

    private readonly Lazy<(Store Store, Shared Shared)> opened;
    private readonly TimeProvider clock;

    /// <summary>Opens the directory with the first call, and leaves it open as long as the process lives.</summary>
    public EmbeddedTables(string directory, TimeProvider clock)
    {
        var path = Path.GetFullPath(directory);
        opened = new(() => Opened(Store.Open(path)));
        this.clock = clock;
        Endpoint = new Uri(path);
    }

    public EmbeddedTables(Store store, TimeProvider clock)
    {
        opened = new(() => Opened(store));
        this.clock = clock;
        Endpoint = store.Directory is { } directory ? new Uri(directory) : new Uri("memory:///");
    }

    public string AccountName => "devstoreaccount1";

    public Uri Endpoint { get; }

    /// <summary>Shared by all who use the store in this process.</summary>
    public OperationCounter Operations => opened.Value.Shared.Operations;

    /// <summary>A disk that is full or a file that is damaged is, to whoever calls, a service that cannot answer now.</summary>
    public async Task<TableAnswer> SendAsync(TableCall call, CancellationToken cancellation)
    {
        try
        {
            cancellation.ThrowIfCancellationRequested();
            var (store, shared) = opened.Value;
            await shared.Ready;
            return await AnswerAsync(store, call, cancellation);
        }
        catch (StoreException failure)
        {
            throw new RequestFailedException(503, $"The server is currently unable to receive requests. {failure.Message}", "ServerBusy", failure);
        }
    }

    private Task<TableAnswer> AnswerAsync(Store store, TableCall call, CancellationToken cancellation) => call switch
    {
        TableCall.Change one =>
            WriteAsync(store, EntityWriter.Prepare(one.Table, one.Entity, clock.GetUtcNow(), out var writer), writer, cancellation),
        TableCall.Transaction many =>
            WriteAsync(store, EntityWriter.Prepare(many.Table, many.Changes, clock.GetUtcNow(), out var writer), writer, cancellation),
        TableCall.Get get => Task.FromResult(Get(store, get)),
        TableCall.Query query => Task.FromResult(Query(store, query)),
        TableCall.Create create => CreateAsync(store, create.Table, cancellation),
        TableCall.Drop drop => DropAsync(store, drop.Table, cancellation),
        TableCall.List list => Task.FromResult(List(store, list)),
        _ => throw new System.Diagnostics.UnreachableException(),
    };

    private static (Store, Shared) Opened(Store store) => (store, store.Part(static store => new Shared(store)));

    private static Task<TableAnswer> CreateAsync(Store store, string table, CancellationToken cancellation)
    {
        if (EntityRules.CheckTableName(table) is { } refusal)
            return Task.FromResult(Refused(refusal));
        return store.WriteAsync(
            database =>
            {
                if (database.Execute(CreateTable, table) == 0)
                    return Refused(TableError.TableAlreadyExists);
                database.Execute(StartETags, database.LastInsertRowId);
                return Done(204);
            },
            cancellation);
    }

    private static Task<TableAnswer> DropAsync(Store store, string table, CancellationToken cancellation) => store.WriteAsync(
        database =>
        {
            if (TableId(database, table) is not { } id)
                return Refused(TableError.ResourceNotFound);
            database.State<ETagNumbers>().Forget(database);
            database.Execute(DropEntities, id);
            database.Execute(DropTable, id);
            return Done(204);
        },
        cancellation);

    private static TableAnswer List(Store store, TableCall.List call)
    {
        if (QueryFilter.TryParse(call.Filter) is not { } filter || call.Top is < 1 or > EntityRules.MaxPage)
            return Refused(TableError.InvalidInput);
        return store.Read(database =>
        {
            var names = new List<string>();
            using var rows = database.Query(ListTables, call.Continuation ?? "");
            while (rows.Read())
            {
                var name = rows.Text(0);
                if (!filter.Matches(new FilteredRow("", "", 0, TableNameBlob(name))))
                    continue;
                if (names.Count == (call.Top ?? EntityRules.MaxPage))
                    return Done(200) with { Tables = names, Continuation = name };
                names.Add(name);
            }
            return Done(200) with { Tables = names };
        });
    }

    private static TableAnswer Get(Store store, TableCall.Get call) => store.Read(database =>
    {
        if (TableId(database, call.Table) is not { } id)
            return Refused(TableError.TableNotFound);
        using var row = database.Query(GetRow, id, call.PartitionKey, call.RowKey);
        if (!row.Read())
            return Refused(TableError.ResourceNotFound);
        var etag = StoredETag.Text(row.Int64(0));
        var entity = Entity(call.PartitionKey, call.RowKey, etag, row.Int64(1), row.Blob(2), call.Select);
        return new TableAnswer(new LocalResponse(200, etag)) { Entities = [entity] };
    });

    private static TableAnswer Query(Store store, TableCall.Query call)
    {
        if (QueryFilter.TryParse(call.Filter) is not { } filter || call.Top is < 1 or > EntityRules.MaxPage)
            return Refused(TableError.InvalidInput);
        var partitions = filter.RangeOf(TableEntity.PartitionKeyName);
        var rowKeys = filter.RangeOf(TableEntity.RowKeyName);
        var (partitionKey, rowKey) = (partitions.From, "");
        if (call.Continuation is { } token)
        {
            if (!Continuation.TryParse(token, out partitionKey, out rowKey))
                return Refused(TableError.InvalidInput);
        }
        return store.Read(database =>
        {
            if (TableId(database, call.Table) is not { } id)
                return Refused(TableError.TableNotFound);
            using var rows = partitions.IsOne
                ? database.Query(ScanPartition, id, partitions.From, rowKeys.Starting(rowKey).From, End(rowKeys))
                : database.Query(ScanPartitions, id, partitionKey, rowKey, End(partitions));
            return Page(rows, filter, call);
        });
    }

    /// <summary>An empty blob sorts after every text, so it stands for "no end".</summary>
    private static Value End(KeyRange range) => range.To is { } to ? to : Array.Empty<byte>();

    private static TableAnswer Page(Rows rows, QueryFilter filter, TableCall.Query call)
    {
        var entities = new List<TableEntity>();
        var bytes = 0;
        for (var scanned = 0; rows.Read(); scanned++)
        {
            var (partitionKey, rowKey) = (rows.Text(0), rows.Text(1));
            if (entities.Count == (call.Top ?? EntityRules.MaxPage) || scanned == MaxScanned || bytes >= MaxPageBytes)
                return Done(200) with { Entities = entities, Continuation = Continuation.Of(partitionKey, rowKey) };
            var (timestamp, properties) = (rows.Int64(3), rows.Blob(4));
            if (!filter.Matches(new FilteredRow(partitionKey, rowKey, timestamp, properties)))
                continue;
            entities.Add(Entity(partitionKey, rowKey, StoredETag.Text(rows.Int64(2)), timestamp, properties, call.Select));
            bytes += properties.Length;
        }
        return Done(200) with { Entities = entities };
    }

    private static Task<TableAnswer> WriteAsync(Store store, TableError? refusal, EntityWriter writer, CancellationToken cancellation) =>
        refusal is null ? store.WriteAsync(writer.Write, cancellation) : Task.FromResult(Refused(refusal));

    private static long? TableId(Database database, string table)
    {
        using var rows = database.Query(FindTable, table);
        return rows.Read() ? rows.Int64(0) : null;
    }

    private static TableEntity Entity(
        string partitionKey, string rowKey, string etag, long timestamp, byte[] properties, IReadOnlyList<string>? select)
    {
        var entity = new TableEntity(EntityBlob.Count(properties) + 4);
        entity.Append(TableEntity.ETagName, etag);
        if (select is null || select.Contains(TableEntity.PartitionKeyName))
            entity.Append(TableEntity.PartitionKeyName, partitionKey);
        if (select is null || select.Contains(TableEntity.RowKeyName))
            entity.Append(TableEntity.RowKeyName, rowKey);
        if (select is null || select.Contains(TableEntity.TimestampName))
            entity.Append(TableEntity.TimestampName, new DateTimeOffset(timestamp, TimeSpan.Zero));
        EntityBlob.Decode(properties, entity, select);
        return entity;
    }

    /// <summary>A table as a filter sees it: its name as the only property.</summary>
    private static byte[] TableNameBlob(string name)
    {
        EntityBlob.TryEncode(new TableEntity { ["TableName"] = name }, out var blob);
        return blob;
    }

    private static TableAnswer Done(int status) => new(new LocalResponse(status));

    private static TableAnswer Refused(TableError error) => new(LocalResponse.Of(error));

    /// <summary>What all who use the store in this process share.</summary>
    private sealed class Shared(Store store)
    {
        public OperationCounter Operations { get; } = new();

        /// <summary>Completes when the schema is there.</summary>
        public Task Ready { get; } = store.WriteAsync(static database => database.Script(Schema));
    }

    /// <summary>Names the first key of the next page: <c>base64(PartitionKey) base64(RowKey)</c>, as the service's tokens look.</summary>
    private static class Continuation
    {
        public static string Of(string partitionKey, string rowKey) => $"{Encode(partitionKey)} {Encode(rowKey)}";

        public static bool TryParse(string token, out string partitionKey, out string rowKey)
        {
            (partitionKey, rowKey) = ("", "");
            var space = token.IndexOf(' ', StringComparison.Ordinal);
            return space >= 0 && TryDecode(token.AsSpan(0, space), out partitionKey) && TryDecode(token.AsSpan(space + 1), out rowKey);
        }

        private static string Encode(string key) => Convert.ToBase64String(Encoding.UTF8.GetBytes(key));

        private static bool TryDecode(ReadOnlySpan<char> text, out string key)
        {
            Span<byte> bytes = stackalloc byte[2_048];
            var valid = Convert.TryFromBase64Chars(text, bytes, out var length);
            key = valid ? Encoding.UTF8.GetString(bytes[..length]) : "";
            return valid;
        }
    }
}
