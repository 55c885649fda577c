using System.Globalization;
using System.Text;

namespace Bench;

/// <summary>The figures as Markdown, with the best durable peer of each measure beside them where the peers' figures are known.</summary>
internal static class Report
{
    public static string Table(IReadOnlyList<Result> results, Peers peers)
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

    private static string Ratio(Result result, Peers peers)
    {
        if (result.Peer is null || peers.Of(result.Peer) is not [var best, ..])
            return "";
        var figure = Peers.FigureOf(result.Peer);
        return string.Create(CultureInfo.InvariantCulture, $"{result.Figures[figure].Median / best.Value:0.00} x {best.Peer} ({best.Value:#,0.##}{(figure == "p99_ms" ? " ms p99" : "")})");
    }
}
