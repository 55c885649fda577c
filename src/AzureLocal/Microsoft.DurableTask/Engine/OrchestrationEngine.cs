using AzureLocal.Storage;
using Microsoft.DurableTask.Client;
using Microsoft.Extensions.Logging;

namespace Microsoft.DurableTask.Engine;

#pragma warning disable CS9113, IDE0060
internal interface IOrchestrationStore;

internal sealed class OrchestrationEngine(Store store, string taskHub, TimeProvider clock, Random random, ILoggerFactory loggers, EngineOptions options) : IAsyncDisposable
{
    public void AddOrchestrator(string name, Func<TaskOrchestrationContext, Task<object?>> run) => throw new NotImplementedException();

    /// <summary>The delegate gets its input as JSON.</summary>
    public void AddActivity(string name, Func<TaskActivityContext, string?, CancellationToken, Task<object?>> run) => throw new NotImplementedException();

    public DurableTaskClient CreateClient() => throw new NotImplementedException();

    /// <summary>Starts the dispatch loops.</summary>
    public Task StartAsync(CancellationToken cancellation) => throw new NotImplementedException();

    /// <summary>Takes no more work, waits for what runs within the token, hands the rest back at once.</summary>
    public Task StopAsync(CancellationToken cancellation) => throw new NotImplementedException();

    public ValueTask DisposeAsync() => throw new NotImplementedException();
}
