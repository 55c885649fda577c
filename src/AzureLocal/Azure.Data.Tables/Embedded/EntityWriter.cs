using System.Globalization;
using AzureLocal.Storage;

namespace Azure.Data.Tables;

/// <summary>
/// Changes entities, one or a transaction's: first every condition is checked, then everything is put. A transaction names an
/// entity only once, so no change can alter another's condition, and a refusal has nothing to undo: it leaves its neighbours
/// in the group commit alone.
/// </summary>
internal sealed class EntityWriter
{
    private const string GetRow = "SELECT etag, properties, rowid FROM table_entities WHERE tbl = ?1 AND pk = ?2 AND rk = ?3";
    private const string AddRow = """
        INSERT INTO table_entities (tbl, pk, rk, etag, timestamp, properties) VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO NOTHING
        """;
    private const string ChangeRow = "UPDATE table_entities SET etag = ?2, timestamp = ?3, properties = ?4 WHERE rowid = ?1";
    private const string PutRow = """
        INSERT INTO table_entities (tbl, pk, rk, etag, timestamp, properties) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
        ON CONFLICT DO UPDATE SET etag = ?4, timestamp = ?5, properties = ?6
        """;
    private const string DeleteRow = "DELETE FROM table_entities WHERE tbl = ?1 AND pk = ?2 AND rk = ?3";

    // JSON makes up to six bytes of one, so below this no transaction comes near its limit, and is spared the weighing.
    private const int MaxCertainlyLight = EntityRules.MaxTransactionBytes / 8;
    private const int RequestHeadBytes = 512;

    private readonly string table;
    private readonly bool isTransaction;
    private readonly long now;
    private readonly Row[] rows;

    private EntityWriter(string table, bool isTransaction, Row[] rows, long now) =>
        (this.table, this.isTransaction, this.rows, this.now) = (table, isTransaction, rows, now);

    /// <summary>Checks and encodes on the caller, so that the store's one writer has little to do.</summary>
    public static TableError? Prepare(string table, EntityChange change, DateTimeOffset now, out EntityWriter writer)
    {
        var rows = new Row[1];
        writer = new EntityWriter(table, false, rows, now.UtcTicks);
        return Row.Prepare(change, out rows[0]);
    }

    /// <inheritdoc cref="Prepare(string, EntityChange, DateTimeOffset, out EntityWriter)"/>
    public static TableError? Prepare(string table, IReadOnlyList<EntityChange> changes, DateTimeOffset now, out EntityWriter writer)
    {
        var rows = new Row[changes.Count];
        writer = new EntityWriter(table, true, rows, now.UtcTicks);
        if (changes.Count > EntityRules.MaxChanges)
            return TableError.TooManyChanges.At(EntityRules.MaxChanges - 1);
        var seen = new HashSet<string>(StringComparer.Ordinal);
        var bytes = 0L;
        for (var i = 0; i < rows.Length; i++)
        {
            if (!changes[i].PartitionKey.Equals(changes[0].PartitionKey, StringComparison.Ordinal))
                return TableError.CommandsInBatchActOnDifferentPartitions.At(i);
            if (!seen.Add(changes[i].RowKey))
                return TableError.InvalidDuplicateRow.At(i);
            if (Row.Prepare(changes[i], out rows[i]) is { } refusal)
                return refusal.At(i);
            bytes += rows[i].Properties.Length;
        }
        return bytes > MaxCertainlyLight && SizeOnWire(changes) > EntityRules.MaxTransactionBytes ? TableError.RequestBodyTooLarge : null;
    }

    private static long SizeOnWire(IReadOnlyList<EntityChange> changes) =>
        changes.Sum(static change => RequestHeadBytes + (change.Entity is null ? 0 : EntityJson.Write(change.Entity).Length));

    /// <summary>Runs in the store's writer, perhaps more than once (see <see cref="Store.WriteAsync{T}"/>).</summary>
    public TableAnswer Write(Database database)
    {
        if (!database.State<ETagNumbers>().TryTake(database, table, rows.Length, out var tableId, out var etag))
            return Refused(TableError.TableNotFound, 0);
        if (!isTransaction && rows[0].Type == TableTransactionActionType.Add)
            return Add(database, tableId, etag);
        for (var i = 0; i < rows.Length; i++)
        {
            if (Look(database, tableId, ref rows[i]) is { } refusal)
                return Refused(refusal, i);
        }

        var answers = new LocalResponse[rows.Length];
        for (var i = 0; i < rows.Length; i++)
        {
            ref readonly var row = ref rows[i];
            if (row.Type == TableTransactionActionType.Delete)
            {
                database.Execute(DeleteRow, tableId, row.PartitionKey, row.RowKey);
                answers[i] = new LocalResponse(204);
                continue;
            }
            if (row.RowId is { } known)
                database.Execute(ChangeRow, known, etag, now, row.Put);
            else
                database.Execute(PutRow, tableId, row.PartitionKey, row.RowKey, etag, now, row.Put);
            answers[i] = new LocalResponse(204, StoredETag.Text(etag++));
        }
        return isTransaction ? new TableAnswer(new LocalResponse(202)) { Parts = answers } : new TableAnswer(answers[0]);
    }

    /// <summary>One statement that looks and puts: what most writes of new rows are.</summary>
    private TableAnswer Add(Database database, long tableId, long etag)
    {
        ref readonly var row = ref rows[0];
        return database.Execute(AddRow, tableId, row.PartitionKey, row.RowKey, etag, now, row.Properties) == 0
            ? Refused(TableError.EntityAlreadyExists, 0)
            : new TableAnswer(new LocalResponse(204, StoredETag.Text(etag)));
    }

    private static TableError? Look(Database database, long tableId, ref Row row)
    {
        row.Put = row.Properties;
        row.RowId = null;
        if (row.Type == TableTransactionActionType.UpsertReplace)
            return null;
        using var found = database.Query(GetRow, tableId, row.PartitionKey, row.RowKey);
        var exists = found.Read();
        if (exists)
            row.RowId = found.Int64(2);
        switch (row.Type)
        {
            case TableTransactionActionType.Add:
                return exists ? TableError.EntityAlreadyExists : null;
            case TableTransactionActionType.UpsertMerge when !exists:
                return null;
        }
        if (!exists)
            return TableError.ResourceNotFound;
        if (row.IfMatch != StoredETag.Any && row.IfMatch != found.Int64(0))
            return TableError.UpdateConditionNotSatisfied;
        if (row.Type is not (TableTransactionActionType.UpdateMerge or TableTransactionActionType.UpsertMerge))
            return null;
        row.Put = EntityBlob.Merge(found.Blob(1), row.Properties);
        return EntityBlob.CheckSize(row.PartitionKey, row.RowKey, row.Put);
    }

    private TableAnswer Refused(TableError error, int index) => new(LocalResponse.Of(isTransaction ? error.At(index) : error));

    private struct Row
    {
        public TableTransactionActionType Type;
        public string PartitionKey;
        public string RowKey;
        public long IfMatch;

        /// <summary>The caller's properties.</summary>
        public byte[] Properties;

        /// <summary>What is to lie in the row: the same, or merged with what lies there.</summary>
        public byte[] Put;

        /// <summary>Where it lies, when it was looked for and found.</summary>
        public long? RowId;

        public static TableError? Prepare(EntityChange change, out Row row)
        {
            row = new Row { Type = change.Type, PartitionKey = change.PartitionKey, RowKey = change.RowKey, Properties = [] };
            if (change.IfMatch is { } ifMatch && !StoredETag.TryParse(ifMatch, out row.IfMatch))
                return TableError.InvalidInput;
            if ((EntityRules.CheckKey(change.PartitionKey) ?? EntityRules.CheckKey(change.RowKey)) is { } badKey)
                return badKey;
            if (change.Entity is null)
                return null;
            if ((EntityBlob.TryEncode(change.Entity, out row.Properties) ?? EntityBlob.CheckSize(change.PartitionKey, change.RowKey, row.Properties)) is { } refusal)
                return refusal;
            if (change.Type is TableTransactionActionType.Add or TableTransactionActionType.UpsertReplace or TableTransactionActionType.UpdateReplace)
                row.Properties = EntityBlob.WithRoom(row.Properties);
            return null;
        }
    }
}

/// <summary>ETags are numbers in the store, and <c>W/"…"</c> outside, as the service's are.</summary>
internal static class StoredETag
{
    /// <summary>Matches whatever is there; no row has it.</summary>
    public const long Any = 0;

    /// <summary>An ETag that another store gave: no row has it either, so it matches nothing.</summary>
    private const long Foreign = -1;

    public static string Text(long etag) => string.Create(CultureInfo.InvariantCulture, $"W/\"{etag:x}\"");

    /// <summary>False when the text is not an ETag at all, which the service refuses as InvalidInput.</summary>
    public static bool TryParse(string text, out long etag)
    {
        etag = Any;
        if (text == "*")
            return true;
        if (text.Length < 4 || !text.StartsWith("W/\"", StringComparison.OrdinalIgnoreCase) || !text.EndsWith('"'))
            return false;
        var number = text.AsSpan(3, text.Length - 4);
        if (!long.TryParse(number, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out etag) || etag <= 0)
            etag = Foreign;
        return true;
    }
}
