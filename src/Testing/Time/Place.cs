namespace Weir.Testing.Time;

/// <summary>
/// Where code runs: everything that it awaits comes back to here, on the one thread of its <see cref="VirtualTime"/>. Dead, nothing of it goes on, at whatever await it stood.
/// </summary>
internal sealed class Place(VirtualTime time, string name) : SynchronizationContext
{
    private PlaceClock? clock;

    public string Name => name;

    public TimeProvider Clock => clock ??= new PlaceClock(time, this);

    public bool IsDead { get; private set; }

    public void Kill() => IsDead = true;

    public override void Post(SendOrPostCallback callback, object? state)
    {
        if (!IsDead)
            time.Ready(new Continuation(this, callback, state));
    }

    public override void Send(SendOrPostCallback callback, object? state) =>
        throw new NotSupportedException("Something blocks until other code of the same instance has run (Send): in a test there is one thread for all of it, so it would wait for ever.");

    public override SynchronizationContext CreateCopy() => this;

    public void Run(in Continuation work)
    {
        if (IsDead)
            return;
        var before = Current;
        SetSynchronizationContext(this);
        try
        {
            work.Callback(work.State);
        }
        finally
        {
            SetSynchronizationContext(before);
        }
    }

    /// <summary>Begins something here, and says when it has ended.</summary>
    public Task<T> Begin<T>(Func<Task<T>> work)
    {
        var ended = new TaskCompletionSource<T>(TaskCreationOptions.RunContinuationsAsynchronously);
        Post(_ => Go(), null);
        return ended.Task;

        async void Go()
        {
            try
            {
                ended.TrySetResult(await work());
            }
            catch (Exception failure)
            {
                ended.TrySetException(failure);
            }
        }
    }

    /// <summary>For code of a place that is dead: nothing comes after this.</summary>
    public static Task<T> NeverAsync<T>() => new TaskCompletionSource<T>().Task;
}

/// <summary>Something that can go on.</summary>
internal readonly record struct Continuation(Place Place, SendOrPostCallback Callback, object? State);
