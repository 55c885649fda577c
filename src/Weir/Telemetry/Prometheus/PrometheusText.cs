using System.Globalization;
using System.Text;

namespace Weir.Telemetry.Prometheus;

/// <summary>Prometheus' text format, version 0.0.4 (https://prometheus.io/docs/instrumenting/exposition_formats/).</summary>
internal static class PrometheusText
{
    public const string ContentType = "text/plain; version=0.0.4; charset=utf-8";

    /// <param name="families">In any order; those without series are left out.</param>
    /// <param name="look">The look that has just been made.</param>
    /// <param name="rename">What a label's value (name, value) is for this reader.</param>
    public static string Write(IEnumerable<MetricFamily> families, long look, Func<string, string, string> rename)
    {
        var text = new StringBuilder(64 * 1024);
        foreach (var family in families.OrderBy(family => family.Name, StringComparer.Ordinal))
        {
            var all = family.Snapshot(look, rename);
            if (all.Count == 0)
                continue;
            text.Append("# HELP ").Append(family.Name).Append(' ').Append(PrometheusNames.Escape(family.Help, quotes: false)).Append('\n');
            text.Append("# TYPE ").Append(family.Name).Append(' ').Append(family.Kind switch { FamilyKind.Counter => "counter", FamilyKind.Histogram => "histogram", _ => "gauge" }).Append('\n');
            foreach (var (labels, series) in all)
            {
                if (family.Kind == FamilyKind.Histogram)
                    WriteHistogram(text, family, labels, series);
                else
                    WriteLine(text, family.Name, "", labels, series.Value);
            }
        }
        return text.ToString();
    }

    private static void WriteHistogram(StringBuilder text, MetricFamily family, string labels, MetricSeries series)
    {
        var sum = 0L;
        for (var bucket = 0; bucket < series.Buckets.Count; bucket++)
        {
            sum += series.Buckets[bucket];
            var bound = bucket < family.Bounds.Count ? Number(family.Bounds[bucket]) : "+Inf";
            WriteLine(text, family.Name, "_bucket", $"{labels}{(labels.Length == 0 ? "" : ",")}le=\"{bound}\"", sum);
        }
        WriteLine(text, family.Name, "_sum", labels, series.Value);
        WriteLine(text, family.Name, "_count", labels, series.Count);
    }

    private static void WriteLine(StringBuilder text, string name, string suffix, string labels, double value)
    {
        text.Append(name).Append(suffix);
        if (labels.Length > 0)
            text.Append('{').Append(labels).Append('}');
        text.Append(' ').Append(Number(value)).Append('\n');
    }

    private static string Number(double value) =>
        double.IsPositiveInfinity(value) ? "+Inf" : double.IsNegativeInfinity(value) ? "-Inf" : value.ToString("R", CultureInfo.InvariantCulture);
}
