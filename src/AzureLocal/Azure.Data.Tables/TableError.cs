using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text.Json;
using Azure.Core;

namespace Azure.Data.Tables;

/// <summary>A refusal as the service words it: https://learn.microsoft.com/rest/api/storageservices/table-service-error-codes.</summary>
internal sealed record TableError(int Status, string Code, string Message)
{
    public static readonly TableError CommandsInBatchActOnDifferentPartitions = new(400, nameof(CommandsInBatchActOnDifferentPartitions), "All commands in a batch must operate on same entity group.");
    public static readonly TableError EntityAlreadyExists = new(409, nameof(EntityAlreadyExists), "The specified entity already exists.");
    public static readonly TableError EntityTooLarge = new(400, nameof(EntityTooLarge), "The entity is larger than the maximum allowed size (1MB).");
    public static readonly TableError InvalidDuplicateRow = new(400, nameof(InvalidDuplicateRow), "The batch request contains multiple changes with same row key. An entity can appear only once in a batch request.");
    public static readonly TableError InvalidInput = new(400, nameof(InvalidInput), "One of the request inputs is not valid.");
    public static readonly TableError InvalidResourceName = new(400, nameof(InvalidResourceName), "The specified resource name contains invalid characters.");
    public static readonly TableError KeyValueTooLarge = new(400, nameof(KeyValueTooLarge), "The key value is larger than the maximum size allowed (1KB).");
    public static readonly TableError OutOfRangeInput = new(400, nameof(OutOfRangeInput), "One of the request inputs is out of range.");
    public static readonly TableError PropertyNameInvalid = new(400, nameof(PropertyNameInvalid), "The property name is invalid.");
    public static readonly TableError PropertyNameTooLong = new(400, nameof(PropertyNameTooLong), "The property name exceeds the maximum allowed length (255).");
    public static readonly TableError PropertyValueTooLarge = new(400, nameof(PropertyValueTooLarge), "The property value exceeds the maximum allowed size (64KB). If the property value is a string, it is UTF-16 encoded and the maximum number of characters should be 32K or less.");
    public static readonly TableError RequestBodyTooLarge = new(413, nameof(RequestBodyTooLarge), "The request body is too large and exceeds the maximum permissible limit.");
    public static readonly TableError ResourceNotFound = new(404, nameof(ResourceNotFound), "The specified resource does not exist.");
    public static readonly TableError TableAlreadyExists = new(409, nameof(TableAlreadyExists), "The table specified already exists.");
    public static readonly TableError TableNotFound = new(404, nameof(TableNotFound), "The table specified does not exist.");
    public static readonly TableError TooManyChanges = new(400, nameof(InvalidInput), "The batch request operation exceeds the maximum 100 changes per change set.");
    public static readonly TableError TooManyProperties = new(400, nameof(TooManyProperties), "The entity contains more properties than allowed. Each entity can include up to 252 properties to store data. Each entity also has 3 system properties.");
    public static readonly TableError UpdateConditionNotSatisfied = new(412, nameof(UpdateConditionNotSatisfied), "The update condition specified in the request was not satisfied.");

    /// <summary>In a transaction the service puts the index of the action before the message.</summary>
    public TableError At(int index) => this with { Message = string.Create(CultureInfo.InvariantCulture, $"{index}:{Message}") };

    /// <summary>The exception for an answer that is a refusal.</summary>
    public static RequestFailedException Exception(Response response) => new(response, null, TableErrorParser.Instance);
}

/// <summary>Finds code, message and a transaction's failed index in a refusal, whichever transport it came through.</summary>
internal sealed class TableErrorParser : RequestFailedDetailsParser
{
    public static readonly TableErrorParser Instance = new();

    public override bool TryParse(Response response, [NotNullWhen(true)] out ResponseError? error, out IDictionary<string, string>? data)
    {
        data = null;
        error = response is LocalResponse { Error: { } local } ? new ResponseError(local.Code, local.Message) : FromJson(response) ?? FromHeader(response);
        if (error?.Message is null)
            return error is not null;

        var colon = error.Message.IndexOf(':', StringComparison.Ordinal);
        if (colon > 0 && int.TryParse(error.Message.AsSpan(0, colon), NumberStyles.None, CultureInfo.InvariantCulture, out _))
            data = new Dictionary<string, string> { [TableTransactionFailedException.FailedIndexKey] = error.Message[..colon] };
        return true;
    }

    /// <summary><c>{"odata.error":{"code":"…","message":{"lang":"en-US","value":"…"}}}</c></summary>
    private static ResponseError? FromJson(Response response)
    {
        if (response.ContentStream is not { CanSeek: true, Length: > 0 } content)
            return null;
        try
        {
            content.Position = 0;
            using var json = JsonDocument.Parse(content);
            if (!json.RootElement.TryGetProperty("odata.error", out var body))
                return null;
            var message = body.TryGetProperty("message", out var worded) && worded.TryGetProperty("value", out var value) ? value.GetString() : null;
            return new ResponseError(body.TryGetProperty("code", out var code) ? code.GetString() : null, message);
        }
        catch (JsonException)
        {
            return null; // not the table service's form: a refused signature comes as XML, a gateway's page as HTML
        }
    }

    private static ResponseError? FromHeader(Response response) =>
        response.Headers.TryGetValue("x-ms-error-code", out var code) ? new ResponseError(code, response.ReasonPhrase) : null;
}
