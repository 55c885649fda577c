using System.Diagnostics;
using System.Text.Json;

namespace Bench;

/// <summary>
/// The peers' figures. They are run between Weir's own runs, measure by measure, where their benchmark is given (<c>--beside</c>): figures of one hour on one machine
/// are what can be compared, since its disk drifts by half. Or they are read from what an earlier run of it has left (<c>--peers</c>).
/// </summary>
internal sealed class Peers
{
    /// <summary>What acknowledges only what is on the disk; "everysec" can lose a second of acknowledged jobs.</summary>
    private const string NotDurable = "everysec";

    private static readonly TimeSpan Longest = TimeSpan.FromMinutes(20);

    private readonly Dictionary<(string Measure, string Peer), List<double>> figures = [];

    /// <summary>Makes a copy of the peers' benchmark that can be run: it installs and writes where it lies.</summary>
    public static string CopyOf(string benchmark, string data)
    {
        var copy = Path.Combine(data, "peers");
        Directory.CreateDirectory(copy);
        foreach (var file in Directory.EnumerateFiles(benchmark))
            File.Copy(file, Path.Combine(copy, Path.GetFileName(file)), overwrite: true);
        return copy;
    }

    /// <summary>Runs one measure of every durable peer, once.</summary>
    /// <exception cref="InvalidOperationException">The benchmark left no figures.</exception>
    public async Task RunAsync(string copy, string measure)
    {
        var written = Path.Combine(copy, ".run", "partial.json");
        if (File.Exists(written))
            File.Delete(written);
        var start = new ProcessStartInfo("bash", ["run.sh", "--only", $"^(?!.*{NotDurable}).*/{measure}$", "--reps", "1", "--retries", "0", "--wait", "10"])
        {
            WorkingDirectory = copy, RedirectStandardOutput = true, RedirectStandardError = true,
        };
        using var process = Process.Start(start)!;
        using var limit = new CancellationTokenSource(Longest);
        using var end = limit.Token.Register(() => process.Kill(entireProcessTree: true));
        var errors = process.StandardError.ReadToEndAsync(CancellationToken.None);
        await process.StandardOutput.ReadToEndAsync(CancellationToken.None);
        await process.WaitForExitAsync(CancellationToken.None);
        if (!File.Exists(written))
            throw new InvalidOperationException($"The peers' benchmark ended with {process.ExitCode} and no figures for {measure}:\n{await errors}");
        Read(written);
    }

    public void Read(string results)
    {
        using var document = JsonDocument.Parse(File.ReadAllText(results));
        foreach (var peer in document.RootElement.GetProperty("peers").EnumerateObject().Where(peer => !peer.Name.Contains(NotDurable, StringComparison.Ordinal)))
        {
            foreach (var measure in peer.Value.EnumerateObject())
            {
                if (!measure.Value.TryGetProperty(FigureOf(measure.Name), out var spread))
                    continue;
                var key = (measure.Name, peer.Name);
                if (!figures.TryGetValue(key, out var known))
                    figures[key] = known = [];
                known.Add(spread.GetProperty("median").GetDouble());
            }
        }
    }

    /// <summary>What a measure is compared by: the tail for latency, else the rate.</summary>
    public static string FigureOf(string measure) => measure == "d" ? "p99_ms" : "jobs_per_s";

    /// <summary>All peers' medians of a measure, the best first.</summary>
    public IReadOnlyList<(string Peer, double Value)> Of(string measure)
    {
        var all = figures.Where(figure => figure.Key.Measure == measure).Select(figure => (figure.Key.Peer, Spread.Of([.. figure.Value.Order()]).Median));
        return FigureOf(measure) == "p99_ms" ? [.. all.OrderBy(one => one.Median)] : [.. all.OrderByDescending(one => one.Median)];
    }
}
