namespace AzureLocal.Storage;

/// <summary>
/// Waits for another process to let go of the file. SQLite's own busy handler sleeps up to 100 ms between tries, in which a
/// busy neighbour commits hundreds of times; half a millisecond shares the file about evenly.
/// </summary>
internal static class LockRetry
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(0.5);
    private const int MaxTries = 60_000; // 30 s and more: a checkpoint of a large log may take seconds

    /// <exception cref="StoreException">The file stayed locked, or SQLite refused for another reason.</exception>
    public static void Run(Action action)
    {
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                action();
                return;
            }
            catch (StoreException busy) when (busy.IsBusy && attempt < MaxTries)
            {
                using var never = new ManualResetEventSlim();
                never.Wait(Pause);
            }
        }
    }
}
