using Azure;
using Azure.Data.Tables;
using Azure.Data.Tables.Models;

namespace Contract.Tests.Tables;

public abstract partial class TableContract
{
    private const int MaxText = 32 * 1024;

    [Fact]
    public async Task Strings_go_up_to_32_Ki_characters_and_binaries_to_64_KiB()
    {
        await Table.AddEntityAsync(new TableEntity("p", "text") { ["Text"] = new string('ü', MaxText) });
        await Table.AddEntityAsync(new TableEntity("p", "binary") { ["Binary"] = new byte[64 * 1024] });
        Assert.Equal(MaxText, (await ReadAsync("p", "text")).GetString("Text")!.Length);
        Assert.Equal(64 * 1024, (await ReadAsync("p", "binary")).GetBinary("Binary")!.Length);

        var longText = new TableEntity("p", "r") { ["Text"] = new string('a', MaxText + 1) };
        var longBinary = new TableEntity("p", "r") { ["Binary"] = new byte[(64 * 1024) + 1] };
        await RefusedAsync(400, TableErrorCode.PropertyValueTooLarge, () => Table.AddEntityAsync(longText));
        await RefusedAsync(400, TableErrorCode.PropertyValueTooLarge, () => Table.UpsertEntityAsync(longBinary));
    }

    [Fact]
    public async Task An_entity_goes_up_to_1_MiB()
    {
        await Table.UpsertEntityAsync(Heavy(15), TableUpdateMode.Replace);
        Assert.Equal(15, OwnNames(await ReadAsync("p", "heavy")).Count());
        await RefusedAsync(400, TableErrorCode.EntityTooLarge, () => Table.UpsertEntityAsync(Heavy(33), TableUpdateMode.Replace));
    }

    [Theory]
    [InlineData("a/b")]
    [InlineData("a\\b")]
    [InlineData("a#b")]
    [InlineData("a?b")]
    [InlineData("a\tb")]
    [InlineData("a\u0085b")]
    public async Task Keys_with_forbidden_characters_are_refused(string key)
    {
        await RefusedAsync(400, () => Table.AddEntityAsync(new TableEntity(key, "r")));
        await RefusedAsync(400, () => Table.AddEntityAsync(new TableEntity("p", key)));
    }

    [Fact]
    public async Task Keys_go_up_to_512_characters()
    {
        var longest = new string('k', 512);
        await Table.AddEntityAsync(new TableEntity(longest, longest));
        Assert.Equal(longest, (await ReadAsync(longest, longest)).RowKey);
        await RefusedAsync(400, () => Table.AddEntityAsync(new TableEntity(longest + "k", "r")));
        await RefusedAsync(400, () => Table.AddEntityAsync(new TableEntity("p", longest + "k")));
    }

    [Fact]
    public async Task An_If_Match_that_is_no_ETag_is_a_bad_request()
    {
        var entity = new TableEntity("p", "r");
        await Table.AddEntityAsync(entity);
        var strong = new ETag("\"strong\"");
        var foreign = new ETag("W/\"somebody else's\"");
        // InvalidInput in Azure; of a merge Azurite says InvalidOperation.
        await RefusedAsync(400, () => Table.UpdateEntityAsync(entity, new ETag("nonsense")));
        await RefusedAsync(400, TableErrorCode.InvalidInput, () => Table.UpdateEntityAsync(entity, strong, TableUpdateMode.Replace));
        await RefusedAsync(412, TableErrorCode.UpdateConditionNotSatisfied, () => Table.UpdateEntityAsync(entity, foreign));
    }

    [Fact]
    public async Task Only_TableEntity_and_its_types_are_supported()
    {
        await Assert.ThrowsAsync<NotSupportedException>(() => Table.AddEntityAsync(new TableEntity("p", "r") { ["Decimal"] = 1m }));
        await Assert.ThrowsAsync<NotSupportedException>(() => Table.AddEntityAsync(new OwnEntity()));
        await Assert.ThrowsAsync<NotSupportedException>(() => Table.GetEntityAsync<OwnEntity>("p", "r"));
        Assert.Throws<NotSupportedException>(() => Table.QueryAsync<OwnEntity>());
    }

    [Fact]
    public async Task Half_a_character_comes_back_as_the_replacement_character()
    {
        await Table.AddEntityAsync(new TableEntity("p", "r") { ["Text"] = "a\ud83cb" });
        Assert.Equal("a\ufffdb", (await ReadAsync("p", "r")).GetString("Text"));
    }

    [Fact]
    public async Task Arguments_that_are_missing_are_mistakes()
    {
        await Assert.ThrowsAsync<ArgumentNullException>(() => Table.AddEntityAsync<TableEntity>(null!));
        await Assert.ThrowsAsync<ArgumentNullException>(() => Table.AddEntityAsync(new TableEntity()));
        await Assert.ThrowsAsync<ArgumentNullException>(() => Table.UpsertEntityAsync(new TableEntity(null!, "r")));
        await Assert.ThrowsAsync<ArgumentException>(() => Table.UpdateEntityAsync(new TableEntity("p", "r"), default));
    }

    private protected static TableEntity Heavy(int properties)
    {
        var entity = new TableEntity("p", "heavy");
        for (var i = 0; i < properties; i++)
            entity[$"Text{i}"] = new string('a', MaxText);
        return entity;
    }

    private protected static async Task RefusedAsync(int status, Func<Task> act) =>
        Assert.Equal(status, (await Assert.ThrowsAsync<RequestFailedException>(act)).Status);

    private sealed class OwnEntity : ITableEntity
    {
        public string PartitionKey { get; set; } = "p";

        public string RowKey { get; set; } = "r";

        public DateTimeOffset? Timestamp { get; set; }

        public ETag ETag { get; set; }
    }
}
