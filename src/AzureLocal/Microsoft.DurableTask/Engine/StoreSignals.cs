namespace Microsoft.DurableTask.Engine;

/// <summary>
/// Who in this process waits for what is committed in one store: engines for work, clients for an instance. It is rung on the
/// writer's thread, so nothing of theirs runs there.
/// </summary>
internal sealed class StoreSignals
{
    private readonly Lock gate = new();
    private readonly List<(string Hub, Bell Bell)> engines = [];
    private readonly Dictionary<(string Hub, string InstanceId), Watch> watches = [];

    public void Add(string hub, Bell bell)
    {
        lock (gate)
            engines.Add((hub, bell));
    }

    public void Remove(Bell bell)
    {
        lock (gate)
            engines.RemoveAll(engine => engine.Bell == bell);
    }

    public void WakeEngines(string hub)
    {
        lock (gate)
        {
            foreach (var engine in engines)
            {
                if (engine.Hub == hub)
                    engine.Bell.Ring();
            }
        }
    }

    /// <summary>Completes at the next change of the instance after this call. Give it back with <see cref="Unwatch"/>.</summary>
    public Watch StartWatch(string hub, string instanceId)
    {
        lock (gate)
        {
            if (!watches.TryGetValue((hub, instanceId), out var watch))
                watches.Add((hub, instanceId), watch = new Watch((hub, instanceId)));
            watch.Users++;
            return watch;
        }
    }

    public void Unwatch(Watch watch)
    {
        lock (gate)
        {
            if (--watch.Users == 0 && watches.TryGetValue(watch.Key, out var current) && current == watch)
                watches.Remove(watch.Key);
        }
    }

    public void WakeWaiters(string hub, string instanceId)
    {
        Watch? watch;
        lock (gate)
            watches.Remove((hub, instanceId), out watch);
        watch?.Changed.TrySetResult();
    }

    internal sealed class Watch((string, string) key)
    {
        public (string Hub, string InstanceId) Key => key;

        public int Users { get; set; }

        public TaskCompletionSource Changed { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}

/// <summary>Wakes one waiter, once for any number of rings since it last waited.</summary>
internal sealed class Bell
{
    private readonly Lock gate = new();
    private TaskCompletionSource? waiter;
    private bool rung;

    public void Ring()
    {
        TaskCompletionSource? woken;
        lock (gate)
        {
            woken = waiter;
            waiter = null;
            rung = woken is null;
        }
        woken?.SetResult();
    }

    public Task WaitAsync()
    {
        lock (gate)
        {
            if (rung)
            {
                rung = false;
                return Task.CompletedTask;
            }
            waiter ??= new(TaskCreationOptions.RunContinuationsAsynchronously);
            return waiter.Task;
        }
    }
}
