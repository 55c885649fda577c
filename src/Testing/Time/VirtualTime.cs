using System.Diagnostics;

namespace Weir.Testing.Time;

/// <summary>
/// The one thread and the one clock of a test. Whatever can go on waits here, first come first served; time passes only when nothing can, and only as far as the test allows.
/// The thread is the test's own: it does the work while it waits for a call of the kit.
/// </summary>
internal sealed class VirtualTime(DateTimeOffset begin, TimeSpan patience)
{
    /// <summary>A job is some hundred steps. One that takes this many while no time passes runs in a circle.</summary>
    private const long MostSteps = 2_000_000;

    /// <summary>How long the thread pool may take to run something at all, on a machine that does much else.</summary>
    private static readonly TimeSpan PoolPatience = TimeSpan.FromSeconds(10);

    /// <summary>What lies in a thread's own queue of the pool is taken only after all that lies in the common one, where the probes are.</summary>
    private const int MostProbes = 20;

    /// <summary>In which a thread that was taken off its core gets back to one, while this one sleeps.</summary>
    private static readonly TimeSpan Turn = TimeSpan.FromMilliseconds(2);

    private readonly Lock gate = new();
    private readonly Queue<Continuation> ready = [];
    private readonly PriorityQueue<(VirtualTimer Timer, int Version), (long Due, long Order)> timers = new();
    private readonly ManualResetEventSlim arrived = new();
    private DateTimeOffset now = begin;
    private long order;
    private bool isRunning;

    public DateTimeOffset Now
    {
        get
        {
            lock (gate)
                return now;
        }
    }

    public void Ready(in Continuation work)
    {
        lock (gate)
            ready.Enqueue(work);
        arrived.Set();
    }

    public void Arm(VirtualTimer timer, int version, TimeSpan wait)
    {
        lock (gate)
            timers.Enqueue((timer, version), ((now + (wait > TimeSpan.Zero ? wait : TimeSpan.Zero)).UtcTicks, order++));
    }

    /// <summary>Lets everything go on that can, and time pass until <paramref name="until"/> at the latest.</summary>
    /// <param name="isDone">Asked whenever nothing can go on at that moment, and after each bit of what did: true ends it there.</param>
    /// <param name="until">Nothing that is due later happens.</param>
    /// <param name="isBusy">Whether a handler is at work: it may wait for something that is not of this clock, such as a socket, and is given a moment of real time for it.</param>
    /// <returns>Whether it was done; else the time is <paramref name="until"/>.</returns>
    public bool Run(Func<bool> isDone, DateTimeOffset until, Func<bool> isBusy)
    {
        if (isRunning)
            throw new InvalidOperationException("A handler, a step or a fake calls the test kit, which is waiting for it: call it from the test, after RunUntilIdleAsync has come back.");
        isRunning = true;
        try
        {
            for (var steps = 0L; ; steps++)
            {
                if (isDone())
                    return true;
                if (TryTake(out var work))
                {
                    if (steps > MostSteps)
                        throw new WeirTestException($"No end after {MostSteps:N0} steps at {Now:O}, without time passing: something runs in a circle.");
                    work.Place.Run(work);
                }
                else if (WaitForOutside(isBusy()))
                {
                }
                else if (FireNext(until))
                {
                    steps = 0;
                }
                else
                {
                    return isDone();
                }
            }
        }
        finally
        {
            isRunning = false;
        }
    }

    private bool TryTake(out Continuation work)
    {
        lock (gate)
        {
            if (ready.TryDequeue(out work))
                return true;
            arrived.Reset();
            return false;
        }
    }

    /// <summary>
    /// Some of what the framework does goes to the thread pool whatever the context of the code that asked for it (the callbacks of CancelAsync, HttpClient's own continuations): that has ended before time passes.
    /// What a handler awaits beyond that, a socket say, nobody can see: it gets some real time.
    /// </summary>
    private bool WaitForOutside(bool isBusy)
    {
        var begun = Stopwatch.GetTimestamp();
        for (var probes = 0; probes < 2 || (probes < MostProbes && ThreadPool.PendingWorkItemCount > 0); probes++)
        {
            var ran = new ManualResetEventSlim(); // not disposed of: the pool may still hold it when the patience is over
            ThreadPool.UnsafeQueueUserWorkItem(static ran => ran.Set(), ran, preferLocal: false);
            ran.Wait(PoolPatience);
            if (arrived.IsSet)
                return true;
        }
        if (OthersWork() && arrived.Wait(Turn))
            return true;
        // On a machine that does much else all takes longer, what is waited for too.
        var loaded = Stopwatch.GetElapsedTime(begun) * 10;
        return isBusy && arrived.Wait(loaded > patience ? loaded : patience);
    }

    /// <summary>Whether a thread of the pool is at something now: another test's work, or what it took of ours before the probes came.</summary>
    private static bool OthersWork()
    {
        ThreadPool.GetMaxThreads(out var all, out _);
        ThreadPool.GetAvailableThreads(out var free, out _);
        return all - free > (Thread.CurrentThread.IsThreadPoolThread ? 1 : 0);
    }

    private bool FireNext(DateTimeOffset until)
    {
        while (true)
        {
            (VirtualTimer Timer, int Version) next;
            (long Due, long Order) when;
            lock (gate)
            {
                if (!timers.TryPeek(out next, out when) || when.Due > until.UtcTicks)
                {
                    if (until > now)
                        now = until;
                    return false;
                }
                timers.Dequeue();
            }
            if (!next.Timer.IsArmed(next.Version)) // outside of our lock: a timer that is changed takes its own first, and then ours
                continue;
            lock (gate)
            {
                if (when.Due > now.UtcTicks)
                    now = new DateTimeOffset(when.Due, TimeSpan.Zero);
            }
            next.Timer.Fire(next.Version);
            return true;
        }
    }
}
