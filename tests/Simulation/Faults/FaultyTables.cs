using Azure;
using Azure.Data.Tables;
using Simulation.World;

namespace Simulation.Faults;

/// <summary>The tables as one instance reaches them.</summary>
internal sealed class FaultyTables(ITableTransport inner, Network network, WorldState world) : ITableTransport
{
    private static readonly TableError[] Refusals = [new(503, "ServerBusy", "The server is busy."), new(500, "InternalError", "An internal error."), new(429, "TooManyRequests", "Too many requests.")];

    public string AccountName => inner.AccountName;

    public Uri Endpoint => inner.Endpoint;

    public OperationCounter Operations => inner.Operations;

    public Task<TableAnswer> SendAsync(TableCall call, CancellationToken cancellation)
    {
        var isWrite = call is TableCall.Change or TableCall.Transaction or TableCall.Create or TableCall.Drop;
        return network.CallAsync(
            Dependency.Tables, $"{call.Operation} {call.Table}", () => SendAndWatchAsync(call, isWrite),
            answer => isWrite && answer.Response.Status < 400,
            () => new TableAnswer(LocalResponse.Of(Refusals[world.Draw(Refusals.Length)])),
            () => new AggregateException("Retry failed after 4 tries.", new RequestFailedException(0, "No connection.")),
            cancellation, mayBeLate: IsConditional(call));
    }

    private static bool IsConditional(TableCall call) => call switch
    {
        TableCall.Change => call.Operation == TableOperation.UpdateEntity,
        TableCall.Transaction transaction => transaction.Changes.Any(change => change.Type is TableTransactionActionType.UpdateMerge or TableTransactionActionType.UpdateReplace),
        _ => false,
    };

    private async Task<TableAnswer> SendAndWatchAsync(TableCall call, bool isWrite)
    {
        var answer = await inner.SendAsync(call, CancellationToken.None);
        if (isWrite && answer.Response.Status < 400)
            world.Observer.Written(network.Process, call);
        return answer;
    }
}
