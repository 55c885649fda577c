using Azure.Core;
using Azure.Data.Tables.Models;

namespace Azure.Data.Tables;

/// <summary>One table. Entities are <see cref="TableEntity"/>; other types of entity are not supported in this build.</summary>
public class TableClient
{
    private readonly ITableTransport transport = null!;

    public TableClient(string connectionString, string tableName) : this(connectionString, tableName, null) { }

    public TableClient(string connectionString, string tableName, TableClientOptions? options = null)
        : this(TableConnection.Open(connectionString, options), tableName) { }

    public TableClient(Uri endpoint, string tableName, TableSharedKeyCredential credential)
        : this(endpoint, tableName, credential, null) { }

    public TableClient(Uri endpoint, string tableName, TableSharedKeyCredential credential, TableClientOptions? options = null)
        : this(TableConnection.Open(endpoint, credential, options), tableName) { }

    public TableClient(Uri endpoint, string tableName, TokenCredential tokenCredential, TableClientOptions? options = null)
        : this(TableConnection.Open(endpoint, tokenCredential, options), tableName) { }

    internal TableClient(ITableTransport transport, string tableName)
    {
        ArgumentException.ThrowIfNullOrEmpty(tableName);
        this.transport = transport;
        Name = tableName;
    }

    /// <summary>For mocks.</summary>
    protected TableClient() { }

    public virtual string Name { get; } = null!;

    public virtual string AccountName => transport.AccountName;

    public virtual Uri Uri => new($"{transport.Endpoint.AbsoluteUri.TrimEnd('/')}/{Name}");

    public static string CreateQueryFilter(FormattableString filter) => QueryText.Of(filter)!;

    public virtual Task<Response<TableItem>> CreateAsync(CancellationToken cancellationToken = default) =>
        transport.CreateTableAsync(Name, false, cancellationToken);

    /// <summary>When the table exists already, the raw response's status is 409.</summary>
    public virtual Task<Response<TableItem>> CreateIfNotExistsAsync(CancellationToken cancellationToken = default) =>
        transport.CreateTableAsync(Name, true, cancellationToken);

    /// <summary>Does not throw when there is no such table: the status is 404.</summary>
    public virtual Task<Response> DeleteAsync(CancellationToken cancellationToken = default) =>
        transport.DropTableAsync(Name, cancellationToken);

    public virtual Task<Response> AddEntityAsync<T>(T entity, CancellationToken cancellationToken = default) where T : ITableEntity =>
        ChangeAsync(TableTransactionActionType.Add, entity, null, cancellationToken);

    public virtual Task<Response> UpdateEntityAsync<T>(
        T entity, ETag ifMatch, TableUpdateMode mode = TableUpdateMode.Merge, CancellationToken cancellationToken = default)
        where T : ITableEntity
    {
        if (ifMatch == default)
            throw new ArgumentException("An update needs an ETag, or ETag.All to update whatever is there.", nameof(ifMatch));
        var type = Replaces(mode) ? TableTransactionActionType.UpdateReplace : TableTransactionActionType.UpdateMerge;
        return ChangeAsync(type, entity, ifMatch.ToString(), cancellationToken);
    }

    public virtual Task<Response> UpsertEntityAsync<T>(
        T entity, TableUpdateMode mode = TableUpdateMode.Merge, CancellationToken cancellationToken = default) where T : ITableEntity
    {
        var type = Replaces(mode) ? TableTransactionActionType.UpsertReplace : TableTransactionActionType.UpsertMerge;
        return ChangeAsync(type, entity, null, cancellationToken);
    }

    /// <summary>Does not throw when there is no such entity: the status is 404.</summary>
    public virtual async Task<Response> DeleteEntityAsync(
        string partitionKey, string rowKey, ETag ifMatch = default, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(partitionKey);
        ArgumentNullException.ThrowIfNull(rowKey);
        var change = new EntityChange(TableTransactionActionType.Delete, partitionKey, rowKey, null, OrAny(ifMatch));
        var answer = await transport.CallAsync(new TableCall.Change(Name, change), 404, cancellationToken);
        return answer.Response;
    }

    /// <inheritdoc cref="DeleteEntityAsync(string, string, ETag, CancellationToken)"/>
    public virtual Task<Response> DeleteEntityAsync(
        ITableEntity entity, ETag ifMatch = default, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(entity);
        return DeleteEntityAsync(entity.PartitionKey, entity.RowKey, ifMatch, cancellationToken);
    }

    public virtual async Task<Response<T>> GetEntityAsync<T>(
        string partitionKey, string rowKey, IEnumerable<string>? select = null, CancellationToken cancellationToken = default)
        where T : class, ITableEntity
    {
        var answer = await transport.CallAsync(Get<T>(partitionKey, rowKey, select), 0, cancellationToken);
        return Response.FromValue((T)(object)answer.Entities[0], answer.Response);
    }

    public virtual async Task<NullableResponse<T>> GetEntityIfExistsAsync<T>(
        string partitionKey, string rowKey, IEnumerable<string>? select = null, CancellationToken cancellationToken = default)
        where T : class, ITableEntity
    {
        var answer = await transport.CallAsync(Get<T>(partitionKey, rowKey, select), 404, cancellationToken);
        if (answer.Response.Status == 404)
            return new NoValueResponse<T>(answer.Response);
        return Response.FromValue((T)(object)answer.Entities[0], answer.Response);
    }

    /// <summary>A page may hold fewer entities than asked for, even none, and still not be the last.</summary>
    public virtual AsyncPageable<T> QueryAsync<T>(
        string? filter = null, int? maxPerPage = null, IEnumerable<string>? select = null, CancellationToken cancellationToken = default)
        where T : class, ITableEntity
    {
        RequireTableEntity(typeof(T));
        var names = Names(select);
        return new Pages<T>(FetchAsync, maxPerPage, cancellationToken);

        async Task<Page<T>> FetchAsync(string? continuation, int? top, CancellationToken cancellation)
        {
            var answer = await transport.CallAsync(new TableCall.Query(Name, filter, top, names, continuation), 0, cancellation);
            return Page<T>.FromValues((IReadOnlyList<T>)answer.Entities, answer.Continuation, answer.Response);
        }
    }

    /// <exception cref="TableTransactionFailedException">Refused: nothing of it was done.</exception>
    public virtual async Task<Response<IReadOnlyList<Response>>> SubmitTransactionAsync(
        IEnumerable<TableTransactionAction> transactionActions, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(transactionActions);
        transactionActions.TryGetNonEnumeratedCount(out var count);
        var changes = new List<EntityChange>(count);
        foreach (var action in transactionActions)
            changes.Add(ChangeOf(action));
        if (changes.Count == 0)
            throw new InvalidOperationException("A transaction needs at least one action.");

        transport.Operations.Count(TableOperation.SubmitTransaction);
        var answer = await transport.SendAsync(new TableCall.Transaction(Name, changes), cancellationToken);
        if (answer.Response.Status >= 400)
            throw new TableTransactionFailedException(TableError.Exception(answer.Response));
        return Response.FromValue(answer.Parts, answer.Response);
    }

    private async Task<Response> ChangeAsync(
        TableTransactionActionType type, ITableEntity entity, string? ifMatch, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(entity);
        ArgumentNullException.ThrowIfNull(entity.PartitionKey, "entity.PartitionKey");
        ArgumentNullException.ThrowIfNull(entity.RowKey, "entity.RowKey");
        var call = new TableCall.Change(Name, new EntityChange(type, entity.PartitionKey, entity.RowKey, Bag(entity), ifMatch));
        transport.Operations.Count(call.Operation);
        return (await transport.SendAsync(call, cancellation)).OrThrow().Response;
    }

    private TableCall.Get Get<T>(string partitionKey, string rowKey, IEnumerable<string>? select)
    {
        ArgumentNullException.ThrowIfNull(partitionKey);
        ArgumentNullException.ThrowIfNull(rowKey);
        RequireTableEntity(typeof(T));
        return new TableCall.Get(Name, partitionKey, rowKey, Names(select));
    }

    /// <summary>An update without an ETag is sent without If-Match, and without it the service takes an update for an upsert.</summary>
    private static EntityChange ChangeOf(TableTransactionAction action)
    {
        var (entity, etag) = (action.Entity, action.ETag);
        var (type, ifMatch) = action.ActionType switch
        {
            TableTransactionActionType.Delete => (TableTransactionActionType.Delete, OrAny(etag)),
            TableTransactionActionType.UpdateMerge when etag == default => (TableTransactionActionType.UpsertMerge, null),
            TableTransactionActionType.UpdateReplace when etag == default => (TableTransactionActionType.UpsertReplace, null),
            TableTransactionActionType.UpdateMerge or TableTransactionActionType.UpdateReplace => (action.ActionType, etag.ToString()),
            _ => (action.ActionType, null),
        };
        var bag = type == TableTransactionActionType.Delete ? null : Bag(entity);
        return new EntityChange(type, entity.PartitionKey, entity.RowKey, bag, ifMatch);
    }

    private static string OrAny(ETag etag) => etag == default ? "*" : etag.ToString();

    private static IReadOnlyList<string>? Names(IEnumerable<string>? select) => select is null ? null : [.. select];

    private static bool Replaces(TableUpdateMode mode) => mode switch
    {
        TableUpdateMode.Merge => false,
        TableUpdateMode.Replace => true,
        _ => throw new ArgumentException($"{mode} is not a mode of update.", nameof(mode)),
    };

    private static TableEntity Bag(ITableEntity entity)
    {
        RequireTableEntity(entity.GetType());
        return (TableEntity)entity;
    }

    private static void RequireTableEntity(Type type)
    {
        if (type != typeof(TableEntity))
            throw new NotSupportedException($"This build knows entities as TableEntity only, not as {type}.");
    }
}
