namespace AzureLocal.ServiceBus;

/// <summary>
/// Those who wait, by the line they wait at: a session's messages, a box's messages, or (at <c>-box</c> of an entity with sessions) any
/// session. What becomes available wakes as many as can have it, in the order in which they came: 200 idle receivers and one new
/// message are one query, not 200.
/// </summary>
internal sealed class WaitLists(TimeProvider time)
{
    private readonly TimeProvider time = time;
    private readonly Lock gate = new();
    private readonly Dictionary<long, LinkedList<Waiter>> lists = [];
    private int sleeping;

    /// <summary>Called when <see cref="HasSleepers"/> may have changed.</summary>
    public Action OnSleepers { get; set; } = static () => { };

    public bool HasSleepers
    {
        get
        {
            lock (gate)
                return sleeping > 0;
        }
    }

    /// <summary>Joins before the first look, so that nothing that arrives between a look and a sleep is missed. Dispose to leave.</summary>
    public Waiter Enter(long line)
    {
        var waiter = new Waiter(this, line);
        lock (gate)
        {
            if (!lists.TryGetValue(line, out var list))
                lists.Add(line, list = []);
            waiter.Place = list.AddLast(waiter);
        }
        return waiter;
    }

    public void Wake(long line, int count)
    {
        lock (gate)
            WakeLocked(line, count);
    }

    /// <summary>The lines at which somebody sleeps, and how many.</summary>
    public List<(long Line, int Sleepers)> Sleepers()
    {
        lock (gate)
            return [.. lists.Select(list => (list.Key, list.Value.Count(static waiter => waiter.Sleep is not null))).Where(static list => list.Item2 > 0)];
    }

    private void WakeLocked(long line, int count)
    {
        if (!lists.TryGetValue(line, out var list))
            return;
        for (var place = list.First; place is not null && count > 0; place = place.Next)
        {
            if (place.Value.IsSignalled)
                continue;
            place.Value.IsSignalled = true;
            place.Value.Sleep?.TrySetResult(true);
            count--;
        }
    }

    internal sealed class Waiter(WaitLists lists, long line) : IDisposable
    {
        internal LinkedListNode<Waiter>? Place { get; set; }

        internal bool IsSignalled { get; set; }

        internal TaskCompletionSource<bool>? Sleep { get; private set; }

        /// <summary>To be called before each look: a signal that came earlier is answered by it.</summary>
        public void BeginLook()
        {
            lock (lists.gate)
                IsSignalled = false;
        }

        /// <summary>True when there may be something to find, false when the time is over or the connection has ended.</summary>
        public async Task<bool> SleepAsync(TimeSpan wait, CancellationToken ended, CancellationToken cancellation)
        {
            TaskCompletionSource<bool> sleep;
            bool isFirst;
            lock (lists.gate)
            {
                if (IsSignalled)
                    return true;
                Sleep = sleep = new(TaskCreationOptions.RunContinuationsAsynchronously);
                isFirst = ++lists.sleeping == 1;
            }
            if (isFirst)
                lists.OnSleepers();
            try
            {
                using var over = lists.time.CreateTimer(static sleep => ((TaskCompletionSource<bool>)sleep!).TrySetResult(false), sleep, wait, Timeout.InfiniteTimeSpan);
                using var end = ended.UnsafeRegister(static sleep => ((TaskCompletionSource<bool>)sleep!).TrySetResult(false), sleep);
                using var cancel = cancellation.UnsafeRegister(static (sleep, token) => ((TaskCompletionSource<bool>)sleep!).TrySetCanceled(token), sleep);
                return await sleep.Task;
            }
            finally
            {
                bool isLast;
                lock (lists.gate)
                {
                    Sleep = null;
                    isLast = --lists.sleeping == 0;
                }
                if (isLast)
                    lists.OnSleepers();
            }
        }

        /// <summary>Leaves. A signal that this one did not use goes to the next.</summary>
        public void Dispose()
        {
            lock (lists.gate)
            {
                if (Place is null)
                    return;
                var list = Place.List!;
                list.Remove(Place);
                Place = null;
                if (list.Count == 0)
                    lists.lists.Remove(line);
                else if (IsSignalled)
                    lists.WakeLocked(line, 1);
            }
        }
    }
}
