namespace BlackBox.Tests.Chaos;

/// <summary>A data directory that cannot be used stops the start in one plain line: what is wrong, where, and what to do.</summary>
public sealed class DataDirectoryTests
{
    [Fact]
    public async Task A_data_directory_that_is_a_file_is_refused()
    {
        using var folder = new DataFolder();
        var file = Path.Combine(folder.Path, "data");
        await File.WriteAllTextAsync(file, "not a directory");
        await AssertRefusedAsync(file, $"The data directory {file} cannot be used");
        Assert.Equal("not a directory", await File.ReadAllTextAsync(file));
    }

    [Fact]
    public async Task A_read_only_data_directory_is_refused()
    {
        using var disk = new SmallDisk(megabytes: 48);
        await using (var weir = await WeirProcess.StartAsync(WeirProcess.Functions, disk.Data))
        {
            await weir.Http.SubmitAsync("probe", new { });
            await weir.StopAsync();
        }
        disk.MakeReadOnly();
        await AssertRefusedAsync(disk.Data, $"The data directory {disk.Data} cannot be used");
    }

    [Fact]
    public async Task A_file_of_another_data_version_is_refused_and_left_as_it_is()
    {
        using var data = new DataFolder();
        var file = Path.Combine(data.Path, "weir.db");
        DatabaseFile.WriteOfVersion(file, 3);
        var before = await File.ReadAllBytesAsync(file);
        await AssertRefusedAsync(data.Path, $"{file} has data version 3, this build reads and writes version 2");
        Assert.Equal(before, await File.ReadAllBytesAsync(file));

        DatabaseFile.WriteOfVersion(file, 2);
        await using var weir = await WeirProcess.StartAsync(data);
    }

    internal static async Task AssertRefusedAsync(string data, params string[] says)
    {
        var refused = await Assert.ThrowsAsync<EndedEarlyException>(async () =>
        {
            await using var started = await WeirProcess.StartAsync(WeirProcess.Functions, data);
        });
        Assert.All(says, text => Assert.Contains(text, refused.Message));
        Assert.DoesNotContain("   at ", refused.Message);
    }
}
