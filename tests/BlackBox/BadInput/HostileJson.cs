using System.Text;
using System.Text.Json;

namespace BlackBox.Tests.BadInput;

/// <summary>Bodies: good ones of every kind, made bad.</summary>
internal static class HostileJson
{
    /// <summary>What each kind of body looks like when it is good. Nothing here runs for long or takes the process down, or fails what is not under test.</summary>
    private static readonly string[] Good =
    [
        """{"type": "probe", "payload": {"note": "hostile"}}""",
        """{"type": "probe", "payload": {"effect": "hostile", "failFirst": 0, "failAs": "transient", "note": "x"}, "version": 1, "priority": "bulk", "orderingKey": "k", "correlationId": "c", "expiresIn": "PT1H"}""",
        """{"type": "probe.ordered", "payload": {"note": "o"}, "orderingKey": "strict"}""",
        """{"type": "email.welcome", "payload": {"to": "ada@example.org", "name": "Ada"}, "delay": "PT1S", "callbackUrl": "https://example.org/hook"}""",
        """{"type": "probe", "payload": {}, "notBefore": "2026-11-21T10:00:00Z", "unique": {"key": "u", "mode": "returnExisting", "for": "PT1S"}, "idempotencyKey": "i"}""",
        """[{"type": "probe", "payload": {}}, {"type": "probe", "payload": {"note": "second"}, "idempotencyKey": "b"}]""",
        """{"payload": {"note": "mended"}, "reason": "because"}""",
        """{"type": "probe", "fingerprint": "0123456789abcdef", "reason": "poison", "tenant": "default", "from": "2026-11-21T10:00:00Z", "to": "2026-11-22T10:00:00Z", "limit": 5, "dryRun": true, "why": "w"}""",
        """{"all": true, "limit": 1, "cursor": "MjAyNjExIA"}""",
        """{"latencyMs": 0, "failureRate": 0, "failWith": 503}""",
    ];

    /// <summary>Which of them a route takes, so that most come further than its first check. A route that is not here gets any.</summary>
    private static readonly Dictionary<string, Range> Fits = new(StringComparer.Ordinal)
    {
        ["api/jobs"] = ..5,
        ["api/jobs/bulk"] = ..6,
        ["api/dead-letters/{id}/replay"] = 6..7,
        ["api/dead-letters/replay"] = 7..9,
        ["sim/{name}"] = 9..,
    };

    public static byte[] Next(Random random, string route)
    {
        var good = random.Pick(random.Next(4) > 0 && Fits.TryGetValue(route, out var fits) ? Good[fits] : Good);
        return random.Next(20) switch
        {
            0 => Encoding.UTF8.GetBytes(good),
            1 => Encoding.UTF8.GetBytes(good[..random.Next(good.Length)]),
            2 => Flipped(random, Encoding.UTF8.GetBytes(good)),
            3 => Encoding.UTF8.GetBytes(Deep(random)),
            4 => Many(random),
            5 => Hostile.Bytes(random, random.Next(200)),
            6 => Encoding.UTF8.GetBytes(random.Pick(["null", "true", "[]", "{}", "\"\"", "0", "[[]]", "[null]", "{\"\":{}}", " ", "{}{}", "{},", "\ufeff{}", "//\n{}", "{\"a\":1,}"])),
            7 => Encoding.Unicode.GetBytes(good),
            8 => Encoding.UTF8.GetBytes(string.Join(random.Pick(["\n", "\r\n", "\r", "\0"]), Enumerable.Range(0, random.Next(1, 30)).Select(_ => good))),
            9 => Encoding.UTF8.GetBytes(good.Insert(good.IndexOf('{') + 1, "\"type\": \"probe\", \"type\": \"probe\", ")),
            _ => Rewritten(random, good),
        };
    }

    /// <summary>One of its values, or two or three, are put in the place of others.</summary>
    private static byte[] Rewritten(Random random, string good)
    {
        var values = new List<(int Start, int Length)>();
        var reader = new Utf8JsonReader(Encoding.UTF8.GetBytes(good));
        while (reader.Read())
        {
            if (reader.TokenType is not (JsonTokenType.EndObject or JsonTokenType.EndArray or JsonTokenType.StartObject or JsonTokenType.StartArray) && (reader.TokenType != JsonTokenType.PropertyName || random.Next(4) == 0))
                values.Add(((int)reader.TokenStartIndex, (int)reader.BytesConsumed - (int)reader.TokenStartIndex));
        }
        var bytes = Encoding.UTF8.GetBytes(good).ToList();
        foreach (var (start, length) in Enumerable.Range(0, random.Next(2) == 0 ? 1 : random.Next(1, 4)).Select(_ => random.Pick(values)).Distinct().OrderByDescending(one => one.Start))
        {
            var isName = Encoding.UTF8.GetString([.. bytes.GetRange(start, length)]).EndsWith(':');
            bytes.RemoveRange(start, length);
            bytes.InsertRange(start, isName ? [.. Quoted(random), (byte)':'] : Value(random));
        }
        return [.. bytes];
    }

    private static byte[] Value(Random random) => random.Next(8) switch
    {
        0 or 1 => Encoding.ASCII.GetBytes(Hostile.Number(random)),
        2 => Encoding.ASCII.GetBytes(random.Pick(["null", "true", "false", "{}", "[]", "[[[]]]", "{\"a\":{\"b\":[1,2,{}]}}", "nul", "'x'"])),
        3 => Encoding.UTF8.GetBytes(JsonSerializer.Serialize(Hostile.Address(random))),
        _ => Quoted(random),
    };

    /// <summary>A string: well written; half of a pair; bytes that are no UTF-8; escapes that are none.</summary>
    private static byte[] Quoted(Random random) => random.Next(8) switch
    {
        0 => Encoding.ASCII.GetBytes(random.Pick(["\"\\ud800\"", "\"\\udfff\"", "\"a\\ud83dA\"", "\"\\ud83d\\u0041\"", "\"\\udc00\\ud800\"", "\"\\ud83d\\ude00\"", "\"\\uD800\\uD800\"", "\"\\\\ud800\"", "\"\\ud8\"", "\"\\x\"", "\"\\u0000\""])),
        1 => [(byte)'"', .. random.Pick<byte[]>([[0xff], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xf5, 0x80, 0x80, 0x80], [0xe2, 0x82], [0x80], [0xf0, 0x9f, 0x98]]), (byte)'"'],
        2 => [(byte)'"', .. Encoding.UTF8.GetBytes("raw\ncontrol\0"), (byte)'"'],
        _ => JsonSerializer.SerializeToUtf8Bytes(Hostile.Text(random)),
    };

    private static byte[] Flipped(Random random, byte[] bytes)
    {
        for (var changes = random.Next(1, 6); changes > 0; changes--)
            bytes[random.Next(bytes.Length)] = (byte)random.Next(256);
        return bytes;
    }

    private static string Deep(Random random)
    {
        var depth = random.Pick([60, 64, 65, 66, 1_000, 100_000]);
        var inner = random.Next(2) == 0
            ? string.Concat(Enumerable.Repeat("[", depth)) + (random.Next(2) == 0 ? new string(']', depth) : "")
            : string.Concat(Enumerable.Repeat("{\"a\":", depth)) + "1" + new string('}', depth);
        return random.Next(2) == 0 ? inner : $$"""{"type": "probe", "payload": {{inner}}}""";
    }

    /// <summary>Ten thousand properties, known or not, in the body or in the payload; or one with a name of half a mebibyte.</summary>
    private static byte[] Many(Random random)
    {
        var repeated = random.Next(3) == 0 ? random.Next(10_000) : -1;
        var names = random.Next(4) == 0 ? [new string('n', 500_000)] : Enumerable.Range(0, 10_000).Select(number => number == repeated ? "p0" : $"p{number}");
        var many = string.Join(',', names.Select(name => $"\"{name}\":1"));
        return Encoding.UTF8.GetBytes(random.Next(2) == 0 ? $$"""{"type": "probe", "payload": {}, {{many}}}""" : $$$"""{"type": "probe", "payload": {{{{many}}}}}""");
    }
}
