using SQLitePCL;

namespace AzureLocal.Storage;

/// <summary>SQLite refused. <see cref="Code"/> is its (extended) result code, https://sqlite.org/rescode.html.</summary>
internal sealed class StoreException(int code, string what) : Exception($"SQLite error {code}: {what}")
{
    public int Code { get; } = code;

    /// <summary>A unique or primary key is taken: SQLITE_CONSTRAINT (19) with any of its extensions.</summary>
    public bool IsConstraint => Kind == raw.SQLITE_CONSTRAINT;

    /// <summary>Another process holds the lock: SQLITE_BUSY (5) or SQLITE_LOCKED (6).</summary>
    public bool IsBusy => Kind is raw.SQLITE_BUSY or raw.SQLITE_LOCKED;

    /// <summary>What is in the file is not what was written: SQLITE_CORRUPT (11) or SQLITE_NOTADB (26).</summary>
    public bool IsDamage => Kind is raw.SQLITE_CORRUPT or raw.SQLITE_NOTADB;

    /// <summary>The disk, the file or the memory failed, and not the operation that met it: SQLite may have rolled back everything.</summary>
    public bool IsOfStore => IsDamage || Kind is raw.SQLITE_FULL or raw.SQLITE_IOERR or raw.SQLITE_NOMEM or raw.SQLITE_READONLY or raw.SQLITE_CANTOPEN;

    private int Kind => Code & 0xff;

    /// <summary>The failure of a store behind what an Azure client threw, if there is one.</summary>
    public static StoreException? Behind(Exception? failure)
    {
        while (failure is not null and not StoreException)
            failure = failure.InnerException;
        return failure as StoreException;
    }
}
