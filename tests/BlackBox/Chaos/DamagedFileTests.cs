using System.Diagnostics;
using System.Net;

namespace BlackBox.Tests.Chaos;

/// <summary>
/// The file under the jobs is damaged or gone. What was acknowledged may be lost with it, but never without a word: the start is refused, a running process accepts
/// nothing it cannot keep, and what can be saved is saved as docs/operations/data-directory.md says.
/// </summary>
public sealed class DamagedFileTests
{
    [Fact]
    public async Task A_log_damaged_among_acknowledged_commits_is_refused_and_left_as_it_is()
    {
        using var data = new DataFolder();
        await LeaveJobsAsync(data, 40);
        var log = Path.Combine(data.Path, "weir.db-wal");
        DatabaseFile.OverwriteFrom(log, new FileInfo(log).Length / 3, 100);
        var before = await File.ReadAllBytesAsync(log);
        await DataDirectoryTests.AssertRefusedAsync(data.Path, $"{log} is damaged", "docs/operations/data-directory.md");
        Assert.Equal(before, await File.ReadAllBytesAsync(log));
    }

    [Theory]
    [InlineData(true, "missing")]
    [InlineData(false, "empty")]
    public async Task A_database_that_is_gone_is_not_made_anew(bool delete, string how)
    {
        using var data = new DataFolder();
        await LeaveJobsAsync(data, 5);
        var file = Path.Combine(data.Path, "weir.db");
        if (delete)
            File.Delete(file);
        else
            DatabaseFile.Truncate(file, 0);
        var log = await File.ReadAllBytesAsync($"{file}-wal");
        await DataDirectoryTests.AssertRefusedAsync(data.Path, $"{file} is {how}", "from a backup", "docs/operations/data-directory.md");
        Assert.Equal(log, await File.ReadAllBytesAsync($"{file}-wal"));
    }

    [Fact]
    public async Task A_file_that_is_no_database_is_refused()
    {
        using var data = new DataFolder();
        var file = Path.Combine(data.Path, "weir.db");
        await File.WriteAllTextAsync(file, string.Concat(Enumerable.Repeat("Dear Ada,\n\nMany thanks.", 512)));
        await DataDirectoryTests.AssertRefusedAsync(data.Path, $"{file} is damaged", "file is not a database", "docs/operations/data-directory.md");
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_running_process_whose_file_is_damaged_or_deleted_says_so_and_accepts_nothing_more(bool delete)
    {
        using var data = new DataFolder();
        await using var weir = await WeirProcess.StartAsync(data);
        await weir.Http.FinalAsync(await weir.Http.SubmitAsync("probe", new { effect = "before" }));
        var file = Path.Combine(data.Path, "weir.db");
        foreach (var one in new[] { file, $"{file}-wal" })
        {
            if (delete)
                File.Delete(one);
            else
                DatabaseFile.OverwriteFrom(one, 32, (int)new FileInfo(one).Length - 32);
        }

        await ChaosScale.UntilAsync(() => Task.FromResult(weir.Output.Contains("Stop every process that uses", StringComparison.Ordinal)), "it says that the file is damaged");
        using (var refused = await weir.Http.PostAsync("""{"type": "probe", "payload": {}}"""))
        {
            Assert.Equal(HttpStatusCode.ServiceUnavailable, refused.StatusCode);
            Assert.Equal("storeUnavailable", (await refused.ReadJsonAsync()).Text("code"));
            Assert.NotNull(refused.Headers.RetryAfter);
        }
        using (var ready = await weir.Http.GetAsync("api/health/ready"))
            Assert.Equal(HttpStatusCode.ServiceUnavailable, ready.StatusCode);
        await weir.StopAsync();
        Assert.DoesNotContain("Unhandled exception", weir.Output);
    }

    [Fact]
    public async Task What_sqlite_saves_of_a_damaged_file_goes_on_as_the_documentation_says()
    {
        if (await SqliteAsync("--version") is null)
            Assert.Skip("sqlite3 is not installed (apt-get install sqlite3).");
        using var data = new DataFolder();
        var ids = await LeaveJobsAsync(data, 100);
        var file = Path.Combine(data.Path, "weir.db");
        Assert.NotNull(await SqliteAsync(file, "PRAGMA wal_checkpoint(TRUNCATE)"));
        var pages = (int)(new FileInfo(file).Length / 4096);
        DatabaseFile.OverwritePages(file, pages / 2, 2);
        await DataDirectoryTests.AssertRefusedAsync(data.Path, $"{file} is damaged");

        var saved = Path.Combine(data.Path, "saved.sql");
        var dump = await SqliteAsync(file, ".dump");
        await File.WriteAllTextAsync(saved, dump!.Replace("ROLLBACK; -- due to errors", "COMMIT;", StringComparison.Ordinal));
        foreach (var one in Directory.EnumerateFiles(data.Path, "weir.db*"))
            File.Move(one, $"{one}.damaged");
        Assert.NotNull(await SqliteAsync(file, $".read {saved}"));

        await using var weir = await WeirProcess.StartAsync(data);
        var found = 0;
        foreach (var id in ids)
        {
            using var response = await weir.Http.GetAsync($"api/jobs/{id}");
            found += response.IsSuccessStatusCode ? 1 : 0;
        }
        Assert.InRange(found, ids.Length / 2, ids.Length);
        TestContext.Current.SendDiagnosticMessage("damaged: two pages of {0} overwritten, {1} of {2} jobs saved", pages, found, ids.Length);
        Assert.Equal("succeeded", (await weir.Http.FinalAsync(await weir.Http.SubmitAsync("probe", new { effect = "new" }))).State());
    }

    /// <summary>Jobs that have ended, and what a kill -9 leaves of the process that ran them.</summary>
    private static async Task<string[]> LeaveJobsAsync(DataFolder data, int count)
    {
        await using var weir = await WeirProcess.StartAsync(data);
        var ids = await Task.WhenAll(Enumerable.Range(0, count).Select(_ => weir.Http.SubmitAsync("probe", new { effect = "left" })));
        await Task.WhenAll(ids.Select(id => weir.Http.FinalAsync(id)));
        await weir.KillAsync();
        return ids;
    }

    /// <summary>Null when there is no sqlite3, or it failed.</summary>
    private static async Task<string?> SqliteAsync(params string[] arguments)
    {
        try
        {
            using var process = Process.Start(new ProcessStartInfo("sqlite3", arguments) { RedirectStandardOutput = true, RedirectStandardInput = true })!;
            process.StandardInput.Close();
            var output = await process.StandardOutput.ReadToEndAsync();
            await process.WaitForExitAsync().WaitAsync(ChaosScale.Limit);
            return process.ExitCode == 0 ? output : null;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return null;
        }
    }
}
