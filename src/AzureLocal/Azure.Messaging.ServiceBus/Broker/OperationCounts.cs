using System.Collections.Concurrent;

namespace AzureLocal.ServiceBus;

/// <summary>
/// Operations by name, for tests of what a job costs: <c>Send</c>, <c>Schedule</c>, <c>Receive</c>, <c>Complete</c> and so on are
/// counted per message, as Azure bills them; a receive that found nothing is <c>ReceiveEmpty</c>.
/// </summary>
internal sealed class OperationCounts
{
    private readonly ConcurrentDictionary<string, Counter> counters = new(StringComparer.Ordinal);

    public void Add(string operation, int count = 1) => Interlocked.Add(ref counters.GetOrAdd(operation, static _ => new Counter()).Value, count);

    public IReadOnlyDictionary<string, long> Snapshot() => counters.ToDictionary(pair => pair.Key, pair => Interlocked.Read(ref pair.Value.Value), StringComparer.Ordinal);

    private sealed class Counter
    {
        public long Value;
    }
}
