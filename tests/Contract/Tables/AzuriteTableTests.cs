using Azure.Data.Tables;

namespace Contract.Tests.Tables;

/// <summary>The contract over HTTP, judged by Azurite.</summary>
[Collection(AzuriteCollection.Name)]
public sealed class AzuriteTableTests(AzuriteServer azurite) : TableContract
{
    private protected override TableServiceClient Service { get; } = new(azurite.ConnectionString);
}
