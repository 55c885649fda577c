namespace Azure.Data.Tables;

internal enum TableOperation
{
    CreateTable,
    DeleteTable,
    QueryTables,
    AddEntity,
    UpdateEntity,
    UpsertEntity,
    DeleteEntity,
    GetEntity,
    QueryEntities,
    SubmitTransaction,
}

/// <summary>Counts SDK calls by kind: in Azure each is a billed operation (a query: each of its pages).</summary>
internal sealed class OperationCounter
{
    private static readonly string[] Names = Enum.GetNames<TableOperation>();

    private readonly long[] counts = new long[Names.Length];

    public void Count(TableOperation operation) => Interlocked.Increment(ref counts[(int)operation]);

    /// <summary>The kinds that were called, with how often.</summary>
    public IReadOnlyDictionary<string, long> Snapshot()
    {
        var snapshot = new Dictionary<string, long>();
        for (var i = 0; i < counts.Length; i++)
        {
            if (Interlocked.Read(ref counts[i]) is > 0 and var count)
                snapshot.Add(Names[i], count);
        }
        return snapshot;
    }
}
