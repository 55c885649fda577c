using AzureLocal.Storage;

namespace AzureLocal.ServiceBus;

/// <summary>
/// What wakes sleepers when no send of this process does: the next thing that falls due, by a timer set to that moment; and the other
/// processes of the data directory, if there are any, by looking at the store's commit version 50 times a second. That takes 5 µs, but
/// the waking of a thread for it up to 3 % of a core, so a process that is alone only looks for others, four times a second. Both rest
/// while nobody sleeps.
/// </summary>
internal sealed class Watch : IDisposable
{
    private static readonly TimeSpan PollEvery = TimeSpan.FromMilliseconds(20);
    private static readonly TimeSpan PollAloneEvery = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan TryAgainAfter = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan LongestTimer = TimeSpan.FromHours(1);
    private const int PollsPerDeathCheck = 50;

    private readonly Broker broker;
    private readonly Store store;
    private readonly WaitLists waiters;
    private readonly Lock gate = new();
    private readonly ITimer dueTimer;
    private readonly ITimer? pollTimer;
    private bool isWatching;
    private bool isClosed;
    private bool isAlone = true;
    private long armedFor = long.MaxValue;
    private long lastVersion;
    private int polls;
    private int polling;

    public Watch(Broker broker, Store store, WaitLists waiters)
    {
        this.broker = broker;
        this.store = store;
        this.waiters = waiters;
        dueTimer = broker.Time.CreateTimer(static watch => ((Watch)watch!).OnDue(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        if (store.Directory is not null)
            pollTimer = broker.Time.CreateTimer(static watch => ((Watch)watch!).OnPoll(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        waiters.OnSleepers = Update;
    }

    /// <summary>Sees to it that what is due at this time is done then, if anybody waits for it.</summary>
    public void ActAt(long time)
    {
        lock (gate)
        {
            if (!isWatching || isClosed || time >= armedFor)
                return;
            armedFor = time;
            // At least a millisecond: a timer that is a little early must not spin until its time has come.
            var delay = TimeSpan.FromTicks(Math.Max(TimeSpan.TicksPerMillisecond, time - broker.Time.GetUtcNow().UtcTicks));
            dueTimer.Change(delay < LongestTimer ? delay : LongestTimer, Timeout.InfiniteTimeSpan);
        }
    }

    public void Dispose()
    {
        lock (gate)
            isClosed = true;
        dueTimer.Dispose();
        pollTimer?.Dispose();
    }

    private void Update()
    {
        lock (gate)
        {
            var shouldWatch = waiters.HasSleepers && !isClosed;
            if (shouldWatch == isWatching)
                return;
            isWatching = shouldWatch;
            armedFor = long.MaxValue;
            if (!shouldWatch)
            {
                dueTimer.Change(Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
                pollTimer?.Change(Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
                return;
            }
            lastVersion = -1; // what another process did meanwhile is unknown: the first poll looks
            StartPolling();
        }
        ActAt(store.Read(DueWork.Next));
    }

    private void OnDue() => _ = DoWhatIsDueAsync();

    private async Task DoWhatIsDueAsync()
    {
        lock (gate)
            armedFor = long.MaxValue;
        try
        {
            ActAt(await broker.WriteAsync(
                static transaction =>
                {
                    DueWork.Run(transaction, DueWork.StepsPerCall);
                    return DueWork.Next(transaction.Database);
                },
                CancellationToken.None));
        }
        catch (ObjectDisposedException)
        {
            // The store was closed: nobody waits for it any more.
        }
        catch (StoreException)
        {
            ActAt((broker.Time.GetUtcNow() + TryAgainAfter).UtcTicks);
        }
    }

    private void OnPoll()
    {
        if (Interlocked.Exchange(ref polling, 1) == 1)
            return; // the last one still runs, on a busy machine
        try
        {
            if (isAlone || ++polls % PollsPerDeathCheck == 0)
                LookForOthers();
            var version = store.CommitVersion();
            if (version != lastVersion && !isAlone)
                WakeForOthers();
            lastVersion = version;
        }
        catch (Exception failure) when (failure is StoreException or ObjectDisposedException or IOException)
        {
            // The next poll, 20 ms from now, tries again.
        }
        finally
        {
            Volatile.Write(ref polling, 0);
        }
    }

    private void LookForOthers()
    {
        _ = broker.FreeDeadProcessesAsync();
        var wasAlone = isAlone;
        isAlone = !store.Processes.HasOthers();
        if (wasAlone == isAlone)
            return;
        lastVersion = -1;
        lock (gate)
            StartPolling();
    }

    private void StartPolling()
    {
        var every = isAlone ? PollAloneEvery : PollEvery;
        if (isWatching && !isClosed)
            pollTimer?.Change(every, every);
    }

    private void WakeForOthers()
    {
        var available = store.Read(database => waiters.Sleepers().ConvertAll(list => (list.Line, Count: Available(database, list.Line, list.Sleepers))));
        foreach (var (line, count) in available)
            waiters.Wake(line, count);
        ActAt(store.Read(DueWork.Next));
    }

    /// <summary>How many of these sleepers would find something.</summary>
    private int Available(Database database, long line, int sleepers)
    {
        if (line > 0 && !IsHeldHere(database, line))
            return sleepers; // to learn that their session is lost
        var messages = Count(database, "SELECT count(*) FROM (SELECT 1 FROM sb_messages WHERE line = ? AND state = 0 LIMIT ?)", line, sleepers);
        return line > 0 || messages > 0
            ? messages
            : Count(database, "SELECT count(*) FROM (SELECT 1 FROM sb_sessions WHERE entity = ? AND ticket IS NOT NULL LIMIT ?)", Keys.Entity(-line), sleepers);
    }

    private bool IsHeldHere(Database database, long session)
    {
        using var rows = database.Query("SELECT owner FROM sb_sessions WHERE id = ?", session);
        return rows.Read() && rows.TextOrNull(0) is { } owner && Broker.ProcessOf(owner) == store.Processes.Id;
    }

    private static int Count(Database database, string sql, long of, int most)
    {
        using var rows = database.Query(sql, of, most);
        return rows.Read() ? rows.Int32(0) : 0;
    }
}
