// A TableClient as nobody may write it, for AzureApiCheckTests, in the official namespace: the check takes it for AzureLocal's.
namespace Azure.Data.Tables;

public class TableClient
{
    protected TableClient()
    {
    }

    /// <summary>As it should be.</summary>
    public virtual Response Delete(CancellationToken cancellationToken = default) => throw new NotSupportedException();

    /// <summary>Officially, ifMatch and cancellationToken have defaults.</summary>
    public virtual Response DeleteEntity(string partitionKey, string rowKey, ETag ifMatch, CancellationToken cancellationToken) =>
        throw new NotSupportedException();

    /// <summary>Officially virtual.</summary>
    public Task<Response> DeleteAsync(CancellationToken cancellationToken = default) => throw new NotSupportedException();

    /// <summary>Invented.</summary>
    public virtual int CountRows() => throw new NotSupportedException();

    /// <summary>What local needs beside the official API: nobody's business.</summary>
    internal int CountRowsWithoutTelling() => throw new NotSupportedException();
}
