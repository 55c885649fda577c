using System.Globalization;
using Simulation.Mutants;

namespace Simulation.Hunting;

/// <summary>A hunt in a process of its own: a world holds the thread pool to one worker, which the test runner would not survive; and each has a core to itself.</summary>
internal static class HuntProcess
{
    public static async Task<(int ExitCode, string[] Lines)> RunAsync(IEnumerable<string> args, CancellationToken cancellation)
    {
        var isHosted = Path.GetFileNameWithoutExtension(Environment.ProcessPath) == "dotnet";
        var (exitCode, output) = await Command.RunAsync(Environment.ProcessPath!, isHosted ? [typeof(HuntProcess).Assembly.Location, .. args] : args, cancellation);
        return (exitCode, output.Split('\n', StringSplitOptions.RemoveEmptyEntries));
    }

    /// <summary>The seeds of one hunt, shared out among several processes. The last line and the exit code are as of one.</summary>
    public static async Task<int> ShareOutAsync(HuntOptions options, string[] args, CancellationToken cancellation)
    {
        var shares = Enumerable.Range(0, options.Processes).Select(share => (
            From: options.From + (int)((long)options.Seeds * share / options.Processes),
            To: options.From + (int)((long)options.Seeds * (share + 1) / options.Processes))).Where(share => share.To > share.From);
        var ends = await Task.WhenAll(shares.Select(async share =>
        {
            // What is said last counts.
            var (exitCode, lines) = await RunAsync([.. args, "--from", Text(share.From), "--seeds", Text(share.To - share.From), "--processes", "1"], cancellation);
            foreach (var line in lines.SkipLast(1))
                Console.WriteLine(line);
            return (exitCode, Count: Summary.Of(lines.LastOrDefault() ?? ""));
        }));
        var all = ends.Select(end => end.Count).Aggregate((one, other) => one.And(other));
        Console.WriteLine(all.ToString());
        return ends.Max(end => end.exitCode);
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}

/// <summary>The last line of a hunt: how many seeds there were, and which failed.</summary>
internal sealed record Summary(int Seeds, IReadOnlyList<int> Failed)
{
    public Summary And(Summary other) => new(Seeds + other.Seeds, [.. Failed, .. other.Failed]);

    public override string ToString() => string.Create(CultureInfo.InvariantCulture,
        $"{(Failed.Count == 0 ? $"{Seeds} seeds passed" : $"{Failed.Count} of {Seeds} seeds failed: {string.Join(' ', Failed)}")}");

    /// <exception cref="FormatException">The hunt did not come to its end.</exception>
    public static Summary Of(string line) => line.Split(' ') switch
    {
        [var seeds, "seeds", "passed"] => new(int.Parse(seeds, CultureInfo.InvariantCulture), []),
        [_, "of", var seeds, "seeds", "failed:", .. var failed] => new(int.Parse(seeds, CultureInfo.InvariantCulture), [.. failed.Select(seed => int.Parse(seed, CultureInfo.InvariantCulture))]),
        _ => throw new FormatException($"A share of the hunt ended with '{line}'."),
    };
}
