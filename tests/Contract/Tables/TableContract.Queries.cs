using System.Globalization;
using Azure.Data.Tables;
using Azure.Data.Tables.Models;

namespace Contract.Tests.Tables;

public abstract partial class TableContract
{
    [Fact]
    public async Task Entities_come_in_the_order_of_their_keys()
    {
        foreach (var (partitionKey, rowKey) in new[] { ("b", "1"), ("a", "2"), ("a", "10"), ("a", "1"), ("B", "1"), ("", "x"), ("é", "1"), ("a", "") })
            await Table.AddEntityAsync(new TableEntity(partitionKey, rowKey));
        Assert.Equal([":x", "B:1", "a:", "a:1", "a:10", "a:2", "b:1", "é:1"], await KeysAsync(""));
    }

    [Theory]
    [InlineData("PartitionKey eq 'b'", "b1 b2 b3")]
    [InlineData("PartitionKey eq 'b' and RowKey eq '2'", "b2")]
    [InlineData("PartitionKey eq 'b' and RowKey gt '1'", "b2 b3")]
    [InlineData("PartitionKey eq 'b' and RowKey ge '2' and RowKey lt '3'", "b2")]
    [InlineData("(PartitionKey eq 'b') and (RowKey le '2')", "b1 b2")]
    [InlineData("PartitionKey gt 'a'", "b1 b2 b3 c1 c2 c3")]
    [InlineData("PartitionKey ge 'b' and PartitionKey lt 'c'", "b1 b2 b3")]
    [InlineData("PartitionKey le 'b' and RowKey ne '2'", "a1 a3 b1 b3")]
    [InlineData("PartitionKey eq 'a' or RowKey eq '3'", "a1 a2 a3 b3 c3")]
    [InlineData("PartitionKey eq 'a' or PartitionKey eq 'c' and RowKey eq '1'", "a1 a2 a3 c1")]
    [InlineData("(PartitionKey eq 'a' or PartitionKey eq 'c') and RowKey eq '1'", "a1 c1")]
    [InlineData("not (PartitionKey eq 'a') and not (RowKey gt '1')", "b1 c1")]
    [InlineData("PartitionKey eq 'a' and PartitionKey eq 'b'", "")]
    [InlineData("RowKey gt '2'", "a3 b3 c3")]
    [InlineData("PartitionKey eq 'missing'", "")]
    public async Task Key_filters_select(string filter, string expected)
    {
        foreach (var partitionKey in "abc")
        {
            foreach (var rowKey in "123")
                await Table.AddEntityAsync(new TableEntity($"{partitionKey}", $"{rowKey}"));
        }
        Assert.Equal(expected, string.Join(' ', (await KeysAsync(filter)).Select(static key => key.Replace(":", "", StringComparison.Ordinal))));
    }

    [Fact]
    public async Task Filters_compare_every_type()
    {
        var id = new Guid("5a3a3a5c-0b5e-4d3c-8f9e-0d4c6d0d2a11");
        var time = new DateTimeOffset(2026, 11, 21, 22, 22, 42, TimeSpan.Zero);
        for (var i = 1; i <= 3; i++)
        {
            await Table.AddEntityAsync(new TableEntity("p", $"{i}")
            {
                ["Text"] = $"it's {i}",
                ["Flag"] = i == 2,
                ["Int32"] = i - 2,
                ["Int64"] = 10_000_000_000L * i,
                ["Double"] = i * 0.5,
                ["Time"] = time.AddDays(i),
                ["Id"] = i == 2 ? id : Guid.Empty,
            });
        }
        await Table.AddEntityAsync(new TableEntity("p", "none of these"));

        foreach (var (filter, expected) in new (FormattableString, string)[]
        {
            ($"Text eq {"it's 2"}", "2"),
            ($"Text gt {"it's 1"} and Text le {"it's 3"}", "2 3"),
            ($"Text ne {"it's 2"}", "1 3"),
            ($"Flag eq {true}", "2"),
            ($"Flag eq {false}", "1 3"),
            ($"Int32 lt {0}", "1"),
            ($"Int32 ge {0} and Int32 ne {1}", "2"),
            ($"Int64 gt {10_000_000_000L}", "2 3"),
            ($"Double le {1.0}", "1 2"),
            ($"Double eq {1.5}", "3"),
            ($"Time gt {time.AddDays(1)}", "2 3"),
            ($"Time eq {time.AddDays(3)}", "3"),
            ($"Id eq {id}", "2"),
            ($"Missing eq {"x"}", ""),
            ($"Missing ne {"x"}", ""),
        })
        {
            var found = await AllAsync(Table.QueryAsync<TableEntity>(TableClient.CreateQueryFilter(filter)));
            var rows = string.Join(' ', found.Select(static entity => entity.RowKey));
            Assert.True(expected == rows, $"{filter.ToString(CultureInfo.InvariantCulture)} found {rows}");
        }
    }

    [Fact]
    public async Task Pages_hold_what_was_asked_for_and_lead_to_one_another()
    {
        await Table.SubmitTransactionAsync(Additions(25, "p"));
        await Table.SubmitTransactionAsync(Additions(5, "q"));

        var sizes = new List<int>();
        var keys = new List<string>();
        string? second = null;
        await foreach (var page in Table.QueryAsync<TableEntity>(maxPerPage: 10).AsPages())
        {
            sizes.Add(page.Values.Count);
            keys.AddRange(page.Values.Select(static entity => $"{entity.PartitionKey}{entity.RowKey}"));
            second ??= page.ContinuationToken;
        }
        Assert.Equal([10, 10, 10], sizes);
        Assert.Equal(30, keys.Distinct().Count());
        Assert.Equal(keys.Order(StringComparer.Ordinal), keys);

        await foreach (var page in Table.QueryAsync<TableEntity>().AsPages(second, 4))
        {
            Assert.Equal(["p00010", "p00011", "p00012", "p00013"], page.Values.Select(static entity => $"{entity.PartitionKey}{entity.RowKey}"));
            break;
        }
    }

    [Fact]
    public async Task Pages_of_one_partition_lead_to_one_another()
    {
        await Table.SubmitTransactionAsync(Additions(25, "it's ü"));
        await Table.SubmitTransactionAsync(Additions(3, "z"));
        var filter = TableClient.CreateQueryFilter($"PartitionKey eq {"it's ü"} and RowKey ge {"00003"} and N ne {5}");
        var pages = new List<int>();
        await foreach (var page in Table.QueryAsync<TableEntity>(filter, maxPerPage: 10).AsPages())
            pages.Add(page.Values.Count);
        Assert.Equal(21, pages.Sum());
        Assert.All(pages, static count => Assert.InRange(count, 0, 10));
    }

    [Fact]
    public async Task A_page_holds_at_most_1000_entities()
    {
        for (var i = 0; i < 11; i++)
            await Table.SubmitTransactionAsync(Additions(100, $"p{i:d2}"));
        var sizes = new List<int>();
        await foreach (var page in Table.QueryAsync<TableEntity>(select: ["RowKey"]).AsPages())
            sizes.Add(page.Values.Count);
        Assert.Equal([1_000, 100], sizes);
    }

    [Fact]
    public async Task A_query_gives_only_the_properties_that_are_selected()
    {
        await Table.AddEntityAsync(new TableEntity("p", "r") { ["A"] = 1L, ["B"] = 2 });
        var found = Assert.Single(await AllAsync(Table.QueryAsync<TableEntity>(select: ["A", "PartitionKey"])));
        Assert.Equal(["A"], OwnNames(found));
        Assert.Equal(("p", 1L), (found.PartitionKey, found.GetInt64("A")));
        Assert.Null(found.RowKey);
    }

    [Fact]
    public async Task A_query_shows_the_ETags_that_updates_ask_for()
    {
        await Table.SubmitTransactionAsync(Additions(3));
        await foreach (var entity in Table.QueryAsync<TableEntity>())
        {
            entity["N"] = -1;
            await Table.UpdateEntityAsync(entity, entity.ETag);
        }
        Assert.All(await AllAsync(Table.QueryAsync<TableEntity>()), static entity => Assert.Equal(-1, entity.GetInt32("N")));
    }

    [Theory]
    [InlineData("PartitionKey eq")]
    [InlineData("(PartitionKey eq 'a'")]
    [InlineData("PartitionKey like 'a'")]
    [InlineData("and RowKey eq 'a'")]
    [InlineData("PartitionKey eq 'a' RowKey eq 'b'")]
    public async Task A_malformed_filter_is_InvalidInput(string filter) =>
        await RefusedAsync(400, TableErrorCode.InvalidInput, () => AllAsync(Table.QueryAsync<TableEntity>(filter)));

    [Fact]
    public async Task A_query_can_be_cancelled()
    {
        using var cancelled = new CancellationTokenSource();
        await cancelled.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => AllAsync(Table.QueryAsync<TableEntity>(cancellationToken: cancelled.Token)));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () =>
        {
            await foreach (var _ in Table.QueryAsync<TableEntity>().WithCancellation(cancelled.Token)) { }
        });
    }

    private protected async Task<List<string>> KeysAsync(string filter) =>
        [.. (await AllAsync(Table.QueryAsync<TableEntity>(filter))).Select(static entity => $"{entity.PartitionKey}:{entity.RowKey}")];
}
