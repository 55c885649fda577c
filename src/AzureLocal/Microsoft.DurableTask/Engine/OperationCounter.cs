using System.Collections.Concurrent;

namespace Microsoft.DurableTask.Engine;

/// <summary>How often each kind of call was made, for tests that count what a job costs.</summary>
internal sealed class OperationCounter
{
    private readonly ConcurrentDictionary<string, long> counts = new(StringComparer.Ordinal);

    public void Count(string operation) => counts.AddOrUpdate(operation, 1, static (_, count) => count + 1);

    public IReadOnlyDictionary<string, long> Snapshot() => counts.ToDictionary();
}
