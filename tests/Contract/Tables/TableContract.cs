using Azure;
using Azure.Data.Tables;
using Azure.Data.Tables.Models;

namespace Contract.Tests.Tables;

/// <summary>
/// What Weir relies on in Azure.Data.Tables, whichever transport is beneath. Azurite is the judge, the documentation where
/// Azurite is wrong: such a test says so and runs over the embedded store only.
/// </summary>
public abstract partial class TableContract : IAsyncLifetime
{
    private static int tables;

    private protected abstract TableServiceClient Service { get; }

    private protected TableClient Table { get; private set; } = null!;

    public virtual async ValueTask InitializeAsync()
    {
        Table = Service.GetTableClient(NewTableName());
        await Table.CreateAsync();
    }

    public virtual ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        return ValueTask.CompletedTask;
    }

    private protected static string NewTableName() => $"table{Interlocked.Increment(ref tables)}";

    private protected static async Task<RequestFailedException> RefusedAsync(int status, TableErrorCode code, Func<Task> act)
    {
        var refusal = await Assert.ThrowsAsync<RequestFailedException>(act);
        Assert.Equal((status, code.ToString()), (refusal.Status, refusal.ErrorCode));
        return refusal;
    }

    private protected static async Task<TableTransactionFailedException> RefusedAsync(
        int status, TableErrorCode code, int? index, Func<Task> act)
    {
        var refusal = await Assert.ThrowsAsync<TableTransactionFailedException>(act);
        Assert.Equal((status, code.ToString(), index), (refusal.Status, refusal.ErrorCode, refusal.FailedTransactionActionIndex));
        return refusal;
    }

    private protected async Task<TableEntity> ReadAsync(string partitionKey, string rowKey) =>
        (await Table.GetEntityAsync<TableEntity>(partitionKey, rowKey)).Value;
}
