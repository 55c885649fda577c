namespace AzureLocal.Storage;

internal interface IWriter : IDisposable
{
    Task<T> WriteAsync<T>(Func<Database, T> work, CancellationToken cancellation);
}

/// <summary>
/// One thread that takes everything that waits into one transaction: an fsync costs 0.2 ms whether it carries one change or
/// a thousand. Beside it AzureLocal starts only <see cref="Checkpoints"/>'s thread; a store in memory has none (<see cref="InlineWriter"/>).
/// </summary>
internal sealed class GroupCommit : IWriter
{
    /// <summary>Callers beyond this wait for a place: the bound on what can pile up before a slow disk.</summary>
    private const int MaxWaiting = 8_192;

    /// <summary>The most operations in one transaction, so that the first of them does not wait long for the last.</summary>
    private const int MaxGroup = 512;

    private readonly Database database;
    private readonly StoreHealth health;
    private readonly Checkpoints checkpoints;
    private readonly SemaphoreSlim places = new(MaxWaiting);
    private readonly Lock gate = new();
    private readonly Queue<Operation> waiting = new();
    private readonly AutoResetEvent arrived = new(false);
    private readonly Thread thread;
    private bool closed;

    public GroupCommit(Database database, StoreHealth health, Checkpoints checkpoints)
    {
        (this.database, this.health, this.checkpoints) = (database, health, checkpoints);
        thread = new Thread(Loop) { IsBackground = true, Name = "weir-store-writer" };
        thread.Start();
    }

    public Task<T> WriteAsync<T>(Func<Database, T> work, CancellationToken cancellation)
    {
        if (cancellation.IsCancellationRequested)
            return Task.FromCanceled<T>(cancellation);
        return places.Wait(0, CancellationToken.None) ? Enqueue(work) : WaitForPlaceAsync(work, cancellation);
    }

    private async Task<T> WaitForPlaceAsync<T>(Func<Database, T> work, CancellationToken cancellation)
    {
        await places.WaitAsync(cancellation);
        return await Enqueue(work);
    }

    /// <summary>The place is given back by the commit.</summary>
    private Task<T> Enqueue<T>(Func<Database, T> work)
    {
        var operation = new Operation<T>(work);
        bool isFirst;
        lock (gate)
        {
            if (closed)
                return Task.FromException<T>(new ObjectDisposedException(nameof(Store)));
            isFirst = waiting.Count == 0;
            waiting.Enqueue(operation);
        }
        if (isFirst)
            arrived.Set(); // those behind it are found with it
        return operation.Task;
    }

    /// <summary>Commits what still waits, then stops. Whatever is asked later gets an ObjectDisposedException.</summary>
    public void Dispose()
    {
        lock (gate)
        {
            if (closed)
                return;
            closed = true;
        }
        arrived.Set();
        thread.Join();
        checkpoints.Dispose();
        database.Dispose();
        arrived.Dispose();
    }

    private void Loop()
    {
        var group = new List<Operation>(MaxGroup);
        while (true)
        {
            bool last;
            lock (gate)
            {
                while (group.Count < MaxGroup && waiting.TryDequeue(out var operation))
                    group.Add(operation);
                last = closed && group.Count == 0;
            }
            if (last)
                return;
            if (group.Count == 0)
            {
                arrived.WaitOne();
                continue;
            }
            Commit(group);
            places.Release(group.Count);
            group.Clear();
            checkpoints.AfterCommit(database);
        }
    }

    private void Commit(List<Operation> group)
    {
        try
        {
            health.ThrowIfGone();
            while (!TryCommit(group)) { }
        }
        catch (Exception failure)
        {
            if (failure is StoreException ofStore)
                health.Note(ofStore);
            // The disk or the file failed, not an operation: nobody's change is kept, everybody is told.
            foreach (var operation in group)
                operation.Fail(failure);
        }
    }

    /// <summary>
    /// False when the group was rolled back because one of its operations failed after changing rows: that one is then out of it
    /// and the rest is to run again, so the loop ends after as many rounds as there are operations.
    /// </summary>
    private bool TryCommit(List<Operation> group)
    {
        LockRetry.Run(() => database.Execute("BEGIN IMMEDIATE"));
        try
        {
            foreach (var operation in group)
            {
                if (operation.HasFailed)
                    continue;
                var changes = database.TotalChanges;
                var wakes = database.CountAfterCommit();
                operation.Run(database);
                if (!operation.HasFailed)
                    continue;
                operation.ThrowIfOfStore();
                database.ForgetAfterCommit(wakes);
                if (database.TotalChanges == changes)
                    continue;
                RollBack();
                return false;
            }
            database.Commit();
        }
        catch
        {
            RollBack();
            throw;
        }
        var actions = database.TakeAfterCommit();
        foreach (var operation in group)
            operation.Finish();
        foreach (var action in actions ?? [])
            action();
        return true;
    }

    private void RollBack()
    {
        try
        {
            database.RollBack();
        }
        catch (StoreException)
        {
            // SQLite has already rolled back by itself (disk full, I/O error): https://sqlite.org/lang_transaction.html
        }
    }

    private abstract class Operation
    {
        protected Exception? failure;

        public bool HasFailed => failure is not null;

        /// <summary>A full disk, say, may have rolled back what the group did so far: nothing of it may be committed then.</summary>
        public void ThrowIfOfStore()
        {
            if (failure is StoreException { IsOfStore: true } ofStore)
                throw ofStore;
        }

        public abstract void Run(Database database);

        public abstract void Finish();

        public abstract void Fail(Exception cause);
    }

    private sealed class Operation<T>(Func<Database, T> work) : Operation
    {
        private readonly TaskCompletionSource<T> completion = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private T? result;

        public Task<T> Task => completion.Task;

        public override void Run(Database database)
        {
            try
            {
                result = work(database);
            }
            catch (Exception cause)
            {
                failure = cause;
            }
        }

        public override void Finish()
        {
            if (failure is null)
                completion.SetResult(result!);
            else
                completion.SetException(failure);
        }

        public override void Fail(Exception cause) => completion.TrySetException(failure ?? cause);
    }
}
