namespace AzureLocal.Storage;

/// <summary>
/// Moves the log into the file beside the writer: some thousand pages to be copied and an fsync are 5 to 10 ms, in which nobody's write would be answered. The writer itself moves only
/// what it has written meanwhile; the log begins anew then. SQLite's own checkpoint, at four times the length, is left for a log that other processes write to as well.
/// </summary>
/// <param name="database">A connection of its own, opened at the start: one opened later would make the file anew if somebody had deleted it.</param>
internal sealed class Checkpoints(Database database) : IDisposable
{
    /// <summary>
    /// 64 MiB of log: a checkpoint then costs one write per hot page rather than one per change. Of a quarter of that there were two a second with 300 jobs, and each held up a few of them. After a kill
    /// the start reads it once, 0.2 s.
    /// </summary>
    public const int Pages = 16_000;

    private Thread? underWay;

    /// <summary>To be called by the writer between its transactions.</summary>
    public void AfterCommit(Database writer)
    {
        if (underWay is null)
        {
            if (writer.PagesWritten >= Pages)
                Begin();
            return;
        }
        if (underWay.IsAlive)
            return;
        underWay = null;
        Move(writer);
        writer.ForgetPagesWritten();
    }

    /// <summary>After the writer has ended.</summary>
    public void Dispose()
    {
        underWay?.Join();
        database.Dispose();
    }

    private void Begin()
    {
        underWay = new Thread(() => Move(database)) { IsBackground = true, Name = "weir-store-log" };
        underWay.Start();
    }

    private static void Move(Database database)
    {
        try
        {
            database.MoveLog();
        }
        catch (StoreException)
        {
            // Another process is at it, or the disk is full: what was not moved stays in the log, which is as good, and the next time comes.
        }
    }
}
