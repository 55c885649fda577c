using Azurite;
using System.Text.Json;
using Azure.Data.Tables;

namespace Contract.Tests.Tables;

/// <summary>The contract over HTTP, judged by Azurite; and what the official JavaScript client reads of what was written.</summary>
[Collection(AzuriteCollection.Name)]
public sealed class AzuriteTableTests(AzuriteServer azurite) : TableContract
{
    private protected override TableServiceClient Service { get; } = new(azurite.ConnectionString, AzuriteCollection.Options);

    [Fact]
    public async Task The_official_JavaScript_client_reads_what_was_written()
    {
        var written = await Table.AddEntityAsync(new TableEntity("p", "it's ü")
        {
            ["Text"] = "世界",
            ["True"] = true,
            ["Int32"] = -5,
            ["Int64"] = long.MaxValue,
            ["Double"] = 0.1,
            ["Time"] = new DateTimeOffset(2026, 11, 21, 22, 22, 42, TimeSpan.Zero).AddTicks(1_234_567),
            ["Guid"] = new Guid("5a3a3a5c-0b5e-4d3c-8f9e-0d4c6d0d2a11"),
            ["Binary"] = new byte[] { 0, 255 },
        });
        await Table.SubmitTransactionAsync([new(TableTransactionActionType.Add, new TableEntity("p", "second") { ["Int64"] = 1L })]);

        var lines = await azurite.RunAsync("read-entities.mjs", azurite.ConnectionString, Table.Name, "p");

        Assert.Equal(2, lines.Length);
        using var json = JsonDocument.Parse(lines[0]);
        Assert.Equal(("p", "it's ü"), (json.RootElement.GetProperty("partitionKey").GetString(), json.RootElement.GetProperty("rowKey").GetString()));
        Assert.Equal(written.Headers.ETag!.Value.ToString(), json.RootElement.GetProperty("etag").GetString());
        var read = json.RootElement.GetProperty("properties").EnumerateObject()
            .Select(static property => $"{property.Name} {property.Value.GetProperty("type").GetString()} {property.Value.GetProperty("value").GetString()}");
        Assert.Equal(
        [
            "Binary Binary AP8=",
            "Double Double 0.1",
            "Guid Guid 5a3a3a5c-0b5e-4d3c-8f9e-0d4c6d0d2a11",
            "Int32 Int32 -5",
            "Int64 Int64 9223372036854775807",
            "Text String 世界",
            "Time DateTime 2026-11-21T22:22:42.1234567Z",
            "True Boolean true",
        ],
        read.Order(StringComparer.Ordinal));
    }
}
