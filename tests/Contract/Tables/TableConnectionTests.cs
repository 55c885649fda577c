using Azure.Data.Tables;
using AzureLocal.Storage;

namespace Contract.Tests.Tables;

public sealed class TableConnectionTests
{
    private const string Key = "c2VjcmV0";

    [Fact]
    public void An_account_key_leads_to_its_endpoint()
    {
        var azure = new TableServiceClient($"DefaultEndpointsProtocol=https;AccountName=acme;AccountKey={Key};EndpointSuffix=core.windows.net");
        Assert.Equal(("acme", "https://acme.table.core.windows.net/"), (azure.AccountName, azure.Uri.AbsoluteUri));

        var azurite = new TableServiceClient(
            $"AccountName=acme;AccountKey={Key};TableEndpoint=http://127.0.0.1:10002/acme;BlobEndpoint=http://127.0.0.1:10000/acme;");
        Assert.Equal(("acme", "http://127.0.0.1:10002/acme"), (azurite.AccountName, azurite.Uri.AbsoluteUri));
        Assert.Equal("http://127.0.0.1:10002/acme/jobs", azurite.GetTableClient("jobs").Uri.AbsoluteUri);
    }

    [Fact]
    public async Task DataDirectory_leads_to_the_embedded_store_there_and_opens_it_with_the_first_call()
    {
        var directory = Path.Combine(Path.GetTempPath(), $"weir-tables-{Path.GetRandomFileName()}");
        var client = new TableServiceClient($"DataDirectory={directory}");
        Assert.Equal(new Uri(directory), client.Uri);
        Assert.False(Directory.Exists(directory));
        try
        {
            await client.CreateTableAsync("jobs");
            using var store = Store.Open(directory);
            await new TableServiceClient(store, TimeProvider.System).GetTableClient("jobs").AddEntityAsync(new TableEntity("p", "r"));
            Assert.True((await new TableClient($"DataDirectory={directory}", "jobs").GetEntityIfExistsAsync<TableEntity>("p", "r")).HasValue);
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    [Fact]
    public void Development_storage_is_the_process_data_directory()
    {
        var client = new TableServiceClient("UseDevelopmentStorage=true");
        Assert.Equal(new Uri(Path.GetFullPath(DataDirectory.Current)), client.Uri);
        Assert.Equal("devstoreaccount1", client.AccountName);
    }

    [Theory]
    [InlineData("")]
    [InlineData("nonsense")]
    [InlineData("AccountName=acme;AccountKey=")]
    [InlineData("AccountName=acme;AccountName=acme")]
    [InlineData("UseDevelopmentStorage=false")]
    [InlineData("AccountName=acme")]
    [InlineData("AccountName=acme;AccountKey=c2VjcmV0")]
    [InlineData("AccountName=acme;AccountKey=c2VjcmV0;TableEndpoint=nowhere")]
    [InlineData("AccountName=acme;AccountKey=not base64!;EndpointSuffix=core.windows.net")]
    public void A_malformed_connection_string_is_refused_without_telling_its_key(string connectionString)
    {
        var refusal = Assert.ThrowsAny<Exception>(() => new TableServiceClient(connectionString));
        Assert.True(refusal is ArgumentException or FormatException or InvalidOperationException);
        Assert.DoesNotContain("c2VjcmV0", refusal.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("base64!", refusal.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("TableEndpoint=https://acme.table.core.windows.net;SharedAccessSignature=sv=2020")]
    [InlineData("UseDevelopmentStorage=true;DevelopmentStorageProxyUri=http://elsewhere")]
    public void What_this_build_does_not_know_is_named(string connectionString) =>
        Assert.Throws<NotSupportedException>(() => new TableServiceClient(connectionString));

    [Fact]
    public void An_endpoint_is_an_http_address()
    {
        var credential = new TableSharedKeyCredential("acme", Key);
        Assert.Throws<ArgumentException>(() => new TableServiceClient(new Uri("ftp://acme"), credential));
        Assert.Throws<NotSupportedException>(() => new TableServiceClient(new Uri("https://acme.table.core.windows.net?sv=1"), credential));
        Assert.Throws<ArgumentNullException>(() => new TableServiceClient((Uri)null!, credential));
        Assert.Throws<ArgumentException>(() => new TableClient("UseDevelopmentStorage=true", ""));
    }
}
