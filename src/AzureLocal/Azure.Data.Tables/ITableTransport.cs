namespace Azure.Data.Tables;

/// <summary>
/// The one way from the SDK types to a table service: HTTP (<see cref="HttpTables"/>) or the embedded store
/// (<see cref="EmbeddedTables"/>). A simulation puts its faults in front of either.
/// </summary>
internal interface ITableTransport
{
    string AccountName { get; }

    /// <summary>The account's address, without a table.</summary>
    Uri Endpoint { get; }

    OperationCounter Operations { get; }

    /// <summary>
    /// Does what the call says. What the service refuses comes back as an answer with the service's status (400 and more);
    /// an exception means that nobody knows whether it was done.
    /// </summary>
    Task<TableAnswer> SendAsync(TableCall call, CancellationToken cancellation);
}

/// <summary>A call to the service. The nested records are all there are.</summary>
internal abstract record TableCall(string Table)
{
    public abstract TableOperation Operation { get; }

    public sealed record Create(string Table) : TableCall(Table)
    {
        public override TableOperation Operation => TableOperation.CreateTable;
    }

    public sealed record Drop(string Table) : TableCall(Table)
    {
        public override TableOperation Operation => TableOperation.DeleteTable;
    }

    /// <summary>The account's tables, a page of them.</summary>
    public sealed record List(string? Filter, int? Top, string? Continuation) : TableCall("")
    {
        public override TableOperation Operation => TableOperation.QueryTables;
    }

    public sealed record Get(string Table, string PartitionKey, string RowKey, IReadOnlyList<string>? Select) : TableCall(Table)
    {
        public override TableOperation Operation => TableOperation.GetEntity;
    }

    /// <summary>A page of entities.</summary>
    public sealed record Query(string Table, string? Filter, int? Top, IReadOnlyList<string>? Select, string? Continuation)
        : TableCall(Table)
    {
        public override TableOperation Operation => TableOperation.QueryEntities;
    }

    public sealed record Change(string Table, EntityChange Entity) : TableCall(Table)
    {
        public override TableOperation Operation => Entity.Type switch
        {
            TableTransactionActionType.Add => TableOperation.AddEntity,
            TableTransactionActionType.Delete => TableOperation.DeleteEntity,
            TableTransactionActionType.UpsertMerge or TableTransactionActionType.UpsertReplace => TableOperation.UpsertEntity,
            _ => TableOperation.UpdateEntity,
        };
    }

    public sealed record Transaction(string Table, IReadOnlyList<EntityChange> Changes) : TableCall(Table)
    {
        public override TableOperation Operation => TableOperation.SubmitTransaction;
    }
}

/// <summary>
/// One change of one entity. <paramref name="Entity"/> is null for a deletion; <paramref name="IfMatch"/> is an ETag, <c>*</c>,
/// or null where the change has no condition (Add, Upsert).
/// </summary>
internal readonly record struct EntityChange(
    TableTransactionActionType Type, string PartitionKey, string RowKey, TableEntity? Entity, string? IfMatch);

/// <summary>What came back. Which of the parts are there depends on the call.</summary>
internal sealed record TableAnswer(Response Response)
{
    /// <summary>The entity asked for, or a page of them.</summary>
    public IReadOnlyList<TableEntity> Entities { get; init; } = [];

    public IReadOnlyList<string> Tables { get; init; } = [];

    /// <summary>Where the next page begins; null on the last.</summary>
    public string? Continuation { get; init; }

    /// <summary>A transaction's answers, one per change.</summary>
    public IReadOnlyList<Response> Parts { get; init; } = [];
}
