using System.Text.Json;
using Azure.Data.Tables;
using Weir.Catalog;

namespace Weir.Submission;

/// <summary>A job that another enqueues by succeeding: a row "child-00" beside the parent's receipt until it is sent, and after.</summary>
internal sealed record ChildJob(int Number, SubmitRequest Request)
{
    public const string RowPrefix = "child-";

    private const string Body = "Body";

    /// <summary>Its id follows from this, so that sending it again after a crash makes no second job.</summary>
    public string IdempotencyKeyUnder(string parentId) => $"child:{parentId}:{Number}";

    public TableEntity ToRow(string parentId) => new(parentId, $"{RowPrefix}{Number:00}")
    {
        [Body] = JsonSerializer.SerializeToUtf8Bytes(new { type = Request.Type, payload = Request.Payload, priority = Request.Priority, orderingKey = Request.OrderingKey, correlationId = Request.CorrelationId }, ContractJson.Options),
    };

    public static ChildJob Of(TableEntity row)
    {
        var errors = new List<ContractError>();
        var request = SubmitRequest.Read(JsonElement.Parse(row.GetBinary(Body)), errors);
        return request is null
            ? throw new InvalidDataException($"The child job {row.RowKey} of job {row.PartitionKey} cannot be read: {string.Join("; ", errors)}.")
            : new ChildJob(int.Parse(row.RowKey.AsSpan(RowPrefix.Length), System.Globalization.CultureInfo.InvariantCulture), request);
    }
}
