using Azure.Core.Pipeline;

namespace Azure.Data.Tables;

internal sealed class HttpTables(Uri endpoint, string account, HttpPipelinePolicy signing, TableClientOptions options) : ITableTransport
{
    public string AccountName => account;
    public Uri Endpoint => endpoint;
    public OperationCounter Operations { get; } = new();
    public Task<TableAnswer> SendAsync(TableCall call, CancellationToken cancellation) => throw new NotSupportedException("HTTP is not there yet." + signing + options);
}
