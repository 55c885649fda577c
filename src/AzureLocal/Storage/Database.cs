using SQLitePCL;

namespace AzureLocal.Storage;

/// <summary>
/// One SQLite connection with its prepared statements, which are kept for its life: SQL texts are constants, so their number
/// is bounded by the code. Not thread-safe: <see cref="Store"/> hands it to one caller at a time.
/// </summary>
internal sealed class Database : IDisposable
{
    private const int EnableStablePlans = 1007; // SQLITE_DBCONFIG_ENABLE_QPSG

    private const int CacheWrite = 9; // SQLITE_DBSTATUS_CACHE_WRITE

    private const int NoCheckpointOnClose = 1006; // SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE

    private readonly sqlite3 connection;
    private readonly Dictionary<string, sqlite3_stmt> statements = new(StringComparer.Ordinal);
    private readonly Dictionary<Type, TransactionState> states = [];
    private List<Action>? afterCommit;

    static Database() => Batteries_V2.Init();

    private Database(sqlite3 connection) => this.connection = connection;

    /// <summary>Rows changed by this connection since it was opened.</summary>
    public int TotalChanges => raw.sqlite3_total_changes(connection);

    /// <summary>Pages written by this connection since the last <see cref="ForgetPagesWritten"/>.</summary>
    public int PagesWritten => raw.sqlite3_db_status(connection, CacheWrite, out var pages, out _, 0) == raw.SQLITE_OK ? pages : 0;

    public long LastInsertRowId => raw.sqlite3_last_insert_rowid(connection);

    public static Database Open(string file)
    {
        var code = raw.sqlite3_open_v2(file, out var connection, raw.SQLITE_OPEN_READWRITE | raw.SQLITE_OPEN_CREATE | raw.SQLITE_OPEN_NOMUTEX, null);
        if (code != raw.SQLITE_OK)
        {
            connection?.Dispose();
            throw new StoreException(code, $"cannot open {file}");
        }
        raw.sqlite3_extended_result_codes(connection, 1);
        // Otherwise SQLite plans a query anew whenever a bound value changes that could matter to the plan, for instance one that is
        // compared with a column of a partial index: 100 µs instead of 2 for each of them.
        raw.sqlite3_db_config(connection, EnableStablePlans, 1, out _);
        return new Database(connection);
    }

    /// <summary>The last connection to close would move the log into the file and delete it: not when both are evidence.</summary>
    public void LeaveLogOnClose() => raw.sqlite3_db_config(connection, NoCheckpointOnClose, 1, out _);

    /// <summary>Runs one statement to its end and returns the number of rows that it changed.</summary>
    public int Execute(string sql, params ReadOnlySpan<Value> parameters)
    {
        var statement = Prepare(sql, parameters);
        try
        {
            int code;
            while ((code = raw.sqlite3_step(statement)) == raw.SQLITE_ROW) { }
            if (code != raw.SQLITE_DONE)
                throw Failure(code, sql);
            return raw.sqlite3_changes(connection);
        }
        finally
        {
            raw.sqlite3_reset(statement);
        }
    }

    /// <summary>Starts a query. Read it to its end or dispose of it before the same SQL text is used again.</summary>
    public Rows Query(string sql, params ReadOnlySpan<Value> parameters) => new(this, Prepare(sql, parameters), sql);

    /// <summary>Runs a script of several statements (schema, pragmas): not prepared, not kept.</summary>
    public void Script(string sql)
    {
        var code = raw.sqlite3_exec(connection, sql);
        if (code != raw.SQLITE_OK)
            throw Failure(code, sql);
    }

    public void ForgetPagesWritten() => raw.sqlite3_db_status(connection, CacheWrite, out _, out _, 1);

    /// <summary>Moves what it can of the log into the file, waiting for nobody.</summary>
    public void MoveLog()
    {
        var code = raw.sqlite3_wal_checkpoint_v2(connection, "main", raw.SQLITE_CHECKPOINT_PASSIVE, out _, out _);
        if (code != raw.SQLITE_OK)
            throw Failure(code, "a checkpoint");
    }

    /// <summary>Whether the file is sound, as far as <c>PRAGMA quick_check</c> sees: what it finds first, "" when that is nothing, null when the time was over before.</summary>
    public string? Check(TimeSpan limit, int stepsBetweenLooks)
    {
        var start = TimeProvider.System.GetTimestamp();
        raw.sqlite3_progress_handler(connection, stepsBetweenLooks, _ => TimeProvider.System.GetElapsedTime(start) > limit ? 1 : 0, null);
        try
        {
            using var rows = Query("PRAGMA quick_check(1)");
            return rows.Read() && rows.Text(0) is not "ok" and var damage ? damage.ReplaceLineEndings(" ") : "";
        }
        catch (StoreException late) when (late.Code == raw.SQLITE_INTERRUPT)
        {
            return null;
        }
        finally
        {
            raw.sqlite3_progress_handler(connection, 0, null, null);
        }
    }

    /// <summary>Registers what to do once the transaction under way is durable: to wake those who wait for its effect.</summary>
    public void AfterCommit(Action action) => (afterCommit ??= []).Add(action);

    /// <summary>What the operations of the transaction under way share of this kind. An operation that fails must leave it as it was, or have changed rows too.</summary>
    public T State<T>() where T : TransactionState, new()
    {
        if (states.TryGetValue(typeof(T), out var known))
            return (T)known;
        var state = new T();
        states.Add(typeof(T), state);
        return state;
    }

    /// <summary>Makes what the transaction did durable.</summary>
    public void Commit()
    {
        foreach (var state in states.Values)
            state.Flush(this);
        Execute("COMMIT");
        states.Clear();
    }

    /// <summary>Undoes what the transaction did, and forgets what was to follow from it.</summary>
    public void RollBack()
    {
        states.Clear();
        TakeAfterCommit();
        Execute("ROLLBACK");
    }

    public void Dispose()
    {
        foreach (var statement in statements.Values)
            statement.Dispose();
        connection.Dispose();
    }

    internal List<Action>? TakeAfterCommit()
    {
        var actions = afterCommit;
        afterCommit = null;
        return actions;
    }

    internal int CountAfterCommit() => afterCommit?.Count ?? 0;

    internal void ForgetAfterCommit(int from) => afterCommit?.RemoveRange(from, afterCommit.Count - from);

    internal StoreException Failure(int code, string sql) => new(code, $"{raw.sqlite3_errmsg(connection).utf8_to_string()} in: {sql}");

    private sqlite3_stmt Prepare(string sql, ReadOnlySpan<Value> parameters)
    {
        if (!statements.TryGetValue(sql, out var statement))
        {
            var code = raw.sqlite3_prepare_v3(connection, sql, raw.SQLITE_PREPARE_PERSISTENT, out statement);
            if (code != raw.SQLITE_OK)
                throw Failure(code, sql);
            statements.Add(sql, statement);
        }
        for (var i = 0; i < parameters.Length; i++)
            parameters[i].Bind(statement, i + 1);
        return statement;
    }
}

/// <summary>The rows of a query. <see cref="Read"/> moves to the next; the getters read the current one, columns from 0.</summary>
internal ref struct Rows(Database database, sqlite3_stmt statement, string sql)
{
    public readonly bool Read()
    {
        var code = raw.sqlite3_step(statement);
        if (code == raw.SQLITE_ROW)
            return true;
        if (code != raw.SQLITE_DONE)
            throw database.Failure(code, sql);
        return false;
    }

    public readonly bool IsNull(int column) => raw.sqlite3_column_type(statement, column) == raw.SQLITE_NULL;

    public readonly long Int64(int column) => raw.sqlite3_column_int64(statement, column);

    public readonly long? Int64OrNull(int column) => IsNull(column) ? null : Int64(column);

    public readonly int Int32(int column) => (int)Int64(column);

    public readonly double Double(int column) => raw.sqlite3_column_double(statement, column);

    public readonly bool Boolean(int column) => Int64(column) != 0;

    public readonly string Text(int column) => raw.sqlite3_column_text(statement, column).utf8_to_string();

    public readonly string? TextOrNull(int column) => IsNull(column) ? null : Text(column);

    public readonly byte[] Blob(int column) => raw.sqlite3_column_blob(statement, column).ToArray();

    public readonly byte[]? BlobOrNull(int column) => IsNull(column) ? null : Blob(column);

    public readonly void Dispose() => raw.sqlite3_reset(statement);
}
