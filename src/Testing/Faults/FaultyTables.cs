using Azure;
using Azure.Data.Tables;
using Weir.Testing.Time;

namespace Weir.Testing.Faults;

/// <summary>The tables as one instance reaches them.</summary>
internal sealed class FaultyTables(ITableTransport inner, Place place, Dependency tables) : ITableTransport
{
    private static readonly TableError Busy = new(503, "ServerBusy", "The server is busy (as the test wants it).");

    public string AccountName => inner.AccountName;

    public Uri Endpoint => inner.Endpoint;

    public OperationCounter Operations => inner.Operations;

    public Task<TableAnswer> SendAsync(TableCall call, CancellationToken cancellation) => tables.CallAsync(
        place, $"{call.Operation} {call.Table}", () => inner.SendAsync(call, CancellationToken.None), static () => new TableAnswer(LocalResponse.Of(Busy)),
        static () => new AggregateException("Retry failed after 4 tries.", new RequestFailedException(0, "No answer (as the test wants it).")), cancellation);
}
