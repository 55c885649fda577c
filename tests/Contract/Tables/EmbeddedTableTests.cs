using Azure;
using Azure.Data.Tables;
using Azure.Data.Tables.Models;
using AzureLocal.Storage;

namespace Contract.Tests.Tables;

/// <summary>The contract over the embedded store; and what only it does, or does as documented where Azurite does not.</summary>
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

    // Azurite answers more than 100 actions with a multipart that nothing can parse.
    [Fact]
    public async Task A_transaction_of_more_than_100_actions_is_InvalidInput() =>
        await RefusedAsync(400, TableErrorCode.InvalidInput, 99, () => Table.SubmitTransactionAsync(Additions(101)));

    // Azurite takes them as it finds them; the service: https://learn.microsoft.com/rest/api/storageservices/performing-entity-group-transactions
    [Fact]
    public async Task A_transaction_stays_in_one_partition() =>
        await RefusedAsync(400, TableErrorCode.CommandsInBatchActOnDifferentPartitions, 2, () =>
            Table.SubmitTransactionAsync([.. Additions(2), .. Additions(2, "q")]));

    // Azurite names no index.
    [Fact]
    public async Task A_repeated_entity_in_a_transaction_is_named()
    {
        TableTransactionAction Action(string rowKey) => new(TableTransactionActionType.UpsertMerge, new TableEntity("p", rowKey));
        await RefusedAsync(400, TableErrorCode.InvalidDuplicateRow, 2, () => Table.SubmitTransactionAsync([Action("a"), Action("b"), Action("a")]));
    }

    // 3 entities of 15 texts of 32 Ki letters: 1.5 MiB of a's, and 8.6 MiB of é's, which JSON escapes.
    [Fact]
    public async Task A_transaction_holds_at_most_4_MiB_as_it_is_sent()
    {
        var light = Enumerable.Range(0, 3).Select(static i => Add(i, 'a')).ToList();
        await Table.SubmitTransactionAsync(light);
        var heavy = Enumerable.Range(3, 3).Select(static i => Add(i, 'é')).ToList();
        await RefusedAsync(413, "RequestBodyTooLarge", null, () => Table.SubmitTransactionAsync(heavy));
        Assert.Equal(3, (await AllAsync(Table.QueryAsync<TableEntity>())).Count);

        static TableTransactionAction Add(int row, char letter)
        {
            var entity = new TableEntity("p", $"{row}");
            for (var i = 0; i < 15; i++)
                entity[$"Text{i}"] = new string(letter, 32 * 1024);
            return new TableTransactionAction(TableTransactionActionType.Add, entity);
        }
    }

    // Azurite knows none of these limits: https://learn.microsoft.com/rest/api/storageservices/understanding-the-table-service-data-model
    [Fact]
    public async Task An_entity_has_at_most_252_properties()
    {
        var full = new TableEntity("p", "r");
        for (var i = 0; i < 252; i++)
            full[$"P{i}"] = i;
        await Table.AddEntityAsync(full);
        await RefusedAsync(400, TableErrorCode.TooManyProperties, () => Table.UpdateEntityAsync(new TableEntity("p", "r") { ["OneMore"] = 1 }, ETag.All));
        await Table.UpdateEntityAsync(new TableEntity("p", "r") { ["P0"] = "another" }, ETag.All);
        full["OneMore"] = 1;
        await RefusedAsync(400, TableErrorCode.TooManyProperties, () => Table.UpsertEntityAsync(full, TableUpdateMode.Replace));
    }

    [Theory]
    [InlineData("with-dash", "PropertyNameInvalid")]
    [InlineData("1st", "PropertyNameInvalid")]
    [InlineData("a b", "PropertyNameInvalid")]
    public async Task A_property_is_named_as_an_identifier_is(string name, string code)
    {
        await RefusedAsync(400, code, () => Table.AddEntityAsync(new TableEntity("p", "r") { [name] = 1 }));
        await Table.AddEntityAsync(new TableEntity("p", "r") { ["_Ünïcödé_2"] = 1, [new string('n', 255)] = 2 });
        await RefusedAsync(400, TableErrorCode.PropertyNameTooLong, () => Table.UpsertEntityAsync(new TableEntity("p", "r") { [new string('n', 256)] = 2 }));
    }

    [Fact]
    public async Task Times_begin_in_1601() =>
        await RefusedAsync(400, TableErrorCode.OutOfRangeInput, () => Table.AddEntityAsync(new TableEntity("p", "r") { ["Time"] = DateTimeOffset.MinValue }));

    [Fact]
    public async Task A_merge_weighs_what_comes_out_of_it()
    {
        await Table.AddEntityAsync(Heavy(12));
        var more = new TableEntity("p", "heavy");
        for (var i = 0; i < 5; i++)
            more[$"More{i}"] = new string('b', 32 * 1024);
        await RefusedAsync(400, TableErrorCode.EntityTooLarge, () => Table.UpdateEntityAsync(more, ETag.All));
        Assert.Equal(12, OwnNames(await ReadAsync("p", "heavy")).Count());
    }

    // Azurite reads on to the end of the text.
    [Fact]
    public async Task A_filter_whose_text_never_ends_is_InvalidInput() =>
        await RefusedAsync(400, TableErrorCode.InvalidInput, () => AllAsync(Table.QueryAsync<TableEntity>("PartitionKey eq 'unfinished")));

    [Fact]
    public async Task A_filter_of_any_depth_is_answered() =>
        await RefusedAsync(400, TableErrorCode.InvalidInput, () => AllAsync(Table.QueryAsync<TableEntity>(new string('(', 100_000))));

    // Azurite takes any number.
    [Fact]
    public async Task A_filter_compares_at_most_15_times()
    {
        var filter = string.Join(" or ", Enumerable.Range(0, 15).Select(static i => $"RowKey eq '{i}'"));
        Assert.Empty(await AllAsync(Table.QueryAsync<TableEntity>(filter)));
        await RefusedAsync(400, TableErrorCode.InvalidInput, () => AllAsync(Table.QueryAsync<TableEntity>($"{filter} or RowKey eq '15'")));
    }

    [Fact]
    public async Task A_page_of_large_entities_ends_early()
    {
        for (var i = 0; i < 10; i++)
        {
            var heavy = Heavy(15);
            heavy.RowKey = $"{i}";
            await Table.AddEntityAsync(heavy);
        }
        var pages = new List<int>();
        await foreach (var page in Table.QueryAsync<TableEntity>(select: ["RowKey"]).AsPages())
            pages.Add(page.Values.Count);
        Assert.Equal([9, 1], pages);
    }

    // Azurite gives 1,000 where more is asked for.
    [Theory]
    [InlineData(0)]
    [InlineData(1_001)]
    public async Task A_page_is_asked_for_with_1_to_1000_entities(int size) =>
        await RefusedAsync(400, TableErrorCode.InvalidInput, () => AllAsync(Table.QueryAsync<TableEntity>(maxPerPage: size)));

    [Fact]
    public async Task A_token_that_no_page_gave_is_InvalidInput() => await RefusedAsync(400, TableErrorCode.InvalidInput, async () =>
    {
        await foreach (var _ in Table.QueryAsync<TableEntity>().AsPages("nonsense")) { }
    });

    // Azure may answer a scan with an empty page and a token (after 5 s, or at a partition's end): so does this store.
    [Fact]
    public async Task A_long_scan_that_hits_nothing_comes_in_empty_pages()
    {
        for (var i = 0; i < 101; i++)
            await Table.SubmitTransactionAsync(Additions(100, $"p{i:d3}"));
        var pages = new List<int>();
        await foreach (var page in Table.QueryAsync<TableEntity>("N eq 99 and PartitionKey gt 'p099'").AsPages())
            pages.Add(page.Values.Count);
        Assert.Equal([1], pages);
        pages.Clear();
        await foreach (var page in Table.QueryAsync<TableEntity>("N eq -1").AsPages())
            pages.Add(page.Values.Count);
        Assert.Equal([0, 0], pages);
    }

    [Fact]
    public async Task A_reopened_store_has_everything_and_goes_on_with_new_ETags()
    {
        var before = (await Table.AddEntityAsync(new TableEntity("p", "r") { ["N"] = 1 })).Headers.ETag!.Value;
        store.Dispose();

        using var reopened = Store.Open(directory);
        var table = new TableServiceClient(reopened, TimeProvider.System).GetTableClient(Table.Name);
        var read = (await table.GetEntityAsync<TableEntity>("p", "r")).Value;
        Assert.Equal((1, before), (read.GetInt32("N"), read.ETag));
        Assert.NotEqual(before, (await table.UpdateEntityAsync(read, before)).Headers.ETag);

        await table.DeleteAsync();
        await table.CreateAsync();
        await RefusedAsync(404, TableErrorCode.ResourceNotFound, () => table.UpdateEntityAsync(new TableEntity("p", "r"), before));
        Assert.NotEqual(before, (await table.AddEntityAsync(new TableEntity("p", "r"))).Headers.ETag);
    }

    [Fact]
    public async Task Of_many_who_update_the_same_ETag_one_wins()
    {
        var etag = (await Table.AddEntityAsync(new TableEntity("p", "r"))).Headers.ETag!.Value;
        var outcomes = await Task.WhenAll(Enumerable.Range(0, 50).Select(async i =>
        {
            try
            {
                return (await Table.UpdateEntityAsync(new TableEntity("p", "r") { ["Winner"] = i }, etag)).Status;
            }
            catch (RequestFailedException refusal)
            {
                return refusal.Status;
            }
        }));
        Assert.Equal(1, outcomes.Count(static status => status == 204));
        Assert.Equal(49, outcomes.Count(static status => status == 412));
    }

    [Fact]
    public async Task The_timestamp_comes_from_the_clock()
    {
        using var memory = Store.InMemory();
        var clock = new FixedClock(new DateTimeOffset(2031, 5, 6, 7, 8, 9, TimeSpan.Zero));
        var table = new TableServiceClient(memory, clock).GetTableClient("table");
        await table.CreateAsync();
        await table.AddEntityAsync(new TableEntity("p", "r"));
        Assert.Equal(clock.GetUtcNow(), (await table.GetEntityAsync<TableEntity>("p", "r")).Value.Timestamp);
        Assert.Single(await AllAsync(table.QueryAsync<TableEntity>(TableClient.CreateQueryFilter($"Timestamp eq {clock.GetUtcNow()}"))));
    }

    private sealed class FixedClock(DateTimeOffset now) : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => now;
    }
}
