namespace AzureLocal.Storage;

/// <summary>SQLite refused. <see cref="Code"/> is its (extended) result code, https://sqlite.org/rescode.html.</summary>
internal sealed class StoreException(int code, string what) : Exception($"SQLite error {code}: {what}")
{
    public int Code { get; } = code;

    /// <summary>A unique or primary key is taken: SQLITE_CONSTRAINT (19) with any of its extensions.</summary>
    public bool IsConstraint => (Code & 0xff) == SQLitePCL.raw.SQLITE_CONSTRAINT;

    /// <summary>Another process holds the lock: SQLITE_BUSY (5) or SQLITE_LOCKED (6).</summary>
    public bool IsBusy => (Code & 0xff) is SQLitePCL.raw.SQLITE_BUSY or SQLitePCL.raw.SQLITE_LOCKED;
}
