using System.Text;
using System.Text.RegularExpressions;

namespace BlackBox.Tests.BadInput;

/// <summary>A request that is well framed, so that it reaches the app, and hostile in all else.</summary>
internal sealed partial record HostileRequest(string Method, string Route, byte[] Bytes)
{
    private static readonly string[] Methods = ["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "TRACE", "FOO", "get", "PROPFIND"];

    private static readonly string[] Queries = ["wait", "state", "type", "tenant", "from", "to", "limit", "cursor", "fingerprint", "reason", "nonsense", "WAIT", ""];

    private static readonly string[] Types = ["application/json; charset=utf-8", "application/json; charset=utf-99", "application/x-ndjson", "APPLICATION/JSON", "text/plain", "multipart/form-data; boundary=x", "application/json, text/plain", "a/b/c", "*/*", ";", "application/json;;"];

    private static readonly string[] Names =
    [
        "Idempotency-Key", "Weir-Tenant", "Weir-Operator", "traceparent", "tracestate", "baggage", "Accept", "Accept-Encoding", "If-Match", "Range", "X-HTTP-Method-Override", "X-Forwarded-For", "X-Forwarded-Proto", "X-Original-URL", "Cookie", "Origin",
        "X-MS-CLIENT-PRINCIPAL", "X-Api-Key", "Content-Encoding", "Forwarded", "Expect", "X-Injected",
    ];

    private static readonly string[] Traces = ["00-00000000000000000000000000000000-0000000000000000-00", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "ff-" + new string('f', 32) + "-" + new string('f', 16) + "-ff", "00", new string('0', 2_000)];

    public static HostileRequest Next(Random random, IReadOnlyList<Route> routes, string? key)
    {
        // Half of them to a route that takes a body, and most of these to a submission, which has the most to get wrong.
        var route = random.Next(2) == 0 ? random.Pick(routes) : random.Pick([.. routes.Where(one => one.Methods.Any(TakesBody) && (random.Next(3) == 0 || one.Template.StartsWith("api/jobs", StringComparison.Ordinal)))]);
        var method = random.Next(12) == 0 || route.Methods.Length == 0 ? random.Pick(Methods) : random.Pick(route.Methods).ToUpperInvariant();
        var head = new StringBuilder($"{method} /{Target(random, route.Template)} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n");
        if (key is not null && random.Next(20) > 0)
            head.Append("Authorization: Bearer ").Append(key).Append("\r\nWeir-Tenant: default\r\n");
        for (var count = random.Next(4) == 0 ? random.Next(1, 5) : 0; count > 0; count--)
            head.Append(Header(random));
        var body = method is "GET" or "HEAD" or "TRACE" && random.Next(8) > 0 ? [] : HostileJson.Next(random, route.Template);
        if (body.Length > 0 || random.Next(2) == 0)
            head.Append("Content-Type: ").Append(random.Next(3) > 0 ? "application/json" : random.Pick(Types)).Append("\r\n");
        return new HostileRequest(method, route.ToString(), Framed(random, head, body));
    }

    private static bool TakesBody(string method) => method is "post" or "put" or "patch";

    private static byte[] Framed(Random random, StringBuilder head, byte[] body)
    {
        if (random.Next(4) > 0 || body.Length == 0)
            return [.. Encoding.Latin1.GetBytes(head.Append("Content-Length: ").Append(body.Length).Append("\r\n\r\n").ToString()), .. body];
        var framed = new List<byte>(Encoding.Latin1.GetBytes(head.Append("Transfer-Encoding: chunked\r\n\r\n").ToString()));
        for (var at = 0; at < body.Length;)
        {
            var length = Math.Min(body.Length - at, random.Next(1, 20_000));
            framed.AddRange(Encoding.ASCII.GetBytes($"{length:x}\r\n"));
            framed.AddRange(body.AsSpan(at, length));
            framed.AddRange("\r\n"u8);
            at += length;
        }
        framed.AddRange("0\r\n\r\n"u8);
        return [.. framed];
    }

    private static string Target(Random random, string template)
    {
        var path = Parameter().Replace(template, _ => Segment(random));
        path = random.Next(20) switch
        {
            0 => path + random.Pick(["/", "//", "/..", "/.", "/%2e%2e", "/%2e%2e/%2e%2e/secrets", "%2f", ";x=1", "/%5c..%5c", "%20", ".json", "/$metadata"]),
            1 => "/" + path,
            2 => path.ToUpperInvariant(),
            3 => path.Replace("/", "%2f", StringComparison.Ordinal),
            4 => "%61" + path[1..],
            _ => path,
        };
        var query = Enumerable.Range(0, random.Next(3) == 0 ? 0 : random.Next(1, 4)).Select(_ => $"{random.Pick(Queries)}={Escaped(random, QueryValue(random))}");
        return string.Join('?', [path, .. query.Any() ? new[] { string.Join('&', query) } : []]);
    }

    private static string Segment(Random random) => random.Next(6) switch
    {
        0 => "00000000-0000-4000-8000-" + random.Next(1_000_000).ToString("D12", System.Globalization.CultureInfo.InvariantCulture),
        1 => random.Pick(["probe", "email", "email.welcome", "groups", "bulk", "replay", "hostile", "live"]),
        2 => random.Pick(["%2e%2e", "..%2f..%2fetc%2fpasswd", "%252e%252e", "%c0%ae%c0%ae", "%ff", "%ed%a0%80", "%f0%9f%98%80", "%0d%0aX-Injected:%20yes", "%09", "%7f", "%", "%zz", "a%2Fb", "%5c", "'%20or%201%20eq%201", "{id}", "*", "~", "%23", "%3f", new string('x', 2_000)]),
        _ => Escaped(random, Hostile.Text(random)),
    };

    private static string QueryValue(Random random) => random.Next(6) switch
    {
        0 => Hostile.Duration(random),
        1 => Hostile.Cursor(random),
        2 => Hostile.Time(random),
        3 => Hostile.Number(random),
        4 => random.Pick(["succeeded", "open", "poison", "default", "probe", "deadLettered", "0123456789abcdef"]),
        _ => Hostile.Text(random),
    };

    /// <summary>Escaped as it should be, but for the NUL, which the server itself refuses in a path; no longer than a request line may be.</summary>
    private static string Escaped(Random random, string text)
    {
        var escaped = Uri.EscapeDataString(text.Length <= 900 ? text : text[..900]).Replace("%00", "%01", StringComparison.Ordinal);
        return random.Next(6) == 0 ? escaped.Replace("%20", "+", StringComparison.Ordinal) : escaped;
    }

    private static string Header(Random random)
    {
        var name = random.Pick(Names);
        var value = name switch
        {
            "traceparent" => random.Pick(Traces),
            "Expect" => "100-continue",
            "Idempotency-Key" when random.Next(2) == 0 => random.Pick(["\"open", "\"a\\", "\"a\"b", "\"\\\"\"", new string('k', 257), "a, b", "\"\""]),
            _ => Hostile.Text(random),
        };
        // Line ends and the NUL are the server's to refuse: Framing has them.
        return $"{name}: {string.Concat(value.Take(2_000).Where(letter => letter is >= ' ' and <= '~'))}\r\n";
    }

    public override string ToString() => $"{Route}: {Hostile.Shown(Bytes)}";

    [GeneratedRegex(@"\{[^}]*\}")]
    private static partial Regex Parameter();
}
