using System.Globalization;
using Azure;
using Azure.Data.Tables;
using Azure.Data.Tables.Models;

namespace Contract.Tests.Tables;

public abstract partial class TableContract
{
    [Fact]
    public async Task A_transaction_does_all_its_actions_and_answers_for_each_with_its_ETag()
    {
        var old = (await Table.AddEntityAsync(new TableEntity("p", "merged") { ["A"] = 1 })).Headers.ETag!.Value;
        await Table.AddEntityAsync(new TableEntity("p", "replaced") { ["A"] = 1 });
        await Table.AddEntityAsync(new TableEntity("p", "deleted"));
        await Table.AddEntityAsync(new TableEntity("p", "upserted") { ["A"] = 1 });

        var answer = await Table.SubmitTransactionAsync(
        [
            new(TableTransactionActionType.Add, new TableEntity("p", "added") { ["Text"] = "a } b { c" }),
            new(TableTransactionActionType.UpdateMerge, new TableEntity("p", "merged") { ["B"] = 2L }, old),
            new(TableTransactionActionType.UpdateReplace, new TableEntity("p", "replaced") { ["B"] = 2 }, ETag.All),
            new(TableTransactionActionType.Delete, new TableEntity("p", "deleted")),
            new(TableTransactionActionType.UpsertMerge, new TableEntity("p", "upserted") { ["B"] = 2 }),
            new(TableTransactionActionType.UpsertReplace, new TableEntity("p", "new") { ["B"] = 2 }),
        ]);

        Assert.Equal(202, answer.GetRawResponse().Status);
        Assert.Equal(6, answer.Value.Count);
        Assert.All(answer.Value, static part => Assert.Equal(204, part.Status));
        foreach (var (part, rowKey, names) in new[]
        {
            (0, "added", new[] { "Text" }), (1, "merged", ["A", "B"]), (2, "replaced", ["B"]), (4, "upserted", ["A", "B"]), (5, "new", ["B"]),
        })
        {
            var read = await ReadAsync("p", rowKey);
            Assert.Equal(names, OwnNames(read));
            Assert.Equal(read.ETag, answer.Value[part].Headers.ETag);
        }
        Assert.Equal("a } b { c", (await ReadAsync("p", "added")).GetString("Text"));
        Assert.False((await Table.GetEntityIfExistsAsync<TableEntity>("p", "deleted")).HasValue);
    }

    [Fact]
    public async Task A_refused_transaction_does_nothing_and_names_the_action_that_failed()
    {
        var stale = (await Table.AddEntityAsync(new TableEntity("p", "there") { ["N"] = 1 })).Headers.ETag!.Value;
        await Table.UpsertEntityAsync(new TableEntity("p", "there") { ["N"] = 2 });
        var fresh = new TableTransactionAction(TableTransactionActionType.Add, new TableEntity("p", "fresh"));
        var changed = new TableTransactionAction(TableTransactionActionType.UpsertReplace, new TableEntity("p", "other") { ["N"] = 9 });

        await RefusedAsync(409, TableErrorCode.EntityAlreadyExists, 1, () => Table.SubmitTransactionAsync(
            [fresh, new(TableTransactionActionType.Add, new TableEntity("p", "there")), changed]));
        await RefusedAsync(412, TableErrorCode.UpdateConditionNotSatisfied, 2, () => Table.SubmitTransactionAsync(
            [fresh, changed, new(TableTransactionActionType.UpdateMerge, new TableEntity("p", "there") { ["N"] = 3 }, stale)]));
        await RefusedAsync(412, TableErrorCode.UpdateConditionNotSatisfied, 1, () => Table.SubmitTransactionAsync(
            [fresh, new(TableTransactionActionType.Delete, new TableEntity("p", "there"), stale)]));
        await RefusedAsync(404, TableErrorCode.ResourceNotFound, 0, () => Table.SubmitTransactionAsync(
            [new(TableTransactionActionType.Delete, new TableEntity("p", "missing")), fresh]));
        await RefusedAsync(404, TableErrorCode.ResourceNotFound, 1, () => Table.SubmitTransactionAsync(
            [fresh, new(TableTransactionActionType.UpdateReplace, new TableEntity("p", "missing"), ETag.All)]));

        Assert.Equal(["there"], (await AllAsync(Table.QueryAsync<TableEntity>())).Select(static entity => entity.RowKey));
        Assert.Equal(2, (await ReadAsync("p", "there")).GetInt32("N"));
    }

    [Fact]
    public async Task An_update_in_a_transaction_without_an_ETag_is_an_upsert()
    {
        await Table.SubmitTransactionAsync(
        [
            new(TableTransactionActionType.UpdateMerge, new TableEntity("p", "a")),
            new(TableTransactionActionType.UpdateReplace, new TableEntity("p", "b")),
        ]);
        Assert.Equal(2, (await AllAsync(Table.QueryAsync<TableEntity>())).Count);
    }

    [Fact]
    public async Task A_transaction_takes_up_to_100_actions()
    {
        await Table.SubmitTransactionAsync(Additions(100));
        Assert.Equal(100, (await AllAsync(Table.QueryAsync<TableEntity>())).Count);
    }

    [Fact]
    public async Task A_transaction_names_an_entity_only_once()
    {
        var action = new TableTransactionAction(TableTransactionActionType.UpsertMerge, new TableEntity("p", "r"));
        var refusal = await Assert.ThrowsAsync<TableTransactionFailedException>(() => Table.SubmitTransactionAsync([action, action]));
        Assert.Equal((400, "InvalidDuplicateRow"), (refusal.Status, refusal.ErrorCode));
        Assert.Empty(await AllAsync(Table.QueryAsync<TableEntity>()));
    }

    [Fact]
    public async Task A_transaction_without_actions_is_a_mistake() =>
        await Assert.ThrowsAsync<InvalidOperationException>(() => Table.SubmitTransactionAsync([]));

    [Fact]
    public async Task A_transaction_on_a_table_that_is_not_there_is_TableNotFound()
    {
        var missing = Service.GetTableClient(NewTableName());
        var refusal = await Assert.ThrowsAsync<TableTransactionFailedException>(() => missing.SubmitTransactionAsync(Additions(2)));
        Assert.Equal((404, "TableNotFound"), (refusal.Status, refusal.ErrorCode));
    }

    private protected static IEnumerable<TableTransactionAction> Additions(int count, string partitionKey = "p") =>
        Enumerable.Range(0, count).Select(i => new TableTransactionAction(
            TableTransactionActionType.Add, new TableEntity(partitionKey, i.ToString("d5", CultureInfo.InvariantCulture)) { ["N"] = i }));
}
