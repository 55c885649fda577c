using Azure.Data.Tables.Models;

namespace Azure.Data.Tables;

/// <summary>What the clients of a service and of a table share: counting, and refusals turned into exceptions.</summary>
internal static class TableCalls
{
    /// <param name="tolerated">A refusal that the caller takes for an answer, or 0.</param>
    public static async Task<TableAnswer> CallAsync(
        this ITableTransport transport, TableCall call, int tolerated, CancellationToken cancellation)
    {
        transport.Operations.Count(call.Operation);
        var answer = await transport.SendAsync(call, cancellation);
        return answer.Response.Status == tolerated ? answer : answer.OrThrow();
    }

    /// <summary>The answer, unless it is a refusal.</summary>
    public static TableAnswer OrThrow(this TableAnswer answer) =>
        answer.Response.Status < 400 ? answer : throw TableError.Exception(answer.Response);

    public static async Task<Response<TableItem>> CreateTableAsync(
        this ITableTransport transport, string table, bool unlessExists, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(table);
        var answer = await transport.CallAsync(new TableCall.Create(table), unlessExists ? 409 : 0, cancellation);
        if (answer.Response.Status == 409)
            ThrowIfBeingDeleted(answer.Response);
        return Response.FromValue(new TableItem(table), answer.Response);
    }

    /// <summary>A table on its way out is no table that exists: whoever asked for one must ask again later.</summary>
    private static void ThrowIfBeingDeleted(Response response)
    {
        var conflict = TableError.Exception(response);
        if (conflict.ErrorCode == TableErrorCode.TableBeingDeleted)
            throw conflict;
    }

    public static async Task<Response> DropTableAsync(this ITableTransport transport, string table, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(table);
        var answer = await transport.CallAsync(new TableCall.Drop(table), 404, cancellation);
        return answer.Response;
    }
}
