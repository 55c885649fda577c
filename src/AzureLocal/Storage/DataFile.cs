using System.Globalization;

namespace AzureLocal.Storage;

/// <summary>
/// The look at a data directory before it is used: that its file is still there, whole, and of this build's version. Whatever is wrong stops the start with
/// the file's name and what to do, and is left as it is: SQLite by itself would make a missing or emptied file anew, and every job in it would be gone without a word.
/// </summary>
internal sealed class DataFile(string directory)
{
    /// <summary>Raised when a build could not read what an older one wrote, or the other way round. In the file it is <c>PRAGMA user_version</c>.</summary>
    public const int Version = 2;

    private static readonly string SetVersion = string.Create(CultureInfo.InvariantCulture, $"PRAGMA user_version = {Version}");

    private const string FileName = "weir.db";
    private const string NoteName = "weir.db.made";
    private const string Note = "weir.db in this directory holds jobs. This note tells a weir.db that was lost from one that was never made: keep it.\n";

    // A check reads the file once, about 0.4 GB a second from the page cache. It is cut off after this time: what it has not seen is found when it is used.
    private static readonly TimeSpan LongestCheck = TimeSpan.FromSeconds(3);
    private const int StepsBetweenLooks = 100_000; // of SQLite's machine: some milliseconds

    private readonly string note = System.IO.Path.Combine(directory, NoteName);

    public string Path { get; } = System.IO.Path.Combine(directory, FileName);

    private string Log => Path + "-wal";

    private bool HasLog => new FileInfo(Log) is { Exists: true, Length: > 0 };

    /// <summary>Whether the check at the start came to the file's end.</summary>
    public bool IsWholeChecked { get; private set; } = true;

    /// <summary>Opens the file for the first time in this process.</summary>
    /// <param name="open">Opens a connection.</param>
    /// <param name="isAlone">Whether no other process uses the directory: another one may be about to make the file, and has looked at its log.</param>
    /// <exception cref="StoreRefusedException">The file cannot be used.</exception>
    public Database Open(Func<string, Database> open, Func<bool> isAlone)
    {
        if (isAlone())
        {
            RefuseIfLost();
            RefuseIfCutOff();
            RefuseIfLogDamaged(isAlone);
        }
        try
        {
            var database = open(Path);
            try
            {
                var version = RefuseOtherVersion(database);
                Check(database);
                if (version != Version)
                    LockRetry.Run(() => database.Script(SetVersion));
                if (!File.Exists(note))
                    File.WriteAllText(note, Note);
                return database;
            }
            catch
            {
                database.LeaveLogOnClose();
                database.Dispose();
                throw;
            }
        }
        catch (StoreException failure)
        {
            throw failure.IsDamage ? Damaged(failure.Message, failure) : Unusable(directory, failure);
        }
    }

    public static StoreRefusedException Unusable(string directory, Exception cause) =>
        new($"The data directory {directory} cannot be used: {cause.Message.TrimEnd('.')}. It must be a directory that this user may write to, on a disk with free space. Choose another one with --data.", cause);

    private void RefuseIfLost()
    {
        var isThere = File.Exists(Path);
        if (isThere && new FileInfo(Path).Length > 0)
            return;
        if (File.Exists(note) || HasLog)
        {
            throw new StoreRefusedException(
                $"{Path} is {(isThere ? "empty" : "missing")}, though this directory has held jobs: they are lost if it cannot be brought back. Put back weir.db from a backup, or, to begin with no jobs, "
                + $"move the whole directory {directory} away. Nothing was changed. See {StoreRefusedException.Page}.");
        }
    }

    /// <summary>SQLite reads a page that is there in part as if its end were zeros. While there is a log, that may be what a power loss left of a checkpoint.</summary>
    private void RefuseIfCutOff()
    {
        var length = new FileInfo(Path) is { Exists: true } file ? file.Length : 0;
        if (length % 512 != 0 && !HasLog)
            throw Damaged($"it is cut off at {length} bytes, in the middle of a page", cause: null);
    }

    private void RefuseIfLogDamaged(Func<bool> isAlone)
    {
        // Asked twice: a process that came between would have been writing to it.
        if (HasLog && WriteAheadLog.HasCommitsBehindDamage(Log) && isAlone() && WriteAheadLog.HasCommitsBehindDamage(Log))
        {
            throw new StoreRefusedException(
                $"{Log} is damaged: commits that were acknowledged lie behind the damaged place, and would be dropped. Put back weir.db and weir.db-wal from a backup; or, to go on without what lies behind "
                + $"the damage, save what can be saved as {StoreRefusedException.Page} says. Nothing was changed.");
        }
    }

    private int RefuseOtherVersion(Database database)
    {
        using var rows = database.Query("PRAGMA user_version");
        var version = rows.Read() ? rows.Int32(0) : 0;
        if (version is not (0 or Version)) // 0 is a file that was just made, or one that was saved as .dump does it, which forgets the version
        {
            throw new StoreRefusedException(
                $"{Path} has data version {version}, this build reads and writes version {Version}. Start the build that made it, or choose another directory with --data. Nothing was changed.");
        }
        return version;
    }

    private void Check(Database database)
    {
        switch (database.Check(LongestCheck, StepsBetweenLooks))
        {
            case { Length: > 0 } damage:
                throw Damaged(damage, cause: null);
            case null:
                IsWholeChecked = false;
                break;
        }
    }

    private StoreRefusedException Damaged(string what, Exception? cause) => new(
        $"{Path} is damaged: {what}. Stop every process that uses {directory}, then put back weir.db from a backup, or save what can be saved with sqlite3: {StoreRefusedException.Page} says how. "
        + "Nothing was changed.", cause);
}
