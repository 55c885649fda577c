using Azure.Data.Tables;
using Azure.Data.Tables.Models;

namespace Contract.Tests.Tables;

public abstract partial class TableContract
{
    [Fact]
    public async Task A_table_is_made_once()
    {
        var name = NewTableName();
        Assert.Equal(name, (await Service.CreateTableAsync(name)).Value.Name);
        await RefusedAsync(409, TableErrorCode.TableAlreadyExists, () => Service.CreateTableAsync(name));
        await RefusedAsync(409, TableErrorCode.TableAlreadyExists, () => Service.GetTableClient(name).CreateAsync());

        var again = await Service.CreateTableIfNotExistsAsync(name);
        Assert.Equal((name, 409), (again.Value.Name, again.GetRawResponse().Status));
        var other = await Service.GetTableClient(NewTableName()).CreateIfNotExistsAsync();
        Assert.Equal(204, other.GetRawResponse().Status);
    }

    [Fact]
    public async Task A_tables_name_has_no_case()
    {
        var upper = Service.GetTableClient(Table.Name.ToUpperInvariant());
        await upper.AddEntityAsync(new TableEntity("p", "r"));
        Assert.Equal("r", (await ReadAsync("p", "r")).RowKey);
        await RefusedAsync(409, TableErrorCode.TableAlreadyExists, () => upper.CreateAsync());
    }

    [Fact]
    public async Task A_dropped_table_is_gone_with_its_entities()
    {
        await Table.AddEntityAsync(new TableEntity("p", "r"));
        Assert.Equal(204, (await Table.DeleteAsync()).Status);
        Assert.Equal(404, (await Table.DeleteAsync()).Status);
        Assert.Equal(404, (await Service.DeleteTableAsync(Table.Name)).Status);

        await RefusedAsync(404, TableErrorCode.TableNotFound, () => Table.GetEntityAsync<TableEntity>("p", "r"));
        Assert.False((await Table.GetEntityIfExistsAsync<TableEntity>("p", "r")).HasValue);
        await RefusedAsync(404, TableErrorCode.TableNotFound, () => Table.AddEntityAsync(new TableEntity("p", "r")));
        await RefusedAsync(404, TableErrorCode.TableNotFound, () => Table.UpsertEntityAsync(new TableEntity("p", "r")));
        await RefusedAsync(404, TableErrorCode.TableNotFound, () => AllAsync(Table.QueryAsync<TableEntity>()));
        Assert.Equal(404, (await Table.DeleteEntityAsync("p", "r")).Status);

        await Table.CreateAsync();
        Assert.Empty(await AllAsync(Table.QueryAsync<TableEntity>()));
    }

    [Fact]
    public async Task Tables_are_listed_by_name_and_in_pages()
    {
        var names = new List<string>();
        for (var i = 0; i < 5; i++)
            names.Add($"list{NewTableName()}");
        foreach (var name in names.AsEnumerable().Reverse())
            await Service.CreateTableAsync(name);
        names.Sort(StringComparer.Ordinal);

        var filter = TableServiceClient.CreateQueryFilter($"TableName ge {names[0]} and TableName le {names[^1]}");
        Assert.Equal(names, (await AllAsync(Service.QueryAsync(filter))).Select(static table => table.Name));
        var pages = new List<int>();
        await foreach (var page in Service.QueryAsync(filter, 2).AsPages())
            pages.Add(page.Values.Count);
        Assert.Equal([2, 2, 1], pages);
        Assert.Equal([names[1]], (await AllAsync(Service.QueryAsync($"TableName eq '{names[1]}'"))).Select(static table => table.Name));
    }

    [Theory]
    [InlineData("ab")]
    [InlineData("1abc")]
    [InlineData("with-dash")]
    [InlineData("ümlaut")]
    [InlineData("tables")]
    [InlineData("a123456789012345678901234567890123456789012345678901234567890123")]
    public async Task A_table_needs_a_proper_name(string name) => await RefusedAsync(400, () => Service.CreateTableAsync(name));

    [Fact]
    public async Task A_client_knows_its_name_account_and_address()
    {
        await Task.CompletedTask;
        Assert.Equal("devstoreaccount1", Service.AccountName);
        Assert.Equal(Service.AccountName, Table.AccountName);
        Assert.Equal($"{Service.Uri.AbsoluteUri}/{Table.Name}", Table.Uri.AbsoluteUri);
    }

    [Fact]
    public async Task Calls_are_counted_by_kind()
    {
        var before = Service.Operations.Snapshot();
        await Table.AddEntityAsync(new TableEntity("p", "r"));
        await Table.UpsertEntityAsync(new TableEntity("p", "r"));
        await Table.SubmitTransactionAsync(Additions(3));
        await AllAsync(Table.QueryAsync<TableEntity>(maxPerPage: 2));
        await Table.GetEntityIfExistsAsync<TableEntity>("p", "missing");
        await Table.DeleteEntityAsync("p", "r");

        var counted =
            from kind in Service.Operations.Snapshot()
            let count = kind.Value - before.GetValueOrDefault(kind.Key)
            where count > 0
            orderby kind.Key
            select $"{kind.Key} {count}";
        Assert.Equal(["AddEntity 1", "DeleteEntity 1", "GetEntity 1", "QueryEntities 2", "SubmitTransaction 1", "UpsertEntity 1"], counted);
    }
}
