using Azure.Data.Tables;
using AzureLocal.Storage;

namespace Contract.Tests.Tables;

/// <summary>The contract over the embedded store, and what only it does.</summary>
public sealed class EmbeddedTableTests : TableContract
{
    private readonly string directory = Directory.CreateTempSubdirectory("weir-tables-").FullName;
    private readonly Store store;

    public EmbeddedTableTests()
    {
        store = Store.Open(directory);
        Service = new TableServiceClient(store, TimeProvider.System);
    }

    private protected override TableServiceClient Service { get; }

    public override ValueTask DisposeAsync()
    {
        store.Dispose();
        Directory.Delete(directory, recursive: true);
        return base.DisposeAsync();
    }
}
