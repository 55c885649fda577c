using Azure;
using Azure.Data.Tables;
using Azure.Data.Tables.Models;

namespace Contract.Tests.Tables;

public sealed class TableEntityTests
{
    [Fact]
    public void The_keys_the_timestamp_and_the_ETag_lie_among_the_properties()
    {
        var entity = new TableEntity("p", "r") { ETag = new ETag("W/\"1\""), Timestamp = DateTimeOffset.UnixEpoch, ["A"] = 1 };
        Assert.Equal(["A", "PartitionKey", "RowKey", "Timestamp", "odata.etag"], entity.Keys.Order(StringComparer.Ordinal));
        Assert.Equal(5, entity.Count);
        Assert.Equal("W/\"1\"", entity["odata.etag"]);
        Assert.Equal(default, new TableEntity().ETag);
        Assert.Null(new TableEntity().Timestamp);
    }

    [Fact]
    public void A_getter_gives_null_for_what_is_missing_and_refuses_another_type()
    {
        var entity = new TableEntity { ["Text"] = "a", ["Number"] = 1 };
        Assert.Null(entity.GetInt32("Missing"));
        Assert.Null(entity.GetString("Missing"));
        Assert.Null(entity["Missing"]);
        Assert.Throws<InvalidOperationException>(() => entity.GetInt32("Text"));
        Assert.Throws<InvalidOperationException>(() => entity.GetInt64("Number"));
        Assert.Throws<InvalidOperationException>(() => entity.GetString("Number"));
        Assert.Throws<InvalidOperationException>(() => entity.GetBinary("Text"));
    }

    [Fact]
    public void A_property_keeps_its_type_but_an_int_may_widen()
    {
        var entity = new TableEntity { ["Int"] = 1, ["Long"] = 1L, ["Double"] = 1.0, ["Text"] = "a" };
        entity["Int"] = 2L;
        entity["Long"] = 2;
        entity["Double"] = 2;
        Assert.Equal((2L, 2L, 2.0), (entity.GetInt64("Int"), entity.GetInt64("Long"), entity.GetDouble("Double")));
        Assert.Throws<InvalidOperationException>(() => entity["Text"] = 1);
        entity["Text"] = null!;
        entity["Text"] = 1;
        Assert.Equal(1, entity.GetInt32("Text"));
    }

    [Fact]
    public void Times_and_bytes_can_be_read_in_either_form()
    {
        var time = new DateTimeOffset(2026, 1, 2, 3, 4, 5, TimeSpan.Zero);
        var entity = new TableEntity { ["Offset"] = time, ["Utc"] = time.UtcDateTime, ["Bytes"] = new byte[] { 1 }, ["Data"] = new BinaryData(new byte[] { 2 }) };
        Assert.Equal(time.UtcDateTime, entity.GetDateTime("Offset"));
        Assert.Equal(time, entity.GetDateTimeOffset("Utc"));
        Assert.Equal("2026-01-02T03:04:05.0000000Z", entity.GetString("Offset"));
        Assert.Equal([1], entity.GetBinaryData("Bytes")!.ToArray());
        Assert.Equal([2], entity.GetBinary("Data"));
    }

    [Fact]
    public void It_is_a_dictionary()
    {
        IDictionary<string, object> entity = new TableEntity(new Dictionary<string, object> { ["A"] = 1 });
        entity.Add("B", 2);
        entity.Add("B", 3);
        Assert.True(entity.TryGetValue("B", out var value));
        Assert.Equal(3, value);
        Assert.True(entity.Remove("A"));
        Assert.False(entity.ContainsKey("A"));
        Assert.Equal([new("B", 3)], entity.ToArray());
        entity.Clear();
        Assert.Empty(entity);
    }

    [Fact]
    public void A_filter_quotes_and_types_its_values()
    {
        var id = new Guid("5a3a3a5c-0b5e-4d3c-8f9e-0d4c6d0d2a11");
        var time = new DateTimeOffset(2026, 1, 2, 3, 4, 5, TimeSpan.FromHours(1));
        Assert.Equal("A eq 'it''s'", TableClient.CreateQueryFilter($"A eq {"it's"}"));
        Assert.Equal("A eq 1 and B eq 2L and C eq 1.5", TableClient.CreateQueryFilter($"A eq {1} and B eq {2L} and C eq {1.5}"));
        Assert.Equal($"A eq guid'{id}' and B eq true", TableClient.CreateQueryFilter($"A eq {id} and B eq {true}"));
        Assert.Equal("A lt datetime'2026-01-02T02:04:05.0000000Z'", TableClient.CreateQueryFilter($"A lt {time}"));
        Assert.Equal("A eq X'00FF'", TableClient.CreateQueryFilter($"A eq {new byte[] { 0, 255 }}"));
        Assert.Throws<ArgumentException>(() => TableClient.CreateQueryFilter($"A eq {new object()}"));
    }

    [Fact]
    public void An_error_code_is_compared_with_text_in_any_case()
    {
        Assert.True("entityalreadyexists" == TableErrorCode.EntityAlreadyExists);
        Assert.True(TableErrorCode.EntityAlreadyExists != "TableNotFound");
        Assert.False(TableErrorCode.EntityAlreadyExists == null);
        Assert.False(new RequestFailedException("no code").ErrorCode == TableErrorCode.EntityAlreadyExists);
    }

    [Fact]
    public void A_transactions_exception_takes_the_index_from_the_data()
    {
        var cause = new RequestFailedException(409, "conflict", "EntityAlreadyExists", null) { Data = { ["FailedEntity"] = "3" } };
        var failed = new TableTransactionFailedException(cause);
        Assert.Equal((409, "EntityAlreadyExists", 3), (failed.Status, failed.ErrorCode, failed.FailedTransactionActionIndex));
        Assert.Null(new TableTransactionFailedException(new RequestFailedException(503, "busy")).FailedTransactionActionIndex);
    }
}
