using AzureLocal.Storage;

namespace Contract.Tests.Storage;

/// <summary>What tables, broker and histories rely on in the store beneath them.</summary>
public sealed class StoreTests : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    private readonly string directory = Directory.CreateTempSubdirectory("weir-store-").FullName;
    private readonly Store store;

    public StoreTests()
    {
        store = Store.Open(directory);
        store.WriteAsync(static database => database.Script("CREATE TABLE numbers (n INTEGER PRIMARY KEY) STRICT")).Wait(Patience);
    }

    public void Dispose()
    {
        store.Dispose();
        Directory.Delete(directory, recursive: true);
    }

    [Fact]
    public async Task The_log_is_moved_into_the_file_while_it_is_written_to_and_begins_anew()
    {
        await store.WriteAsync(static database => database.Script("CREATE TABLE large (n INTEGER PRIMARY KEY, content BLOB) STRICT"));
        const int rows = 5_000; // sixteen pages each: 330 MB, five times the log
        var content = new byte[16 * 4_090];
        for (var from = 0; from < rows; from += 25)
        {
            var first = from;
            await store.WriteAsync(database =>
            {
                for (var n = first; n < first + 25; n++)
                    database.Execute("INSERT INTO large (n, content) VALUES (?, ?)", n, content);
            });
        }

        var log = new FileInfo(Path.Combine(directory, "weir.db-wal")).Length;
        Assert.InRange(log, 1, 3L * Checkpoints.Pages * 4_096);
        Assert.Equal(rows, store.Read(static database => Count(database)));

        static long Count(Database database)
        {
            using var counted = database.Query("SELECT count(*) FROM large");
            return counted.Read() ? counted.Int64(0) : 0;
        }
    }

    [Fact]
    public async Task A_failing_operation_does_not_hurt_its_neighbours_in_the_group()
    {
        var outcomes = await AsOneGroupAsync(
            Insert(1),
            database =>
            {
                Insert(2)(database);
                throw new InvalidOperationException("after a change");
            },
            Insert(3),
            static _ => throw new InvalidOperationException("before any change"),
            Insert(4),
            Insert(1));

        Assert.Equal(["done", "after a change", "done", "before any change", "done", "constraint"], outcomes);
        Assert.Equal([1, 3, 4], Numbers(store));
    }

    [Fact]
    public async Task What_is_to_run_after_the_commit_runs_once_and_only_for_what_is_committed()
    {
        var ran = new List<string>();
        Action<Database> Waking(string name, Action<Database> work) => database =>
        {
            database.AfterCommit(() => ran.Add($"{name} sees {Numbers(store).Count}"));
            work(database);
        };
        await AsOneGroupAsync(
            Waking("first", Insert(1)),
            Waking("failed late", static database =>
            {
                Insert(2)(database);
                throw new InvalidOperationException();
            }),
            Waking("failed early", static _ => throw new InvalidOperationException()),
            Waking("last", Insert(3)));
        await store.WriteAsync(static _ => { });

        Assert.Equal(["first sees 2", "last sees 2"], ran);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_read_sees_the_last_commit_and_nothing_of_what_failed(bool inMemory)
    {
        using var other = inMemory ? Store.InMemory() : Store.Open(directory);
        await other.WriteAsync(static database => database.Script("CREATE TABLE IF NOT EXISTS numbers (n INTEGER PRIMARY KEY) STRICT"));
        var before = other.CommitVersion();
        Assert.Equal(before, other.CommitVersion());

        await other.WriteAsync(Insert(1));
        Assert.Equal([1], Numbers(other));
        Assert.NotEqual(before, other.CommitVersion());

        await Assert.ThrowsAsync<InvalidOperationException>(() => other.WriteAsync(static database =>
        {
            Insert(2)(database);
            throw new InvalidOperationException();
        }));
        Assert.Equal([1], Numbers(other));
        await other.WriteAsync(Insert(3));
        Assert.Equal([1, 3], Numbers(other));
    }

    [Fact]
    public async Task Many_writers_share_few_commits_and_all_are_kept()
    {
        await Task.WhenAll(Enumerable.Range(0, 1_000).Select(i => store.WriteAsync(Insert(i)))).WaitAsync(Patience);
        Assert.Equal(Enumerable.Range(0, 1_000), Numbers(store));
    }

    [Fact]
    public async Task Opened_twice_it_is_one_store_that_the_last_user_closes()
    {
        using (var again = Store.Open(Path.Combine(directory, ".")))
        {
            Assert.Same(store, again);
            await again.WriteAsync(Insert(1));
        }
        await store.WriteAsync(Insert(2));
        Assert.Equal([1, 2], Numbers(store));
    }

    [Fact]
    public async Task A_part_is_made_once_and_closed_with_the_store()
    {
        var own = Directory.CreateTempSubdirectory("weir-store-").FullName;
        var opened = Store.Open(own);
        var part = opened.Part(static _ => new Part());
        Assert.Same(part, opened.Part(static _ => new Part()));
        opened.Dispose();
        Assert.True(part.IsClosed);
        await Assert.ThrowsAsync<ObjectDisposedException>(() => opened.WriteAsync(static _ => { }));
        Directory.Delete(own, recursive: true);
    }

    [Fact]
    public void A_living_process_is_told_from_a_dead_one()
    {
        Assert.True(store.Processes.IsAlive(store.Processes.Id));
        Assert.False(store.Processes.IsAlive("999999-never-was"));

        // A second registration stands for another process: the lock is on the open file, not on the process.
        var other = ProcessRegistry.Register(directory);
        Assert.NotEqual(store.Processes.Id, other.Id);
        Assert.True(store.Processes.IsAlive(other.Id));
        Assert.True(other.IsAlive(store.Processes.Id));
        other.Dispose();
        Assert.False(store.Processes.IsAlive(other.Id));

        // After kill -9 the file is left behind, without its lock.
        var leftover = Path.Combine(directory, "processes", "4711-000000000000");
        File.WriteAllText(leftover, "");
        Assert.False(store.Processes.IsAlive("4711-000000000000"));
        Assert.False(File.Exists(leftover));
    }

    [Fact]
    public void Every_kind_of_value_comes_back()
    {
        var read = store.Read(static database =>
        {
            using var rows = database.Query("SELECT ?1, ?2, ?3, ?4, ?5, ?6", long.MinValue, true, 0.1, "世界 🌍", new byte[] { 0, 255 }, Value.Null);
            Assert.True(rows.Read());
            return (rows.Int64(0), rows.Boolean(1), rows.Double(2), rows.Text(3), Convert.ToHexString(rows.Blob(4)), rows.TextOrNull(5));
        });
        Assert.Equal((long.MinValue, true, 0.1, "世界 🌍", "00FF", null), read);
    }

    private static Action<Database> Insert(long number) => database => database.Execute("INSERT INTO numbers (n) VALUES (?1)", number);

    private static List<int> Numbers(Store from) => from.Read(static database =>
    {
        var numbers = new List<int>();
        using var rows = database.Query("SELECT n FROM numbers ORDER BY n");
        while (rows.Read())
            numbers.Add(rows.Int32(0));
        return numbers;
    });

    /// <summary>Holds the writer until all the work waits behind it, so that it makes up the next group.</summary>
    private async Task<List<string>> AsOneGroupAsync(params Action<Database>[] works)
    {
        using var holding = new ManualResetEventSlim();
        using var go = new ManualResetEventSlim();
        var held = store.WriteAsync(_ =>
        {
            holding.Set();
            go.Wait(Patience);
        });
        Assert.True(holding.Wait(Patience));
        var waiting = works.Select(work => store.WriteAsync(work)).ToList();
        go.Set();
        await held.WaitAsync(Patience);

        var outcomes = new List<string>();
        foreach (var task in waiting)
        {
            try
            {
                await task.WaitAsync(Patience);
                outcomes.Add("done");
            }
            catch (InvalidOperationException failure)
            {
                outcomes.Add(failure.Message);
            }
            catch (StoreException failure) when (failure.IsConstraint)
            {
                outcomes.Add("constraint");
            }
        }
        return outcomes;
    }

    private sealed class Part : IDisposable
    {
        public bool IsClosed { get; private set; }

        public void Dispose() => IsClosed = true;
    }
}
