using AzureLocal.Storage;

namespace Contract.Tests.Storage;

/// <summary>What a start makes of a file that is not as it was left. Never less than there was, without a word.</summary>
public sealed class DataFileTests : IDisposable
{
    private const int PageBytes = 4096;
    private const int LogHeader = 32;
    private const int Frame = 24 + PageBytes;

    private readonly string root = Directory.CreateTempSubdirectory("weir-file-").FullName;

    public void Dispose() => Directory.Delete(root, recursive: true);

    [Fact]
    public async Task Each_page_of_the_file_that_is_overwritten_is_noticed()
    {
        var sound = await MakeAsync("sound", rows: 1_500);
        var pages = (int)(new FileInfo(DatabaseOf(sound)).Length / PageBytes);
        Assert.InRange(pages, 20, 500);
        for (var page = 0; page < pages; page++)
        {
            var copy = Copy(sound);
            Overwrite(DatabaseOf(copy), (long)page * PageBytes, PageBytes);
            AssertRefused(copy, "is damaged");
        }
    }

    [Fact]
    public async Task A_file_that_is_cut_off_is_noticed()
    {
        var sound = await MakeAsync("sound", rows: 1_500);
        var length = new FileInfo(DatabaseOf(sound)).Length;
        foreach (var kept in new[] { length - 1, length - PageBytes, length / 2, PageBytes, 100, 0 })
        {
            var copy = Copy(sound);
            using (var stream = File.OpenWrite(DatabaseOf(copy)))
                stream.SetLength(kept);
            AssertRefused(copy, kept == 0 ? "is empty" : "is damaged");
        }
    }

    [Fact]
    public async Task A_missing_file_is_not_made_anew_where_there_was_one()
    {
        var lost = Copy(await MakeAsync("sound", rows: 1));
        File.Delete(DatabaseOf(lost));
        AssertRefused(lost, "is missing");
        Assert.False(File.Exists(DatabaseOf(lost)));
    }

    [Fact]
    public async Task Each_frame_of_the_log_that_is_overwritten_is_noticed_but_for_the_last_three_commits()
    {
        const int Commits = 30;
        var killed = await KilledAsync(Commits);
        var length = new FileInfo(LogOf(killed)).Length;
        Assert.Equal(Commits, Rows(Copy(killed)).Count);
        var noticed = 0;
        for (var at = 0L; at < length; at = at == 0 ? LogHeader : at + Frame)
        {
            var copy = Copy(killed);
            Overwrite(LogOf(copy), at, 24);
            try
            {
                // What was not noticed may have cost no more than the last three commits: that much may be what a power loss left.
                Assert.InRange(Rows(copy).Count, Commits - 3, Commits);
            }
            catch (StoreRefusedException refused)
            {
                Assert.Contains($"{LogOf(copy)} is damaged", refused.Message);
                noticed++;
            }
        }
        Assert.InRange(noticed, Commits - 3, length / Frame + 1);
    }

    [Fact]
    public async Task A_log_that_a_power_loss_cut_off_is_read_up_to_there()
    {
        var killed = await KilledAsync(commits: 10);
        var length = new FileInfo(LogOf(killed)).Length;
        foreach (var kept in new[] { length - 1, length - Frame, LogHeader + 7 * Frame + 100, LogHeader + 5 * Frame })
        {
            var copy = Copy(killed);
            using (var stream = File.OpenWrite(LogOf(copy)))
                stream.SetLength(kept);
            Assert.InRange(Rows(copy).Count, 1, 10);
        }
    }

    [Fact]
    public async Task What_an_earlier_use_of_the_log_left_behind_its_end_is_no_damage()
    {
        var directory = Path.Combine(root, "used-twice");
        using (var store = Store.Open(directory))
        {
            await CreateAsync(store);
            for (var row = 0; row < 30; row++)
                await InsertAsync(store, row);
            // The log begins again at its front, with what is behind it left in place.
            store.Read(static database => { using var rows = database.Query("PRAGMA wal_checkpoint(RESTART)"); return rows.Read(); });
            for (var row = 30; row < 33; row++)
                await InsertAsync(store, row);
            Assert.True(new FileInfo(LogOf(directory)).Length > 20 * Frame);
            Assert.Equal(33, Rows(Copy(directory)).Count);
        }
    }

    [Fact]
    public async Task A_file_of_another_version_is_refused_and_one_that_was_saved_without_its_version_is_taken()
    {
        foreach (var (version, isTaken) in new[] { (DataFile.Version + 1, false), (DataFile.Version - 1, false), (0, true) })
        {
            var directory = await MakeAsync($"version-{version}", rows: 3);
            using (var database = Database.Open(DatabaseOf(directory)))
                database.Script($"PRAGMA user_version = {version}");
            if (isTaken)
                Assert.Equal(3, Rows(directory).Count);
            else
                AssertRefused(directory, $"has data version {version}, this build reads and writes version {DataFile.Version}");
        }
    }

    [Fact]
    public async Task A_store_whose_file_is_deleted_under_it_acknowledges_nothing_any_more()
    {
        var directory = Path.Combine(root, "deleted");
        using var store = Store.Open(directory);
        await CreateAsync(store);
        await InsertAsync(store, 1);
        File.Delete(DatabaseOf(directory));
        await Assert.ThrowsAsync<StoreException>(() => InsertAsync(store, 2));
        Assert.True(store.Damaged!.IsCompletedSuccessfully);
        Assert.Throws<StoreException>(() => store.Read(static _ => 0));
    }

    [Fact]
    public async Task A_group_in_which_the_store_itself_failed_is_acknowledged_to_nobody()
    {
        using var store = Store.Open(Path.Combine(root, "full"));
        await CreateAsync(store);
        await InsertAsync(store, 1);
        // A database that may not grow is a disk that is full.
        await store.WriteAsync(static database => { using var rows = database.Query("PRAGMA page_count"); rows.Read(); database.Script($"PRAGMA max_page_count = {rows.Int64(0) + 2}"); });
        var outcomes = await Task.WhenAll(Enumerable.Range(2, 200).Select(async row =>
        {
            try
            {
                await InsertAsync(store, row);
                return row;
            }
            catch (StoreException full)
            {
                Assert.True(full.IsOfStore, full.Message);
                return 0;
            }
        }));
        Assert.Contains(0, outcomes);
        Assert.Equal(outcomes.Where(row => row > 0).Append(1).Order(), Rows(store));

        await store.WriteAsync(static database => database.Script("PRAGMA max_page_count = 100000"));
        await InsertAsync(store, 1_000);
        Assert.Contains(1_000, Rows(store));
    }

    private static string DatabaseOf(string directory) => Path.Combine(directory, "weir.db");

    private static string LogOf(string directory) => Path.Combine(directory, "weir.db-wal");

    private static void AssertRefused(string directory, string why)
    {
        var before = Directory.GetFiles(directory, "weir.db*").Where(file => !file.EndsWith("-shm", StringComparison.Ordinal)).ToDictionary(file => file, File.ReadAllBytes);
        var refused = Assert.Throws<StoreRefusedException>(() => Store.Open(directory));
        Assert.Contains(why, refused.Message);
        Assert.Contains(directory, refused.Message);
        foreach (var (file, bytes) in before)
            Assert.Equal(bytes, File.ReadAllBytes(file));
    }

    private static void Overwrite(string file, long offset, int length)
    {
        var garbage = new byte[length];
        new Random(7).NextBytes(garbage);
        using var stream = File.OpenWrite(file);
        stream.Seek(offset, SeekOrigin.Begin);
        stream.Write(garbage);
    }

    /// <summary>A directory whose store was closed: everything is in the file.</summary>
    private async Task<string> MakeAsync(string name, int rows)
    {
        var directory = Path.Combine(root, name);
        using var store = Store.Open(directory);
        await CreateAsync(store);
        await Task.WhenAll(Enumerable.Range(0, rows).Select(row => InsertAsync(store, row)));
        return directory;
    }

    /// <summary>What kill -9 leaves: a copy of a directory that is still open, with all of it in the log.</summary>
    private async Task<string> KilledAsync(int commits)
    {
        using var store = Store.Open(Path.Combine(root, "open"));
        await CreateAsync(store);
        for (var row = 0; row < commits; row++)
            await InsertAsync(store, row);
        return Copy(Path.Combine(root, "open"));
    }

    private string Copy(string directory)
    {
        var copy = Directory.CreateDirectory(Path.Combine(root, "copies", Path.GetRandomFileName())).FullName;
        foreach (var file in Directory.EnumerateFiles(directory, "weir.db*").Where(file => !file.EndsWith("-shm", StringComparison.Ordinal)))
            File.Copy(file, Path.Combine(copy, Path.GetFileName(file)));
        return copy;
    }

    private static Task CreateAsync(Store store) => store.WriteAsync(static database => database.Script("CREATE TABLE rows (n INTEGER PRIMARY KEY, text TEXT NOT NULL) STRICT"));

    private static Task InsertAsync(Store store, int row) => store.WriteAsync(database => database.Execute("INSERT INTO rows VALUES (?1, ?2)", row, new string('x', 100)));

    private static List<int> Rows(string directory)
    {
        using var store = Store.Open(directory);
        return Rows(store);
    }

    private static List<int> Rows(Store store) => store.Read(static database =>
    {
        var found = new List<int>();
        using var rows = database.Query("SELECT n FROM rows ORDER BY n");
        while (rows.Read())
            found.Add(rows.Int32(0));
        return found;
    });
}
