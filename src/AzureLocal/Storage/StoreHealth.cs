namespace AzureLocal.Storage;

/// <summary>
/// Whether the file may still be trusted. Once SQLite has found it damaged, or it is gone from its directory, nothing is read or written any more
/// until the process starts anew: what would be acknowledged from then on could not be kept, and a damaged file takes more damage from each write.
/// </summary>
internal sealed class StoreHealth(string file)
{
    private readonly TaskCompletionSource<StoreException> damaged = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Completes with the damage when there is any.</summary>
    public Task<StoreException> Damaged => damaged.Task;

    public void ThrowIfDamaged()
    {
        if (damaged.Task.IsCompleted)
            throw damaged.Task.Result;
    }

    /// <summary>
    /// Before each group: a file that was deleted under a running process takes writes as before, and all of them are gone with the process. The look
    /// costs 2 µs, the commit after it 200.
    /// </summary>
    public void ThrowIfGone()
    {
        ThrowIfDamaged();
        if (!File.Exists(file))
            Note(new StoreException(SQLitePCL.raw.SQLITE_CORRUPT, $"{file} was deleted while the app ran"));
        ThrowIfDamaged();
    }

    public void Note(StoreException failure)
    {
        if (failure.IsDamage)
            damaged.TrySetResult(new StoreException(failure.Code, $"{file} is damaged, so nothing is kept in it any more ({failure.Message})"));
    }
}
