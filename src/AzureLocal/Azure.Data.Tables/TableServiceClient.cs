using Azure.Core;
using Azure.Data.Tables.Models;
using AzureLocal.Storage;

namespace Azure.Data.Tables;

/// <summary>An account's tables: in Azure, in Azurite, or embedded in a data directory (see the README for connection strings).</summary>
public class TableServiceClient
{
    private readonly ITableTransport transport = null!;

    public TableServiceClient(string connectionString) : this(connectionString, null) { }

    public TableServiceClient(string connectionString, TableClientOptions? options = null)
        : this(TableConnection.Open(connectionString, options)) { }

    public TableServiceClient(Uri endpoint, TableSharedKeyCredential credential) : this(endpoint, credential, null) { }

    public TableServiceClient(Uri endpoint, TableSharedKeyCredential credential, TableClientOptions? options)
        : this(TableConnection.Open(endpoint, credential, options)) { }

    public TableServiceClient(Uri endpoint, TokenCredential tokenCredential, TableClientOptions? options = null)
        : this(TableConnection.Open(endpoint, tokenCredential, options)) { }

    internal TableServiceClient(Store store, TimeProvider clock) : this(new EmbeddedTables(store, clock)) { }

    internal TableServiceClient(ITableTransport transport) => this.transport = transport;

    /// <summary>For mocks.</summary>
    protected TableServiceClient() { }

    public virtual string AccountName => transport.AccountName;

    public virtual Uri Uri => transport.Endpoint;

    /// <summary>SDK calls so far, by kind, of this client and of the table clients that it made.</summary>
    internal OperationCounter Operations => transport.Operations;

    public static string CreateQueryFilter(FormattableString filter) => QueryText.Of(filter)!;

    public virtual TableClient GetTableClient(string tableName) => new(transport, tableName);

    public virtual Task<Response<TableItem>> CreateTableAsync(string tableName, CancellationToken cancellationToken = default) =>
        transport.CreateTableAsync(tableName, false, cancellationToken);

    /// <summary>When the table exists already, the raw response's status is 409.</summary>
    public virtual Task<Response<TableItem>> CreateTableIfNotExistsAsync(string tableName, CancellationToken cancellationToken = default) =>
        transport.CreateTableAsync(tableName, true, cancellationToken);

    /// <summary>Does not throw when there is no such table: the status is 404.</summary>
    public virtual Task<Response> DeleteTableAsync(string tableName, CancellationToken cancellationToken = default) =>
        transport.DropTableAsync(tableName, cancellationToken);

    public virtual AsyncPageable<TableItem> QueryAsync(
        string? filter = null, int? maxPerPage = null, CancellationToken cancellationToken = default)
    {
        return new Pages<TableItem>(FetchAsync, maxPerPage, cancellationToken);

        async Task<Page<TableItem>> FetchAsync(string? continuation, int? top, CancellationToken cancellation)
        {
            var answer = await transport.CallAsync(new TableCall.List(filter, top, continuation), 0, cancellation);
            var items = answer.Tables.Select(static name => new TableItem(name)).ToList();
            return Page<TableItem>.FromValues(items, answer.Continuation, answer.Response);
        }
    }
}
