using System.Globalization;
using System.Text;

namespace BlackBox.Tests.BadInput;

/// <summary>Values that nobody sends by accident, by seed.</summary>
internal static class Hostile
{
    private const string SomeId = "00000000-0000-4000-8000-000000000000";

    private static readonly string[] Numbers =
    [
        "0", "-0", "1", "-1", "1e400", "-1e400", "1e-400", "2147483647", "2147483648", "-2147483649", "9223372036854775807", "9223372036854775808", "18446744073709551616", "0.1", "1.0", "1E0",
        "NaN", "Infinity", "-Infinity", "01", "+1", ".5", "5.", "0x10", "1e", "--1", new string('9', 400), "0." + new string('0', 400) + "1",
    ];

    private static readonly string[] Texts =
    [
        "", " ", "\0", "a\0b", "\r\n", "a\r\nX-Injected: yes", "../../etc/passwd", "..\\..\\windows", "%2e%2e%2f", "%00", "' or 1 eq 1", "') or (PartitionKey ne '", "\"", "\\", "/#?\t", "<script>alert(1)</script>",
        "${jndi:ldap://127.0.0.1/x}", "{0}{1}", "%s%n", "\u202egnp.exe", "\ufeff", "\uffff", "\U0001f600", "e\u0301", "\ud7ff\ue000", "null", "true", "undefined", "__proto__", "constructor", "$type", "*", "W/\"1\"", SomeId,
        "default.0", "weir-default", "probe", "weir.webhook", "PT10S", "P1D", "2026-11-21T10:00:00Z",
    ];

    private static readonly string[] Durations =
    [
        "P", "PT", "P1", "PT-1S", "-PT1S", "P1Y", "P1M", "PT1H1", "PT1,5S", "PT1e3S", "P999999W", "P9999999D", "PT0.00000001S", "PT0S\n", " PT1S", "PT1S ", "pt1s", "P1DT", "PT" + new string('9', 500) + "S", "P٣D", "PT0S", "soon", "10", "00:00:10",
    ];

    private static readonly string[] Times =
    [
        "0001-01-01T00:00:00Z", "9999-12-31T23:59:59.9999999Z", "9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00+14:00", "2026-02-30T00:00:00Z", "2026-11-21", "2026-11-21T10:00:00", "2026-11-21T25:00:00Z", "T+00:00", "TZ",
        "2026-11-21T10:00:00+99:99", "1e9", "-1", "now", "Sat, 21 Nov 2026 10:00:00 GMT", "2026-11-21T10:00:00.123456789123Z",
    ];

    private static readonly string[] Cursors =
    [
        "=", "====", "AAAA", "!!!", "MjAyNjExIA", "MjAyNjExIC4uLy4u", "MDAwMTAxIA", "OTk5OTEyIA", "OTk5OTEyIHt9", "MTIzNDU2Nzg5MDEyMzQ1", "OTk5OTk5OTk5OTk5OTk5", new string('A', 5_000), "IA", "MjAyNjEx", "a-_b", "%FF%FE",
    ];

    private static readonly string[] Addresses =
    [
        "javascript:alert(1)", "file:///etc/passwd", "http://", "https://user:secret@example.org/", "https://example.org/#x", "http://169.254.169.254/latest", "http://[::1]:1/", "http://0/", "http://2130706433/",
        "https://example.org:99999/", "gopher://127.0.0.1/", "//example.org/", "https://exa mple.org/", "https://" + new string('a', 3_000) + ".org/",
    ];

    public static string Number(Random random) => random.Pick(Numbers);

    public static string Duration(Random random) => random.Next(4) > 0 ? random.Pick(Durations) : $"P{random.Next(100)}{random.Pick("YMWDHS")}T{random.Next(100)}{random.Pick("HMS")}";

    public static string Cursor(Random random) => random.Next(3) > 0 ? random.Pick(Cursors) : Convert.ToBase64String(Bytes(random, random.Next(1, 60))).TrimEnd('=');

    public static string Time(Random random) => random.Pick(Times);

    public static string Address(Random random) => random.Pick(Addresses);

    public static string Text(Random random) => random.Next(10) switch
    {
        0 => Duration(random),
        1 => Time(random),
        2 => Cursor(random),
        3 => new string((char)random.Next(' ', '~'), random.Pick([63, 64, 65, 128, 129, 256, 257, 1_000, 1_001, 40_000])),
        4 => Any(random, random.Next(1, 40)),
        5 => random.Pick(["plain", "key-7", "0123456789abcdef"]) + random.Pick(["\n", "\r", "\t", "\u0085", " "]),
        _ => random.Pick(Texts),
    };

    public static byte[] Bytes(Random random, int count)
    {
        var bytes = new byte[count];
        random.NextBytes(bytes);
        return bytes;
    }

    /// <summary>Whole characters of every plane, control characters among them.</summary>
    private static string Any(Random random, int count)
    {
        var text = new StringBuilder();
        while (text.Length < count)
        {
            var code = random.Next(3) == 0 ? random.Next(0x20) : random.Next(2) == 0 ? random.Next(0x10FFFF) : random.Next(0x300);
            if (Rune.IsValid(code))
                text.Append(new Rune(code));
        }
        return text.ToString();
    }

    public static T Pick<T>(this Random random, IReadOnlyList<T> from) => from[random.Next(from.Count)];

    public static char Pick(this Random random, string from) => from[random.Next(from.Length)];

    /// <summary>What a failure prints: on one line, whatever is in it, and not for ever.</summary>
    public static string Shown(ReadOnlySpan<byte> bytes)
    {
        var text = new StringBuilder();
        foreach (var one in bytes[..Math.Min(bytes.Length, 3_000)])
            _ = one is >= 0x20 and < 0x7f ? text.Append((char)one) : text.Append(CultureInfo.InvariantCulture, $"\\x{one:x2}");
        return bytes.Length <= 3_000 ? text.ToString() : text.Append(CultureInfo.InvariantCulture, $"… ({bytes.Length:N0} bytes)").ToString();
    }
}
