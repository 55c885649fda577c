using Azure.Messaging.ServiceBus;
using AzureLocal.Storage;

namespace AzureLocal.ServiceBus;

/// <summary>
/// What wakes sleepers when no send of this process does: the next thing that falls due, by a timer set to that moment; and the other
/// processes of the data directory, by a look at the store's commit version every 20 ms. The look takes 5 µs, but the waking of a thread
/// for it 50 times a second costs 3 % of a core, so it is taken less often after some quiet seconds, and in a process that is alone only
/// to see whether it still is. Both rest while nobody sleeps.
/// </summary>
internal sealed class Watch : IDisposable
{
    private static readonly TimeSpan Busy = TimeSpan.FromMilliseconds(20);
    private static readonly TimeSpan Quiet = TimeSpan.FromMilliseconds(100);

    /// <summary>What this process commits, the receivers of others have seen by then: two of their looks.</summary>
    public static readonly TimeSpan OthersSeeWithin = Quiet * 2;

    private static readonly TimeSpan Alone = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan LookForOthersEvery = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan TryAgainAfter = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan LongestTimer = TimeSpan.FromHours(1);
    private const int PollsUntilQuiet = 250; // 5 s

    private readonly Broker broker;
    private readonly Store store;
    private readonly WaitLists waiters;
    private readonly Lock gate = new();
    private readonly ITimer dueTimer;
    private readonly ITimer? pollTimer;
    private bool isWatching;
    private bool isClosed;
    private long armedFor = long.MaxValue;
    private volatile bool isAlone = true;
    private long lastVersion;
    private long lastLook;
    private int pollsWithoutChange;
    private TimeSpan pace;
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

    /// <summary>As of the last look, which is a second old at most while somebody sleeps.</summary>
    public bool IsAlone => isAlone;

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
            pace = isAlone ? Alone : Busy;
            pollTimer?.Change(Busy, pace); // a process that has just come is not to learn late that there are others
        }
        try
        {
            ActAt(store.Read(DueWork.Next));
        }
        catch (StoreException)
        {
            ActAt((broker.Time.GetUtcNow() + TryAgainAfter).UtcTicks);
        }
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
        catch (ServiceBusException)
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
            if (isAlone || broker.Time.GetElapsedTime(lastLook) >= LookForOthersEvery)
                LookForOthers();
            var version = store.CommitVersion();
            pollsWithoutChange = version == lastVersion ? pollsWithoutChange + 1 : 0;
            if (version != lastVersion && !isAlone)
                WakeForOthers();
            lastVersion = version;
            SetPace();
        }
        catch (Exception failure) when (failure is StoreException or ObjectDisposedException or IOException)
        {
            // The next poll tries again.
        }
        finally
        {
            Volatile.Write(ref polling, 0);
        }
    }

    private void LookForOthers()
    {
        lastLook = broker.Time.GetTimestamp();
        _ = broker.FreeDeadProcessesAsync();
        var wasAlone = isAlone;
        isAlone = !store.Processes.HasOthers();
        if (wasAlone != isAlone)
            lastVersion = -1;
    }

    private void SetPace()
    {
        var wanted = isAlone ? Alone : pollsWithoutChange > PollsUntilQuiet ? Quiet : Busy;
        lock (gate)
        {
            if (wanted == pace || !isWatching || isClosed)
                return;
            pace = wanted;
            pollTimer?.Change(pace, pace);
        }
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
        var messages = Count(database, $"SELECT count(*) FROM (SELECT 1 FROM sb_messages m WHERE m.line = ? AND m.state = 0 AND {Hands.NotTaken} LIMIT ?)", line, sleepers);
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
