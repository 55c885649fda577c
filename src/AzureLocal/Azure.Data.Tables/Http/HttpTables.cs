using System.Globalization;
using System.Text;
using System.Text.Json;
using Azure.Core;
using Azure.Core.Pipeline;

namespace Azure.Data.Tables;

/// <summary>
/// The table service over HTTP: https://learn.microsoft.com/rest/api/storageservices/table-service-rest-api. Retries, logging
/// and time-outs are Azure.Core's.
/// </summary>
internal sealed class HttpTables : ITableTransport
{
    private const string MinimalMetadata = "application/json;odata=minimalmetadata";
    private const string NextPartitionKey = "NextPartitionKey";
    private const string NextRowKey = "NextRowKey";
    private const string NextTableName = "NextTableName";
    private const string ContinuationHeader = "x-ms-continuation-";

    private readonly HttpPipeline pipeline;
    private readonly string version;

    public HttpTables(Uri endpoint, string account, HttpPipelinePolicy signing, TableClientOptions options)
    {
        Endpoint = endpoint;
        AccountName = account;
        version = options.Version;
        pipeline = HttpPipelineBuilder.Build(new HttpPipelineOptions(options)
        {
            PerRetryPolicies = { signing },
            RequestFailedDetailsParser = TableErrorParser.Instance,
        });
    }

    public string AccountName { get; }

    public Uri Endpoint { get; }

    public OperationCounter Operations { get; } = new();

    public async Task<TableAnswer> SendAsync(TableCall call, CancellationToken cancellation)
    {
        using var message = pipeline.CreateMessage();
        Write(message.Request, call);
        await pipeline.SendAsync(message, cancellation);
        return message.Response.Status < 400 ? Read(message.Response, call) : new TableAnswer(message.Response);
    }

    private void Write(Request request, TableCall call)
    {
        request.Uri.Reset(Endpoint);
        request.Headers.SetValue("x-ms-version", version);
        request.Headers.SetValue("DataServiceVersion", "3.0");
        request.Headers.SetValue("Accept", MinimalMetadata);
        switch (call)
        {
            case TableCall.Change { Entity: var change }:
                WriteChange(request, call.Table, change);
                break;
            case TableCall.Transaction transaction:
                WriteTransaction(request, transaction);
                break;
            case TableCall.Get get:
                request.Method = RequestMethod.Get;
                AppendPath(request, EntityPath(call.Table, get.PartitionKey, get.RowKey));
                AppendSelect(request, get.Select);
                break;
            case TableCall.Query query:
                request.Method = RequestMethod.Get;
                AppendPath(request, call.Table + "()");
                AppendSelect(request, query.Select);
                AppendQuery(request, query.Filter, query.Top);
                AppendContinuation(request, query.Continuation);
                break;
            case TableCall.List list:
                request.Method = RequestMethod.Get;
                AppendPath(request, "Tables");
                AppendQuery(request, list.Filter, list.Top);
                if (list.Continuation is not null)
                    request.Uri.AppendQuery(NextTableName, list.Continuation, true);
                break;
            case TableCall.Create:
                request.Method = RequestMethod.Post;
                AppendPath(request, "Tables");
                request.Headers.SetValue("Prefer", "return-no-content");
                SetJson(request, JsonSerializer.SerializeToUtf8Bytes(new Dictionary<string, string> { ["TableName"] = call.Table }));
                break;
            case TableCall.Drop:
                request.Method = RequestMethod.Delete;
                AppendPath(request, $"Tables('{Uri.EscapeDataString(call.Table)}')");
                break;
        }
    }

    private static TableAnswer Read(Response response, TableCall call)
    {
        switch (call)
        {
            case TableCall.Transaction:
                return ReadTransaction(response);
            case TableCall.Get:
            {
                using var json = JsonDocument.Parse(response.Content);
                return new TableAnswer(response) { Entities = [EntityJson.Read(json.RootElement)] };
            }
            case TableCall.Query:
            {
                using var json = JsonDocument.Parse(response.Content);
                var entities = Items(json).Select(EntityJson.Read).ToList();
                return new TableAnswer(response) { Entities = entities, Continuation = Continuation(response) };
            }
            case TableCall.List:
            {
                using var json = JsonDocument.Parse(response.Content);
                var names = Items(json).Select(static table => table.GetProperty("TableName").GetString()!).ToList();
                return new TableAnswer(response) { Tables = names, Continuation = Header(response, NextTableName) };
            }
            default:
                return new TableAnswer(response);
        }
    }

    private static JsonElement.ArrayEnumerator Items(JsonDocument page) => page.RootElement.GetProperty("value").EnumerateArray();

    private static void WriteChange(Request request, string table, in EntityChange change)
    {
        request.Method = Method(change.Type);
        AppendPath(request, Path(table, change));
        if (change.IfMatch is not null)
            request.Headers.SetValue("If-Match", change.IfMatch);
        if (change.Type == TableTransactionActionType.Add)
            request.Headers.SetValue("Prefer", "return-no-content");
        if (change.Entity is not null)
            SetJson(request, EntityJson.Write(change.Entity));
    }

    /// <summary>
    /// A multipart of one change set, whose parts are whole requests:
    /// https://learn.microsoft.com/rest/api/storageservices/performing-entity-group-transactions.
    /// The boundaries can be constants, since JSON on one line holds no line that begins with them.
    /// </summary>
    private void WriteTransaction(Request request, TableCall.Transaction call)
    {
        const string batch = "batch_7f4b3a52-2f0c-4d0e-9f7c-6f2a3a1c9b10";
        const string changeSet = "changeset_0c9d3c1e-55b8-4a7e-8d53-1b6f0e2d4a77";
        var body = new MemoryStream(1_024 * call.Changes.Count);
        Append($"--{batch}\r\nContent-Type: multipart/mixed; boundary={changeSet}\r\n\r\n");
        foreach (var change in call.Changes)
        {
            Append($"--{changeSet}\r\nContent-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n\r\n");
            Append($"{Method(change.Type)} {Endpoint.AbsoluteUri.TrimEnd('/')}/{Path(call.Table, change)} HTTP/1.1\r\n");
            Append($"Accept: {MinimalMetadata}\r\nDataServiceVersion: 3.0\r\n");
            if (change.IfMatch is not null)
                Append($"If-Match: {change.IfMatch}\r\n");
            if (change.Type == TableTransactionActionType.Add)
                Append("Prefer: return-no-content\r\n");
            if (change.Entity is not null)
                Append("Content-Type: application/json\r\n");
            Append("\r\n");
            if (change.Entity is not null)
                body.Write(EntityJson.Write(change.Entity).Span);
            Append("\r\n");
        }
        Append($"--{changeSet}--\r\n--{batch}--\r\n");

        request.Method = RequestMethod.Post;
        AppendPath(request, "$batch");
        request.Headers.SetValue("Content-Type", $"multipart/mixed; boundary={batch}");
        request.Content = RequestContent.Create(body.GetBuffer().AsMemory(0, (int)body.Length));

        void Append(string text) => body.Write(Encoding.UTF8.GetBytes(text));
    }

    /// <summary>One answer for each change; or, when it was refused, one only, and that is what the caller gets.</summary>
    private static TableAnswer ReadTransaction(Response response)
    {
        var parts = MultipartResponse.Parse(response, expectCrLf: true, CancellationToken.None);
        var refusal = Array.Find(parts, static part => part.Status >= 400);
        return refusal is null ? new TableAnswer(response) { Parts = parts } : new TableAnswer(refusal);
    }

    private static RequestMethod Method(TableTransactionActionType type) => type switch
    {
        TableTransactionActionType.Add => RequestMethod.Post,
        TableTransactionActionType.UpdateMerge or TableTransactionActionType.UpsertMerge => RequestMethod.Patch,
        TableTransactionActionType.UpdateReplace or TableTransactionActionType.UpsertReplace => RequestMethod.Put,
        _ => RequestMethod.Delete,
    };

    private static string Path(string table, in EntityChange change) =>
        change.Type == TableTransactionActionType.Add ? table : EntityPath(table, change.PartitionKey, change.RowKey);

    private static string EntityPath(string table, string partitionKey, string rowKey) =>
        $"{table}(PartitionKey='{Escaped(partitionKey)}',RowKey='{Escaped(rowKey)}')";

    private static string Escaped(string key) => Uri.EscapeDataString(EdmText.Quoted(key));

    private static void AppendPath(Request request, string path)
    {
        if (!request.Uri.Path.EndsWith('/'))
            request.Uri.AppendPath("/", false);
        request.Uri.AppendPath(path, false);
    }

    private static void AppendSelect(Request request, IReadOnlyList<string>? select)
    {
        if (select is not null)
            request.Uri.AppendQuery("$select", string.Join(',', select), true);
    }

    private static void AppendQuery(Request request, string? filter, int? top)
    {
        if (top is not null)
            request.Uri.AppendQuery("$top", top.Value.ToString(CultureInfo.InvariantCulture), true);
        if (!string.IsNullOrEmpty(filter))
            request.Uri.AppendQuery("$filter", filter, true);
    }

    /// <summary>The token is the service's two headers with a space between; either may be missing.</summary>
    private static void AppendContinuation(Request request, string? token)
    {
        if (token is null)
            return;
        var parts = token.Split(' ', 2);
        if (parts[0].Length > 0)
            request.Uri.AppendQuery(NextPartitionKey, parts[0], true);
        if (parts is [_, { Length: > 0 } rowKey])
            request.Uri.AppendQuery(NextRowKey, rowKey, true);
    }

    private static string? Continuation(Response response)
    {
        var (partitionKey, rowKey) = (Header(response, NextPartitionKey), Header(response, NextRowKey));
        return partitionKey is null && rowKey is null ? null : $"{partitionKey} {rowKey}";
    }

    private static string? Header(Response response, string name) =>
        response.Headers.TryGetValue(ContinuationHeader + name, out var value) ? value : null;

    private static void SetJson(Request request, ReadOnlyMemory<byte> json)
    {
        request.Headers.SetValue("Content-Type", "application/json");
        request.Content = RequestContent.Create(json);
    }
}
