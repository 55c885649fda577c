using Azure.Data.Tables;
using Azurite;

namespace Contract.Tests.Tables;

[CollectionDefinition(Name)]
public sealed class AzuriteCollection : ICollectionFixture<AzuriteServer>
{
    public const string Name = "Azurite";

    /// <summary>A call that hangs fails its test after 20 s, not after the default's 400.</summary>
    public static TableClientOptions Options => new() { Retry = { MaxRetries = 1, NetworkTimeout = TimeSpan.FromSeconds(10) } };
}
