using System.Diagnostics.Metrics;
using System.Text;

namespace Weir.Telemetry.Prometheus;

/// <summary>
/// How OpenTelemetry's names are written in Prometheus, by OpenTelemetry's own rule (https://opentelemetry.io/docs/specs/otel/compatibility/prometheus_and_openmetrics/), so that a metric has one name whichever way it comes:
/// no character but letters, digits and underscores, the unit at the end, <c>_total</c> behind a counter.
/// </summary>
internal static class PrometheusNames
{
    public static string Of(Instrument instrument, FamilyKind kind)
    {
        var name = new StringBuilder(Clean(instrument.Name));
        var unit = UnitOf(instrument.Unit);
        if (unit.Length > 0 && !$"_{name}_".Contains($"_{unit}_", StringComparison.Ordinal))
            name.Append('_').Append(unit);
        if (kind == FamilyKind.Counter)
            name.Append("_total");
        return name.ToString();
    }

    public static string Label(string tag) => Clean(tag);

    /// <summary>Backslash and line feed, and in a label's value the quote.</summary>
    public static string Escape(string text, bool quotes)
    {
        if (text.AsSpan().IndexOfAny('\\', '\n', '"') < 0)
            return text;
        var escaped = text.Replace("\\", @"\\", StringComparison.Ordinal).Replace("\n", @"\n", StringComparison.Ordinal);
        return quotes ? escaped.Replace("\"", "\\\"", StringComparison.Ordinal) : escaped;
    }

    /// <summary>A unit in braces is what is counted, and is no part of the name.</summary>
    private static string UnitOf(string? unit) => unit switch
    {
        null or "" or "1" => "",
        "s" => "seconds",
        "ms" => "milliseconds",
        "By" => "bytes",
        _ when unit.EndsWith("/s", StringComparison.Ordinal) => UnitOf(unit[..^2]) is { Length: > 0 } what ? $"{what}_per_second" : "per_second",
        _ when unit[0] == '{' => "",
        _ => Clean(unit),
    };

    private static string Clean(string name)
    {
        var clean = string.Create(name.Length, name, static (to, from) =>
        {
            for (var index = 0; index < from.Length; index++)
                to[index] = char.IsAsciiLetterOrDigit(from[index]) ? from[index] : '_';
        });
        return char.IsAsciiDigit(clean.FirstOrDefault('_')) ? $"_{clean}" : clean;
    }
}
