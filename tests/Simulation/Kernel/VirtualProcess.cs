namespace Simulation.Kernel;

/// <summary>
/// A process of the world: the context to which everything that it awaits comes back, and its own clock. Dead, nothing of it goes on, at whatever
/// await it stood; frozen, all of it goes on later, none the wiser.
/// </summary>
internal sealed class VirtualProcess(Scheduler scheduler, string name) : SynchronizationContext
{
    private readonly List<Continuation> held = [];
    private VirtualClock? clock;

    public string Name => name;

    public Scheduler Scheduler => scheduler;

    public VirtualClock Clock => clock ??= new VirtualClock(this);

    public bool IsDead { get; private set; }

    public bool IsFrozen { get; private set; }

    public override void Post(SendOrPostCallback callback, object? state)
    {
        if (IsDead)
            return;
        if (IsFrozen)
            held.Add(new Continuation(this, callback, state));
        else
            scheduler.Ready(new Continuation(this, callback, state));
    }

    public override void Send(SendOrPostCallback callback, object? state) =>
        throw new NotSupportedException("Something blocks on a context: in a world of one thread it would wait for ever.");

    public override SynchronizationContext CreateCopy() => this;

    public void Run(Continuation work)
    {
        if (IsDead)
            return;
        if (IsFrozen)
        {
            held.Add(work);
            return;
        }
        SetSynchronizationContext(this);
        try
        {
            work.Callback(work.State);
        }
        finally
        {
            SetSynchronizationContext(null);
        }
    }

    /// <summary>Begins something in this process, and tells its end to whoever asked, in their own.</summary>
    public Task RunAsync(Func<Task> work)
    {
        var ended = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        Post(_ => Begin(), null);
        return ended.Task;

        async void Begin()
        {
            try
            {
                await work();
                ended.TrySetResult();
            }
            catch (Exception failure)
            {
                ended.TrySetException(failure);
            }
        }
    }

    public Task DelayAsync(TimeSpan delay) => Task.Delay(delay, Clock);

    public void Kill()
    {
        IsDead = true;
        held.Clear();
    }

    public void Freeze() => IsFrozen = true;

    public void Thaw()
    {
        IsFrozen = false;
        foreach (var work in held)
            Post(work.Callback, work.State);
        held.Clear();
    }
}
