using Azure.Messaging.ServiceBus;
using AzureLocal.Storage;

namespace AzureLocal.ServiceBus;

/// <summary>The broker in a store. All clients of a process share one; other processes have theirs, over the same file.</summary>
internal sealed class Broker : IBroker, IDisposable
{
    private readonly Store store;
    private readonly WaitLists waiters;
    private readonly Watch watch;
    private readonly Task opened;
    private long locks;
    private long completed;
    private int connections;

    private Broker(Store store, TimeProvider time)
    {
        this.store = store;
        Time = time;
        waiters = new WaitLists(time);
        watch = new Watch(this, store, waiters);
        opened = OpenAsync();
    }

    public OperationCounts Operations { get; } = new();

    public TimeProvider Time { get; }

    internal WaitLists Waiters => waiters;

    /// <summary>The broker of this store, made at the first call with this time.</summary>
    public static Broker Of(Store store, TimeProvider time) => store.Part(store => new Broker(store, time));

    /// <summary>The process of a connection id, which is <c>{process}/{number}</c>.</summary>
    public static string ProcessOf(string connection) => connection[..connection.LastIndexOf('/')];

    public IBrokerConnection Connect() => new BrokerConnection(this, $"{store.Processes.Id}/{Interlocked.Increment(ref connections)}");

    public Task<EntityInfo> CreateEntityAsync(EntitySettings settings, IReadOnlyList<Rule> rules, CancellationToken cancellation)
    {
        Administering.Check(settings);
        return WriteAsync(transaction => Administering.Create(transaction, settings, rules), cancellation);
    }

    public Task<EntityInfo> UpdateEntityAsync(EntitySettings settings, CancellationToken cancellation)
    {
        Administering.Check(settings);
        return WriteAsync(transaction => Administering.Update(transaction, settings), cancellation);
    }

    public Task DeleteEntityAsync(string path, CancellationToken cancellation) =>
        WriteAsync(transaction => Administering.Delete(transaction, path), cancellation);

    public async Task<EntityInfo?> FindEntityAsync(string path, CancellationToken cancellation)
    {
        // Scheduled messages whose time has come, and expired ones, are counted as what they are.
        if (await ReadAsync(DueWork.Next) <= Time.GetUtcNow().UtcTicks)
            await WriteAsync(static transaction => { DueWork.Run(transaction, DueWork.StepsPerCall); return true; }, cancellation);
        return await ReadAsync(database => Entity.Load(database, path)?.ToInfo());
    }

    public Task CreateRuleAsync(string subscription, Rule rule, CancellationToken cancellation) =>
        WriteAsync(transaction => Administering.CreateRule(transaction, subscription, rule), cancellation);

    public Task DeleteRuleAsync(string subscription, string name, CancellationToken cancellation) =>
        WriteAsync(transaction => Administering.DeleteRule(transaction, subscription, name), cancellation);

    public Task SetRulesAsync(string subscription, IReadOnlyList<Rule> rules, CancellationToken cancellation) =>
        WriteAsync(transaction => Administering.SetRules(transaction, subscription, rules), cancellation);

    public void Dispose() => watch.Dispose();

    /// <summary>One operation, durable when it is answered; those whom it concerns are woken after that.</summary>
    /// <exception cref="ServiceBusException">The store could not keep it: to whoever calls, a service that cannot answer now.</exception>
    internal async Task<T> WriteAsync<T>(Func<Transaction, T> work, CancellationToken cancellation)
    {
        try
        {
            if (!opened.IsCompletedSuccessfully)
                await opened;
            return await store.WriteAsync(
                database =>
                {
                    var transaction = Begin(database);
                    var result = work(transaction);
                    transaction.Finish();
                    if (transaction.HasEffects)
                        database.AfterCommit(() => Apply(transaction));
                    return result;
                },
                cancellation);
        }
        catch (StoreException failure)
        {
            throw Errors.StoreFailed(failure);
        }
    }

    /// <exception cref="ServiceBusException">The store could not be read.</exception>
    internal async Task<T> ReadAsync<T>(Func<Database, T> work)
    {
        try
        {
            if (!opened.IsCompletedSuccessfully)
                await opened;
            return store.Read(work);
        }
        catch (StoreException failure)
        {
            throw Errors.StoreFailed(failure);
        }
    }

    /// <summary>A dead process is a dropped connection: what it had locked is free at once, its deliveries having failed.</summary>
    internal async Task FreeDeadProcessesAsync()
    {
        try
        {
            var dead = store.Read(DueWork.Owners).Select(ProcessOf).Distinct().Where(process => !store.Processes.IsAlive(process)).ToHashSet();
            if (dead.Count > 0)
                await store.WriteAsync(database => FreeDead(database, dead));
        }
        catch (Exception failure) when (failure is StoreException or ObjectDisposedException or IOException)
        {
            // The store is being closed, or its disk is in trouble, which every other call reports. The next check tries again.
        }
    }

    private async Task OpenAsync()
    {
        await store.WriteAsync(static database =>
        {
            Schema.Create(database);
            Hands.Clear(database);
        });
        await FreeDeadProcessesAsync();
    }

    private void FreeDead(Database database, HashSet<string> dead)
    {
        var transaction = Begin(database);
        DueWork.Free(transaction, owner => dead.Contains(ProcessOf(owner)), isFailure: true);
        transaction.Finish();
        database.AfterCommit(() => Apply(transaction));
    }

    private void Apply(Transaction transaction)
    {
        if (transaction.OthersFirst && !watch.IsAlone)
            _ = ApplyLaterAsync(transaction);
        else
            transaction.Apply(waiters);
        if (transaction.Due != long.MaxValue)
            watch.ActAt(transaction.Due);
    }

    /// <summary>
    /// Woken at once, the process that has just given a session back (a drained one does) would take it again before another has seen that it is free, each time.
    /// </summary>
    private async Task ApplyLaterAsync(Transaction transaction)
    {
        await Task.Delay(Watch.OthersSeeWithin, Time);
        transaction.Apply(waiters);
    }

    private Transaction Begin(Database database) =>
        new(database, Time.GetUtcNow().UtcTicks, NextLock, () => Interlocked.Increment(ref completed));

    private long NextLock() => Interlocked.Increment(ref locks);
}
