using System.Globalization;
using Simulation.Hunting;

namespace Simulation.Proof;

public sealed class SeedTests
{
    /// <summary>About a minute of two cores; CI has other tests at the same time. `WEIR_SIMULATION_SEEDS` asks for another number.</summary>
    private const int Share = 200;

    /// <summary>Seeds that once broke a promise; regression-seeds.txt says which, and what mended it.</summary>
    public static IReadOnlyList<int> Once { get; } =
    [
        .. File.ReadLines(Path.Combine(AppContext.BaseDirectory, "regression-seeds.txt"))
            .Where(line => line.Length > 0 && !line.StartsWith('#')).Select(line => int.Parse(line.Split(' ')[0], CultureInfo.InvariantCulture)),
    ];

    [Fact]
    public async Task A_fresh_share_of_seeds_keeps_every_promise()
    {
        var seeds = int.TryParse(Environment.GetEnvironmentVariable("WEIR_SIMULATION_SEEDS"), CultureInfo.InvariantCulture, out var asked) ? asked : Share;
        // Others each day; which, the failure says.
        var from = 100_000 + (int)(DateTimeOffset.UtcNow - DateTimeOffset.UnixEpoch).TotalDays * 10_000;

        var (exitCode, lines) = await RunAsync("--from", $"{from}", "--seeds", $"{seeds}", "--processes", "2");

        Assert.True(exitCode == 0, string.Join('\n', lines));
    }

    [Fact]
    public async Task Seeds_that_failed_once_pass()
    {
        foreach (var seed in Once)
        {
            var (exitCode, lines) = await RunAsync("--seed", $"{seed}");
            Assert.True(exitCode == 0, string.Join('\n', lines));
        }
    }

    [Fact]
    public async Task The_same_seed_gives_the_same_history_byte_for_byte()
    {
        var runs = await Task.WhenAll(RunAsync("--seeds", "20", "--hashes"), RunAsync("--seeds", "20", "--hashes"));

        Assert.Equal(Hashes(runs[0].Lines), Hashes(runs[1].Lines));
        Assert.Equal(20, Hashes(runs[0].Lines).Distinct().Count());

        static string[] Hashes(string[] lines) => [.. lines.Where(line => line.Split(' ') is [_, { Length: 64 }, _])];
    }

    private static Task<(int ExitCode, string[] Lines)> RunAsync(params string[] args) => HuntProcess.RunAsync(args, TestContext.Current.CancellationToken);
}
