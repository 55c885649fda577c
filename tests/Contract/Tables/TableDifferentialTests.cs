using Azurite;
using System.Globalization;
using System.Text;
using Azure;
using Azure.Data.Tables;
using AzureLocal.Storage;

namespace Contract.Tests.Tables;

/// <summary>
/// The same random operations against the embedded store and Azurite, compared one by one: status, error code, failed index,
/// and what can be read afterwards. A failure names the seed and the operation, which replay it.
/// </summary>
[Collection(AzuriteCollection.Name)]
public sealed class TableDifferentialTests(AzuriteServer azurite)
{
    private const int Operations = 250;

    private static readonly string[] PartitionKeys = ["a", "b", "it's ü"];
    private static readonly string[] RowKeys = ["1", "10", "2", "x y", "ß"];

    /// <summary>A name tells its type: a filter is valid only for literals of the property's own, and Azurite mixes them freely.</summary>
    private static readonly string[] Names = ["Int32", "Int64", "Double", "Flag", "Text", "Time", "Id", "Bytes"];

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public async Task Both_transports_answer_alike(int seed)
    {
        using var store = Store.InMemory();
        var embedded = new Side(new TableServiceClient(store, TimeProvider.System), $"differential{seed}");
        var http = new Side(new TableServiceClient(azurite.ConnectionString, AzuriteCollection.Options), $"differential{seed}");
        await embedded.Table.CreateAsync();
        await http.Table.CreateAsync();

        var random = new Random(seed);
        for (var i = 0; i < Operations; i++)
        {
            var operation = Next(random);
            var expected = await http.RunAsync(operation);
            var actual = await embedded.RunAsync(operation);
            Assert.True(expected == actual, $"Seed {seed}, operation {i}, {operation}:\nAzurite:  {expected}\nembedded: {actual}");
        }
    }

    private static Operation Next(Random random) => random.Next(10) switch
    {
        0 or 1 or 2 or 3 => new Operation.One(NextChange(random, Pick(random, PartitionKeys), Pick(random, RowKeys))),
        4 or 5 => NextTransaction(random),
        6 => new Operation.Read(Pick(random, PartitionKeys), Pick(random, RowKeys), random.Next(3) == 0 ? ["Text", "RowKey"] : null),
        7 => new Operation.Query(null, random.Next(1, 5)),
        _ => new Operation.Query(NextFilter(random, 2), random.Next(2) == 0 ? null : random.Next(1, 5)),
    };

    private static Operation.Many NextTransaction(Random random)
    {
        var partitionKey = Pick(random, PartitionKeys);
        var rowKeys = RowKeys.ToArray();
        random.Shuffle(rowKeys);
        return new Operation.Many([.. rowKeys.Take(random.Next(1, 5)).Select(rowKey => NextChange(random, partitionKey, rowKey))]);
    }

    private static Change NextChange(Random random, string partitionKey, string rowKey)
    {
        var entity = new TableEntity(partitionKey, rowKey);
        foreach (var name in Names)
        {
            if (random.Next(3) == 0)
                entity[name] = NextValue(random, name);
        }
        return new Change((TableTransactionActionType)random.Next(6), entity, (Condition)random.Next(4));
    }

    private static object NextValue(Random random, string name) => name switch
    {
        "Int32" => random.Next(3),
        "Int64" => (long)random.Next(3),
        "Double" => random.Next(3) * 0.5,
        "Flag" => random.Next(2) == 0,
        "Text" => $"text {random.Next(3)}",
        "Time" => new DateTimeOffset(2026, 1, 1 + random.Next(3), 0, 0, 0, TimeSpan.Zero),
        "Id" => new Guid(random.Next(3), 0, 0, [0, 0, 0, 0, 0, 0, 0, 0]),
        _ => new byte[] { (byte)random.Next(3) },
    };

    private static string NextFilter(Random random, int depth)
    {
        if (depth > 0 && random.Next(3) > 0)
        {
            return random.Next(5) switch
            {
                0 => $"not ({NextFilter(random, depth - 1)})",
                1 or 2 => $"({NextFilter(random, depth - 1)}) or ({NextFilter(random, depth - 1)})",
                _ => $"{NextFilter(random, 0)} and ({NextFilter(random, depth - 1)})",
            };
        }
        var comparison = Pick(random, ["eq", "ne", "gt", "ge", "lt", "le"]);
        var name = Pick(random, Names);
        return random.Next(3) switch
        {
            0 => $"PartitionKey {comparison} {TableClient.CreateQueryFilter($"{Pick(random, PartitionKeys)}")}",
            1 => $"RowKey {comparison} {TableClient.CreateQueryFilter($"{Pick(random, RowKeys)}")}",
            _ => $"{name} {comparison} {TableClient.CreateQueryFilter($"{NextValue(random, name)}")}",
        };
    }

    private static T Pick<T>(Random random, T[] from) => from[random.Next(from.Length)];

    private enum Condition { Any, Current, Stale, Foreign }

    private sealed record Change(TableTransactionActionType Type, TableEntity Entity, Condition Condition)
    {
        public override string ToString() => $"{Type} {Text(Entity)} if {Condition}";
    }

    private abstract record Operation
    {
        public sealed record One(Change Change) : Operation;

        public sealed record Many(Change[] Changes) : Operation
        {
            public override string ToString() => string.Join(" + ", Changes.Select(static change => change.ToString()));
        }

        public sealed record Read(string PartitionKey, string RowKey, string[]? Select) : Operation;

        public sealed record Query(string? Filter, int? Top) : Operation;
    }

    private static string Text(TableEntity entity)
    {
        var text = new StringBuilder($"{entity.PartitionKey}/{entity.RowKey}");
        foreach (var name in entity.Keys.Where(static name => !TableEntity.IsSystemName(name)).Order(StringComparer.Ordinal))
        {
            var value = entity[name] is byte[] bytes ? Convert.ToHexString(bytes) : entity[name];
            text.Append(CultureInfo.InvariantCulture, $" {name}={value}:{entity[name].GetType().Name}");
        }
        return text.ToString();
    }

    /// <summary>One of the two, with the ETags that it gave.</summary>
    private sealed class Side(TableServiceClient service, string table)
    {
        private readonly Dictionary<(string, string), ETag> current = [];
        private readonly Dictionary<(string, string), ETag> stale = [];

        public TableClient Table { get; } = service.GetTableClient(table);

        public async Task<string> RunAsync(Operation operation)
        {
            try
            {
                return operation switch
                {
                    Operation.One one => await ChangeAsync(one.Change),
                    Operation.Many many => await TransactAsync(many.Changes),
                    Operation.Read read => await ReadAsync(read),
                    Operation.Query query => await QueryAsync(query),
                    _ => throw new System.Diagnostics.UnreachableException(),
                };
            }
            catch (TableTransactionFailedException failed)
            {
                return $"{failed.Status} {failed.ErrorCode} at {failed.FailedTransactionActionIndex}";
            }
            catch (RequestFailedException failed)
            {
                return $"{failed.Status} {failed.ErrorCode}";
            }
        }

        private async Task<string> ChangeAsync(Change change)
        {
            var (entity, etag) = (change.Entity, ETagFor(change));
            var response = await (change.Type switch
            {
                TableTransactionActionType.Add => Table.AddEntityAsync(entity),
                TableTransactionActionType.UpdateMerge => Table.UpdateEntityAsync(entity, etag),
                TableTransactionActionType.UpdateReplace => Table.UpdateEntityAsync(entity, etag, TableUpdateMode.Replace),
                TableTransactionActionType.Delete => Table.DeleteEntityAsync(entity, etag),
                TableTransactionActionType.UpsertMerge => Table.UpsertEntityAsync(entity),
                _ => Table.UpsertEntityAsync(entity, TableUpdateMode.Replace),
            });
            Remember(change, response);
            return $"{response.Status}";
        }

        private async Task<string> TransactAsync(Change[] changes)
        {
            var answers = await Table.SubmitTransactionAsync(
                changes.Select(change => new TableTransactionAction(change.Type, change.Entity, ETagFor(change))));
            foreach (var (change, answer) in changes.Zip(answers.Value))
                Remember(change, answer);
            return string.Join(' ', answers.Value.Select(static answer => answer.Status));
        }

        private async Task<string> ReadAsync(Operation.Read read)
        {
            var found = await Table.GetEntityIfExistsAsync<TableEntity>(read.PartitionKey, read.RowKey, read.Select);
            if (!found.HasValue)
                return "nothing";
            return found.Value!.ETag == current[(read.PartitionKey, read.RowKey)] ? Text(found.Value) : "another ETag";
        }

        private async Task<string> QueryAsync(Operation.Query query)
        {
            var text = new StringBuilder();
            await foreach (var page in Table.QueryAsync<TableEntity>(query.Filter, query.Top).AsPages())
            {
                foreach (var entity in page.Values)
                    text.Append(Text(entity)).Append(entity.ETag == current[(entity.PartitionKey, entity.RowKey)] ? ", " : " with another ETag, ");
            }
            return text.ToString();
        }

        private ETag ETagFor(Change change) => change.Condition switch
        {
            Condition.Any => ETag.All,
            Condition.Current => current.GetValueOrDefault((change.Entity.PartitionKey, change.Entity.RowKey), ETag.All),
            Condition.Stale => stale.GetValueOrDefault((change.Entity.PartitionKey, change.Entity.RowKey), ETag.All),
            _ => new ETag("W/\"datetime'2020-01-01T00%3A00%3A00.0000000Z'\""),
        };

        private void Remember(Change change, Response response)
        {
            var key = (change.Entity.PartitionKey, change.Entity.RowKey);
            if (current.Remove(key, out var old))
                stale[key] = old;
            if (response.Headers.ETag is { } etag)
                current[key] = etag;
        }
    }
}
