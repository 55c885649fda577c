using System.Globalization;
using System.Text;
using System.Text.Json;

namespace Bench;

/// <summary>The figures as Markdown, with the best durable peer of each measure beside them where the peers' results are given.</summary>
internal static class Report
{
    /// <summary>What acknowledges only what is on the disk; "everysec" can lose a second of acknowledged jobs.</summary>
    private static readonly string[] NotDurable = ["everysec"];

    public static string Table(IReadOnlyList<Result> results, string? peers)
    {
        var table = new StringBuilder("| measure | jobs/s: median (min-max) | of the best durable peer | ms: p50 / p95 / p99 | CPU s per 10,000 | KB written a job | other |\n|---|---|---|---|---|---|---|\n");
        var known = new HashSet<string> { "jobs", "seconds", "jobs_per_s", "p50_ms", "p95_ms", "p99_ms", "max_ms", "cpu_s_per_10000", "bytes_per_job", "worst_arrival_lag_ms" };
        foreach (var result in results)
        {
            var figures = result.Figures;
            string Show(string name, string format, double scale = 1) => figures.TryGetValue(name, out var one) ? (one.Median * scale).ToString(format, CultureInfo.InvariantCulture) : "";
            var rate = figures.TryGetValue("jobs_per_s", out var perSecond) ? string.Create(CultureInfo.InvariantCulture, $"{perSecond.Median:N0} ({perSecond.Min:N0}-{perSecond.Max:N0})") : "";
            var latency = string.Join(" / ", new[] { "p50_ms", "p95_ms", "p99_ms" }.Select(name => Show(name, "0.00")).Where(text => text != ""));
            var other = string.Join(", ", figures.Where(figure => !known.Contains(figure.Key)).Select(figure => string.Create(CultureInfo.InvariantCulture, $"{figure.Key} {figure.Value.Median:#,0.##}")));
            table.Append(CultureInfo.InvariantCulture, $"| {result.Name} | {rate} | {Ratio(result, peers)} | {latency} | {Show("cpu_s_per_10000", "0.00")} | {Show("bytes_per_job", "0.0", 1 / 1024.0)} | {other} |\n");
        }
        return table.ToString();
    }

    private static string Ratio(Result result, string? peers)
    {
        if (peers is null || result.Peer is null)
            return "";
        var figure = result.Peer == "d" ? "p99_ms" : "jobs_per_s";
        var all = JsonDocument.Parse(File.ReadAllText(peers)).RootElement.GetProperty("peers").EnumerateObject()
            .Where(peer => !NotDurable.Any(peer.Name.Contains) && peer.Value.TryGetProperty(result.Peer, out var measure) && measure.TryGetProperty(figure, out _))
            .Select(peer => (peer.Name, Value: peer.Value.GetProperty(result.Peer).GetProperty(figure).GetProperty("median").GetDouble()))
            .ToArray();
        if (all.Length == 0)
            return "";
        var best = figure == "p99_ms" ? all.MinBy(one => one.Value) : all.MaxBy(one => one.Value);
        return string.Create(CultureInfo.InvariantCulture, $"{result.Figures[figure].Median / best.Value:0.00} x {best.Name} ({best.Value:#,0.##}{(figure == "p99_ms" ? " ms p99" : "")})");
    }
}
