using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Xml;

namespace Dashboard.Drawing;

/// <summary>How figures, times and names are written.</summary>
internal static class Words
{
    /// <summary>Written for eyes, and encoded for HTML by whoever prints it: so letters stay letters here.</summary>
    private static readonly JsonSerializerOptions Readable = new() { WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public static string Camel(Enum value) => JsonNamingPolicy.CamelCase.ConvertName(value.ToString());

    /// <summary>1.2 k, 3.4 M: a column of them is read at one glance.</summary>
    public static string Count(long count) => count switch
    {
        < 10_000 => count.ToString("N0", CultureInfo.InvariantCulture),
        < 1_000_000 => string.Create(CultureInfo.InvariantCulture, $"{count / 1_000.0:0.#} k"),
        _ => string.Create(CultureInfo.InvariantCulture, $"{count / 1_000_000.0:0.##} M"),
    };

    public static string Rate(double perSecond) => perSecond switch
    {
        0 => "0",
        < 0.1 => string.Create(CultureInfo.InvariantCulture, $"{perSecond * 60:0.#}/min"),
        < 100 => string.Create(CultureInfo.InvariantCulture, $"{perSecond:0.#}/s"),
        _ => string.Create(CultureInfo.InvariantCulture, $"{perSecond:N0}/s"),
    };

    public static string Share(double share) => string.Create(CultureInfo.InvariantCulture, $"{share * 100:0.#} %");

    public static string Seconds(double? seconds) => seconds is { } known && known is >= 0 and < 1e9 ? Duration(TimeSpan.FromSeconds(known)) : "–";

    /// <summary>For an axis: one number, one unit.</summary>
    public static string Tick(double seconds) => seconds switch
    {
        < 1 => string.Create(CultureInfo.InvariantCulture, $"{seconds * 1000:0} ms"),
        < 120 => string.Create(CultureInfo.InvariantCulture, $"{seconds:0.#} s"),
        < 7_200 => string.Create(CultureInfo.InvariantCulture, $"{seconds / 60:0.#} min"),
        _ => string.Create(CultureInfo.InvariantCulture, $"{seconds / 3_600:0.#} h"),
    };

    /// <summary>A duration as ISO 8601 has it, for eyes.</summary>
    public static string Iso(string? duration) => duration is null ? "–" : Duration(XmlConvert.ToTimeSpan(duration));

    public static string Duration(TimeSpan time) => time.Duration() switch
    {
        { TotalMilliseconds: < 1 } => "0 ms",
        { TotalMilliseconds: < 1_000 } ms => string.Create(CultureInfo.InvariantCulture, $"{ms.TotalMilliseconds:0} ms"),
        { TotalSeconds: < 10 } s => string.Create(CultureInfo.InvariantCulture, $"{s.TotalSeconds:0.0} s"),
        { TotalSeconds: < 60 } s => string.Create(CultureInfo.InvariantCulture, $"{s.TotalSeconds:0} s"),
        { TotalMinutes: < 60 } m => $"{m.Minutes} min{(m.Minutes < 10 && m.Seconds > 0 ? $" {m.Seconds} s" : "")}",
        { TotalHours: < 48 } h => $"{(int)h.TotalHours} h{(h.Minutes > 0 ? $" {h.Minutes} min" : "")}",
        var d => $"{(int)d.TotalDays} d",
    };

    /// <summary>"3 min ago", "in 20 s".</summary>
    public static string Ago(DateTimeOffset at, DateTimeOffset now) => at <= now ? now - at < TimeSpan.FromSeconds(1) ? "now" : $"{Duration(now - at)} ago" : $"in {Duration(at - now)}";

    /// <summary>To the second, in UTC; the date only where it is another day.</summary>
    public static string Clock(DateTimeOffset at, DateTimeOffset now) =>
        at.UtcDateTime.ToString(at.UtcDateTime.Date == now.UtcDateTime.Date ? "HH:mm:ss" : "yyyy-MM-dd HH:mm:ss", CultureInfo.InvariantCulture);

    public static string Full(DateTimeOffset at) => at.UtcDateTime.ToString("yyyy-MM-dd HH:mm:ss.fff 'UTC'", CultureInfo.InvariantCulture);

    /// <summary>The whole in a column's room; the rest is in the title.</summary>
    public static string Short(string? text, int most = 120)
    {
        var line = (text ?? "").ReplaceLineEndings(" ");
        return line.Length <= most ? line : $"{line[..(char.IsHighSurrogate(line[most - 1]) ? most - 1 : most)]}…";
    }

    public static string Pretty(JsonElement json) => JsonSerializer.Serialize(json, Readable);
}
