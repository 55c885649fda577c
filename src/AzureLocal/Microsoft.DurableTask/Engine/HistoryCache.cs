namespace Microsoft.DurableTask.Engine;

/// <summary>
/// The histories of the instances that ran last. An execution's history only grows, so what is here is always a true beginning of
/// it, and a turn reads just what was added by others: 200 steps then read 600 rows rather than 60,000.
/// </summary>
internal sealed class HistoryCache
{
    /// <summary>About 64 MB of text and objects.</summary>
    private const long MaxWeight = 32_000_000;

    private const int EventWeight = 64;

    private readonly Lock gate = new();
    private readonly Dictionary<long, LinkedListNode<Entry>> byExecution = [];
    private readonly LinkedList<Entry> latestFirst = new();
    private long weight;

    public IReadOnlyList<HistoryEvent> Get(long execution)
    {
        lock (gate)
        {
            if (!byExecution.TryGetValue(execution, out var node))
                return [];
            latestFirst.Remove(node);
            latestFirst.AddFirst(node);
            return node.Value.History;
        }
    }

    public void Put(long execution, IReadOnlyList<HistoryEvent> history)
    {
        var entry = new Entry(execution, history, Weigh(history));
        lock (gate)
        {
            Drop(execution);
            byExecution.Add(execution, latestFirst.AddFirst(entry));
            weight += entry.Weight;
            while (weight > MaxWeight)
                Drop(latestFirst.Last!.Value.Execution);
        }
    }

    public void Remove(long execution)
    {
        lock (gate)
            Drop(execution);
    }

    private void Drop(long execution)
    {
        if (!byExecution.Remove(execution, out var node))
            return;
        latestFirst.Remove(node);
        weight -= node.Value.Weight;
    }

    private static long Weigh(IReadOnlyList<HistoryEvent> history)
    {
        var sum = 0L;
        foreach (var past in history)
            sum += EventWeight + (past.Payload?.Length ?? 0);
        return sum;
    }

    private readonly record struct Entry(long Execution, IReadOnlyList<HistoryEvent> History, long Weight);
}
