namespace AzureLocal.Storage;

/// <summary>The writer of a store in memory: each operation is a transaction of its own, on the calling thread.</summary>
internal sealed class InlineWriter(Database database) : IWriter
{
    private readonly Lock gate = new();

    public Task<T> WriteAsync<T>(Func<Database, T> work, CancellationToken cancellation)
    {
        if (cancellation.IsCancellationRequested)
            return Task.FromCanceled<T>(cancellation);

        T result;
        List<Action>? actions;
        lock (gate)
        {
            database.Execute("BEGIN");
            try
            {
                result = work(database);
                database.Commit();
                actions = database.TakeAfterCommit();
            }
            catch (Exception failure)
            {
                database.RollBack();
                return Task.FromException<T>(failure);
            }
        }
        foreach (var action in actions ?? [])
            action();
        return Task.FromResult(result);
    }

    public T Read<T>(Func<Database, T> work)
    {
        lock (gate)
            return work(database);
    }

    public void Dispose() => database.Dispose();
}
