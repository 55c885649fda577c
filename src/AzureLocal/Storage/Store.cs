using System.Collections.Concurrent;

namespace AzureLocal.Storage;

/// <summary>
/// The SQLite file of one data directory (or of memory), which tables, broker and orchestration history share.
/// Writes go through one <see cref="GroupCommit"/>, so that whatever waits shares one fsync; reads run on the caller, on
/// connections of their own, and see the last commit. What <see cref="WriteAsync"/> has answered survives kill -9 and power
/// loss (WAL, synchronous=FULL). Several processes may open one directory.
/// </summary>
internal sealed class Store : IDisposable
{
    private const string Pragmas = """
        PRAGMA journal_mode = WAL;
        PRAGMA synchronous = FULL;
        PRAGMA wal_autocheckpoint = 64000; -- four times Checkpoints.Pages
        PRAGMA cache_size = -8192;
        PRAGMA temp_store = MEMORY;
        """;

    private static readonly Lock OpenStores = new();
    private static readonly Dictionary<string, Store> ByDirectory = new(StringComparer.Ordinal);

    private readonly ConcurrentBag<Database> readers = [];
    private readonly ConcurrentDictionary<Type, Lazy<object>> parts = new();
    private readonly IWriter writer;
    private readonly string? file;
    private readonly StoreHealth? health;
    private Database? watcher;
    private int users = 1;

    private Store(string? file, IWriter writer, ProcessRegistry processes, StoreHealth? health = null)
    {
        this.file = file;
        this.writer = writer;
        this.health = health;
        Processes = processes;
    }

    /// <summary>Completes when the file turns out to be damaged, or is gone: every call fails from then on. A store in memory has no file.</summary>
    public Task<StoreException>? Damaged => health?.Damaged;

    /// <summary>False when the file was too large for the check at the start to come to its end.</summary>
    public bool IsWholeChecked { get; private init; } = true;

    /// <summary>Who else uses this directory, and who of them is dead.</summary>
    public ProcessRegistry Processes { get; }

    /// <summary>The directory, or null for a store in memory.</summary>
    public string? Directory => file is null ? null : Path.GetDirectoryName(file);

    /// <summary>
    /// Opens the store of a data directory, made if it is missing. Opened again in the same process, it is the same store,
    /// closed by the last <see cref="Dispose"/>.
    /// </summary>
    /// <exception cref="StoreRefusedException">It cannot be used as it is.</exception>
    public static Store Open(string directory)
    {
        var path = Path.GetFullPath(directory);
        lock (OpenStores)
        {
            if (ByDirectory.TryGetValue(path, out var known))
            {
                known.users++;
                return known;
            }
            var store = OpenFirst(path);
            ByDirectory.Add(path, store);
            return store;
        }
    }

    private static Store OpenFirst(string path)
    {
        ProcessRegistry? processes = null;
        try
        {
            System.IO.Directory.CreateDirectory(path);
            processes = ProcessRegistry.Register(path);
            var file = new DataFile(path);
            var health = new StoreHealth(file.Path);
            var writer = new GroupCommit(file.Open(OpenDatabase, () => !processes.HasOthers()), health, new Checkpoints(OpenDatabase(file.Path)));
            return new Store(file.Path, writer, processes, health) { IsWholeChecked = file.IsWholeChecked };
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException or StoreRefusedException)
        {
            processes?.Dispose();
            throw failure as StoreRefusedException ?? DataFile.Unusable(path, failure);
        }
    }

    /// <summary>A store in memory, which does everything on the calling thread, in the order it is asked: for simulation and tests.</summary>
    public static Store InMemory() => new(null, new InlineWriter(Database.Open(":memory:")), ProcessRegistry.Alone());

    /// <summary>
    /// The one instance of <typeparamref name="T"/> that all users of this store in this process share (a broker, say), made
    /// at the first call and, if it is disposable, disposed with the store.
    /// </summary>
    public T Part<T>(Func<Store, T> make) where T : class =>
        (T)parts.GetOrAdd(typeof(T), _ => new Lazy<object>(() => make(this))).Value;

    /// <summary>
    /// Runs <paramref name="work"/> in a transaction that it shares with whatever else waits, and completes when that is durable.
    /// If it throws, nothing of it is kept and the caller gets the exception. It must do nothing but use the database: when a
    /// neighbour in the group fails after it had changed rows, the group is rolled back and <paramref name="work"/> runs again.
    /// </summary>
    public Task<T> WriteAsync<T>(Func<Database, T> work, CancellationToken cancellation = default) => writer.WriteAsync(work, cancellation);

    /// <inheritdoc cref="WriteAsync{T}"/>
    public Task WriteAsync(Action<Database> work, CancellationToken cancellation = default) =>
        writer.WriteAsync(database => { work(database); return true; }, cancellation);

    /// <summary>Reads what is committed. Short work only: it runs on the calling thread.</summary>
    public T Read<T>(Func<Database, T> work)
    {
        if (file is null)
            return ((InlineWriter)writer).Read(work);

        health!.ThrowIfDamaged();
        if (!readers.TryTake(out var reader))
            reader = OpenDatabase(file);
        try
        {
            return work(reader);
        }
        catch (StoreException failure)
        {
            health.Note(failure);
            throw;
        }
        finally
        {
            readers.Add(reader);
        }
    }

    /// <summary>
    /// A number that changes whenever anybody, in this process or another, has committed. It costs no disk access: made to be
    /// polled by those who wait for what another process does.
    /// </summary>
    public long CommitVersion()
    {
        if (file is null)
            return Read(static database => database.TotalChanges);

        // data_version tells one connection about the commits of all others, so it must always be asked on the same one.
        lock (readers)
        {
            watcher ??= OpenDatabase(file);
            using var rows = watcher.Query("PRAGMA data_version");
            return rows.Read() ? rows.Int64(0) : 0;
        }
    }

    public void Dispose()
    {
        lock (OpenStores)
        {
            if (--users > 0)
                return;
            if (Directory is { } directory)
                ByDirectory.Remove(directory);
        }
        foreach (var part in parts.Values)
            (part.Value as IDisposable)?.Dispose();
        writer.Dispose();
        while (readers.TryTake(out var reader))
            reader.Dispose();
        watcher?.Dispose();
        Processes.Dispose();
    }

    private static Database OpenDatabase(string file)
    {
        var database = Database.Open(file);
        try
        {
            // Two processes that start at once both ask for WAL; the second finds the file locked for a moment.
            LockRetry.Run(() => database.Script(Pragmas));
            return database;
        }
        catch
        {
            database.Dispose();
            throw;
        }
    }
}
