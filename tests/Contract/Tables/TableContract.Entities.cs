using Azure;
using Azure.Data.Tables;
using Azure.Data.Tables.Models;

namespace Contract.Tests.Tables;

public abstract partial class TableContract
{
    [Fact]
    public async Task Every_type_comes_back_as_it_was_written()
    {
        var id = new Guid("5a3a3a5c-0b5e-4d3c-8f9e-0d4c6d0d2a11");
        var time = new DateTimeOffset(2026, 11, 21, 22, 22, 42, TimeSpan.FromHours(2)).AddTicks(1_234_567);
        var written = new TableEntity("p", "all types")
        {
            ["Text"] = "Grüße, 世界 🌍 \" \\ \n end",
            ["Empty"] = "",
            ["True"] = true,
            ["False"] = false,
            ["Int32"] = int.MinValue,
            ["Int64"] = long.MinValue,
            ["Double"] = 0.1,
            ["WholeDouble"] = 3.0,
            ["Time"] = time,
            ["UtcTime"] = time.UtcDateTime,
            ["Guid"] = id,
            ["Binary"] = new byte[] { 0, 1, 254, 255 },
            ["BinaryData"] = new BinaryData(new byte[] { 7 }),
        };

        await Table.AddEntityAsync(written);
        var read = await ReadAsync("p", "all types");

        Assert.Equal("Grüße, 世界 🌍 \" \\ \n end", read.GetString("Text"));
        Assert.Equal("", read.GetString("Empty"));
        Assert.True(read.GetBoolean("True"));
        Assert.False(read.GetBoolean("False"));
        Assert.Equal(int.MinValue, read.GetInt32("Int32"));
        Assert.Equal(long.MinValue, read.GetInt64("Int64"));
        Assert.Equal(0.1, read.GetDouble("Double"));
        Assert.Equal(3.0, read.GetDouble("WholeDouble"));
        Assert.Equal(time, read.GetDateTimeOffset("Time"));
        Assert.Equal(TimeSpan.Zero, read.GetDateTimeOffset("Time")!.Value.Offset);
        Assert.Equal(time.UtcDateTime, read.GetDateTime("UtcTime"));
        Assert.Equal(id, read.GetGuid("Guid"));
        Assert.Equal([0, 1, 254, 255], read.GetBinary("Binary"));
        Assert.Equal([7], read.GetBinaryData("BinaryData")!.ToArray());
        Assert.Equal(written.Keys.Order(), read.Keys.Except([TableEntity.TimestampName, TableEntity.ETagName]).Order());
    }

    [Fact]
    public async Task A_write_answers_with_the_ETag_that_a_read_then_shows()
    {
        var added = await Table.AddEntityAsync(new TableEntity("p", "r") { ["N"] = 1 });
        Assert.Equal(204, added.Status);
        Assert.Equal((await ReadAsync("p", "r")).ETag, added.Headers.ETag);

        var updated = await Table.UpdateEntityAsync(new TableEntity("p", "r") { ["N"] = 2 }, added.Headers.ETag!.Value);
        Assert.Equal(204, updated.Status);
        Assert.NotEqual(added.Headers.ETag, updated.Headers.ETag);
        Assert.Equal((await ReadAsync("p", "r")).ETag, updated.Headers.ETag);

        var upserted = await Table.UpsertEntityAsync(new TableEntity("p", "r") { ["N"] = 3 }, TableUpdateMode.Replace);
        var read = await Table.GetEntityAsync<TableEntity>("p", "r");
        Assert.Equal(read.Value.ETag, upserted.Headers.ETag);
        Assert.Equal(read.GetRawResponse().Headers.ETag, upserted.Headers.ETag);
    }

    [Fact]
    public async Task The_service_sets_the_timestamp_and_the_callers_is_ignored()
    {
        await Table.AddEntityAsync(new TableEntity("p", "r") { Timestamp = DateTimeOffset.UnixEpoch });
        var timestamp = (await ReadAsync("p", "r")).Timestamp;
        Assert.NotNull(timestamp);
        Assert.True(timestamp > DateTimeOffset.UnixEpoch.AddYears(1));
    }

    [Fact]
    public async Task Adding_what_exists_is_a_conflict_and_changes_nothing()
    {
        await Table.AddEntityAsync(new TableEntity("p", "r") { ["N"] = 1 });
        await RefusedAsync(409, TableErrorCode.EntityAlreadyExists, () => Table.AddEntityAsync(new TableEntity("p", "r") { ["N"] = 2 }));
        Assert.Equal(1, (await ReadAsync("p", "r")).GetInt32("N"));
    }

    [Fact]
    public async Task Reading_what_is_not_there_is_ResourceNotFound_or_no_value()
    {
        await RefusedAsync(404, TableErrorCode.ResourceNotFound, () => Table.GetEntityAsync<TableEntity>("p", "r"));
        var nothing = await Table.GetEntityIfExistsAsync<TableEntity>("p", "r");
        Assert.False(nothing.HasValue);
        Assert.Equal(404, nothing.GetRawResponse().Status);
        Assert.Throws<InvalidOperationException>(() => nothing.Value);

        await Table.AddEntityAsync(new TableEntity("p", "r"));
        Assert.True((await Table.GetEntityIfExistsAsync<TableEntity>("p", "r")).HasValue);
    }

    [Fact]
    public async Task Merge_keeps_what_it_does_not_name_and_Replace_drops_it()
    {
        await Table.AddEntityAsync(new TableEntity("p", "r") { ["A"] = 1, ["B"] = "old", ["C"] = true });

        await Table.UpdateEntityAsync(new TableEntity("p", "r") { ["B"] = "new", ["D"] = 2L }, ETag.All);
        var merged = await ReadAsync("p", "r");
        Assert.Equal((1, "new", true, 2L), (merged.GetInt32("A"), merged.GetString("B"), merged.GetBoolean("C"), merged.GetInt64("D")));

        await Table.UpdateEntityAsync(new TableEntity("p", "r") { ["E"] = 1 }, ETag.All, TableUpdateMode.Replace);
        Assert.Equal(["E"], OwnNames(await ReadAsync("p", "r")));
    }

    [Fact]
    public async Task A_merge_may_change_a_propertys_type()
    {
        await Table.AddEntityAsync(new TableEntity("p", "r") { ["A"] = 1, ["B"] = 2L });
        await Table.UpdateEntityAsync(new TableEntity("p", "r") { ["A"] = "one" }, ETag.All);
        var merged = await ReadAsync("p", "r");
        Assert.Equal(("one", 2L), (merged.GetString("A"), merged.GetInt64("B")));
    }

    [Fact]
    public async Task A_null_is_not_stored_by_an_insert_and_changes_nothing_in_a_merge()
    {
        await Table.AddEntityAsync(new TableEntity("p", "r") { ["A"] = 1, ["B"] = null! });
        Assert.Equal(["A"], OwnNames(await ReadAsync("p", "r")));
        await Table.UpdateEntityAsync(new TableEntity("p", "r") { ["A"] = null! }, ETag.All);
        Assert.Equal(1, (await ReadAsync("p", "r")).GetInt32("A"));
    }

    [Fact]
    public async Task An_update_needs_the_ETag_that_the_entity_has()
    {
        var first = (await Table.AddEntityAsync(new TableEntity("p", "r") { ["N"] = 1 })).Headers.ETag!.Value;
        var second = (await Table.UpdateEntityAsync(new TableEntity("p", "r") { ["N"] = 2 }, first)).Headers.ETag!.Value;

        foreach (var mode in new[] { TableUpdateMode.Merge, TableUpdateMode.Replace })
            await RefusedAsync(412, TableErrorCode.UpdateConditionNotSatisfied, () => Table.UpdateEntityAsync(new TableEntity("p", "r") { ["N"] = 3 }, first, mode));
        Assert.Equal(2, (await ReadAsync("p", "r")).GetInt32("N"));

        await Table.UpdateEntityAsync(new TableEntity("p", "r") { ["N"] = 4 }, second, TableUpdateMode.Replace);
        Assert.Equal(4, (await ReadAsync("p", "r")).GetInt32("N"));
    }

    [Fact]
    public async Task An_update_of_what_is_not_there_is_ResourceNotFound()
    {
        await RefusedAsync(404, TableErrorCode.ResourceNotFound, () => Table.UpdateEntityAsync(new TableEntity("p", "r"), ETag.All));
        await RefusedAsync(404, TableErrorCode.ResourceNotFound, () => Table.UpdateEntityAsync(new TableEntity("p", "r"), ETag.All, TableUpdateMode.Replace));
        var gone = (await Table.AddEntityAsync(new TableEntity("p", "r"))).Headers.ETag!.Value;
        await Table.DeleteEntityAsync("p", "r");
        await RefusedAsync(404, TableErrorCode.ResourceNotFound, () => Table.UpdateEntityAsync(new TableEntity("p", "r"), gone));
    }

    [Fact]
    public async Task An_upsert_asks_for_no_ETag_and_makes_what_is_not_there()
    {
        await Table.UpsertEntityAsync(new TableEntity("p", "r") { ["A"] = 1, ["B"] = 1 });
        await Table.UpsertEntityAsync(new TableEntity("p", "r") { ["A"] = 2, ETag = new ETag("W/\"datetime'2020-01-01T00%3A00%3A00Z'\"") });
        Assert.Equal(["A", "B"], OwnNames(await ReadAsync("p", "r")));
        await Table.UpsertEntityAsync(new TableEntity("p", "r") { ["C"] = 3 }, TableUpdateMode.Replace);
        Assert.Equal(["C"], OwnNames(await ReadAsync("p", "r")));
        await Table.UpsertEntityAsync(new TableEntity("p", "s") { ["C"] = 3 }, TableUpdateMode.Replace);
        Assert.Equal(["C"], OwnNames(await ReadAsync("p", "s")));
    }

    [Fact]
    public async Task Deleting_honours_the_ETag_and_does_not_mind_that_nothing_is_there()
    {
        var first = (await Table.AddEntityAsync(new TableEntity("p", "r"))).Headers.ETag!.Value;
        var second = (await Table.UpdateEntityAsync(new TableEntity("p", "r") { ["N"] = 2 }, first)).Headers.ETag!.Value;

        await RefusedAsync(412, TableErrorCode.UpdateConditionNotSatisfied, () => Table.DeleteEntityAsync("p", "r", first));
        Assert.Equal(204, (await Table.DeleteEntityAsync("p", "r", second)).Status);
        Assert.Equal(404, (await Table.DeleteEntityAsync("p", "r", second)).Status);
        Assert.Equal(404, (await Table.DeleteEntityAsync("p", "r")).Status);

        await Table.AddEntityAsync(new TableEntity("p", "r"));
        Assert.Equal(204, (await Table.DeleteEntityAsync(new TableEntity("p", "r"))).Status);
    }

    [Fact]
    public async Task An_ETag_is_never_used_again_not_even_after_a_deletion()
    {
        var seen = new HashSet<ETag>();
        for (var i = 0; i < 5; i++)
        {
            Assert.True(seen.Add((await Table.AddEntityAsync(new TableEntity("p", "r"))).Headers.ETag!.Value));
            Assert.True(seen.Add((await Table.UpsertEntityAsync(new TableEntity("p", "r"))).Headers.ETag!.Value));
            await Table.DeleteEntityAsync("p", "r");
        }
    }

    [Fact]
    public async Task A_read_gives_only_the_properties_that_are_selected()
    {
        await Table.AddEntityAsync(new TableEntity("p", "r") { ["A"] = 1, ["B"] = 2 });
        var part = (await Table.GetEntityAsync<TableEntity>("p", "r", ["B", "RowKey", "Missing"])).Value;
        Assert.Equal(["B"], OwnNames(part));
        Assert.Equal("r", part.RowKey);
        Assert.Null(part.PartitionKey);
        Assert.NotEqual(default, part.ETag);
    }

    [Theory]
    [InlineData("")]
    [InlineData("it's 'quoted'")]
    [InlineData("a b+c%d&e=f;g,h:i@j(k)l~m!n$o*p")]
    [InlineData("Ünïcödé-世界-🌍")]
    [InlineData("%2F%27")]
    public async Task Any_allowed_key_finds_its_entity_again(string key)
    {
        var etag = (await Table.AddEntityAsync(new TableEntity(key, key) { ["N"] = 1 })).Headers.ETag!.Value;
        var read = await ReadAsync(key, key);
        Assert.Equal((key, key, etag), (read.PartitionKey, read.RowKey, read.ETag));

        var filter = TableClient.CreateQueryFilter($"PartitionKey eq {key} and RowKey eq {key}");
        Assert.Single(await AllAsync(Table.QueryAsync<TableEntity>(filter)));

        etag = (await Table.UpdateEntityAsync(new TableEntity(key, key) { ["N"] = 2 }, etag)).Headers.ETag!.Value;
        await Table.SubmitTransactionAsync([new(TableTransactionActionType.UpdateMerge, new TableEntity(key, key) { ["N"] = 3 }, etag)]);
        Assert.Equal(3, (await ReadAsync(key, key)).GetInt32("N"));
        Assert.Equal(204, (await Table.DeleteEntityAsync(key, key)).Status);
    }

    private protected static IEnumerable<string> OwnNames(TableEntity entity) => entity.Keys.Where(static name => !TableEntity.IsSystemName(name)).Order();

    private protected static async Task<List<T>> AllAsync<T>(AsyncPageable<T> query) where T : notnull
    {
        var all = new List<T>();
        await foreach (var value in query)
            all.Add(value);
        return all;
    }
}
