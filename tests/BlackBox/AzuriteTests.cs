using System.Text.Json;
using Azurite;

namespace BlackBox.Tests;

/// <summary>The same system with its tables in Azurite, over HTTP, as it would have them in Azure.</summary>
public sealed class AzuriteTests(AzuriteServer azurite) : IClassFixture<AzuriteServer>
{
    [Fact]
    public async Task The_official_client_reads_the_receipts_that_were_written_over_http()
    {
        using var data = new DataFolder();
        var connection = azurite.ConnectionString;
        await using var weir = await WeirProcess.StartAsync(data, ("AzureWebJobsStorage", connection));
        var id = await weir.Http.SubmitAsync("probe", new { effect = "azurite", failFirst = 1, note = "hello" });
        var job = await weir.Http.FinalAsync(id);
        Assert.Equal("succeeded", job.GetProperty("state").GetString());

        var rows = (await azurite.RunAsync("read-entities.mjs", connection, "Receipts", id)).Select(line => JsonElement.Parse(line)).ToDictionary(row => row.GetProperty("rowKey").GetString()!);
        Assert.Equal(["attempt-0001", "attempt-0002", "job", "step-effect"], rows.Keys.Order(StringComparer.Ordinal));
        var receipt = rows["job"].GetProperty("properties");
        Assert.Equal("Succeeded", Value(receipt, "State"));
        Assert.Equal("probe", Value(receipt, "Type"));
        Assert.Equal("2", Value(receipt, "Attempt"));
        Assert.Equal("DateTime", receipt.GetProperty("FinishedAt").GetProperty("type").GetString());
        Assert.Contains("hello", Value(receipt, "Result"));
        Assert.Contains("as it was told to", Value(rows["attempt-0001"].GetProperty("properties"), "ErrorMessage"));
    }

    private static string? Value(JsonElement properties, string name) => properties.GetProperty(name).GetProperty("value").GetString();
}
