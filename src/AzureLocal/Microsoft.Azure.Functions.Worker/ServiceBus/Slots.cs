namespace AzureLocal.Functions;

/// <summary>
/// Places for work that runs at once. A SemaphoreSlim would do, but hops over the thread pool when it is waited for with a
/// token, which a simulation on one thread cannot follow.
/// </summary>
internal sealed class Slots(int count)
{
    private readonly Lock gate = new();
    private readonly LinkedList<TaskCompletionSource> waiting = [];
    private readonly int count = count;
    private TaskCompletionSource? drained;
    private int free = count;

    /// <summary>Waits until one place is free, then takes up to that many.</summary>
    public async Task<int> TakeAsync(int most, CancellationToken cancellation)
    {
        while (true)
        {
            cancellation.ThrowIfCancellationRequested();
            LinkedListNode<TaskCompletionSource> turn;
            lock (gate)
            {
                if (free > 0)
                {
                    var taken = Math.Min(free, most);
                    free -= taken;
                    return taken;
                }
                turn = waiting.AddLast(new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));
            }
            await using (cancellation.Register(() => turn.Value.TrySetCanceled(cancellation)))
            {
                try
                {
                    await turn.Value.Task;
                }
                finally
                {
                    lock (gate)
                    {
                        if (turn.List is not null)
                            waiting.Remove(turn);
                    }
                }
            }
        }
    }

    public void Release(int places = 1)
    {
        lock (gate)
        {
            free += places;
            while (places > 0 && waiting.First is { } turn)
            {
                waiting.RemoveFirst();
                if (turn.Value.TrySetResult())
                    places--;
            }
            if (free == count)
                drained?.TrySetResult();
        }
    }

    /// <summary>Completes when nothing runs. Nobody may take a place any more.</summary>
    public Task WhenAllFreeAsync()
    {
        lock (gate)
        {
            drained ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            if (free == count)
                drained.TrySetResult();
            return drained.Task;
        }
    }
}
