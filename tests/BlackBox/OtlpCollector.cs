using System.Net;
using System.Text;

namespace BlackBox.Tests;

/// <summary>
/// The other side of OTLP over HTTP: keeps the spans that were exported to it, as the protocol says (opentelemetry-proto, ExportTraceServiceRequest), the names of metrics, and logs as they came.
/// </summary>
internal sealed class OtlpCollector : IAsyncDisposable
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    private readonly List<ExportedSpan> spans = [];
    private readonly HashSet<string> metrics = [];
    private readonly StringBuilder logs = new();
    private readonly OtherSide server;

    public OtlpCollector()
    {
        server = new OtherSide(KeepAsync);
        Url = $"http://127.0.0.1:{server.Port}";
    }

    public string Url { get; }

    /// <summary>For a process that is to export here: over HTTP, five times a second.</summary>
    public (string Name, string Value)[] Settings =>
        [("OTEL_EXPORTER_OTLP_ENDPOINT", Url), ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"), ("OTEL_BSP_SCHEDULE_DELAY", "200"), ("OTEL_METRIC_EXPORT_INTERVAL", "500"), ("OTEL_BLRP_SCHEDULE_DELAY", "200")];

    public IReadOnlyList<ExportedSpan> Spans
    {
        get
        {
            lock (spans)
                return [.. spans];
        }
    }

    /// <summary>The names of the metrics that have come so far.</summary>
    public IReadOnlySet<string> Metrics
    {
        get
        {
            lock (metrics)
                return metrics.ToHashSet();
        }
    }

    /// <summary>The bytes of the logs that have come so far, as text: their texts stand in them as they are.</summary>
    public string Logs
    {
        get
        {
            lock (logs)
                return logs.ToString();
        }
    }

    /// <summary>All spans, as soon as they are what is asked for.</summary>
    public async Task<IReadOnlyList<ExportedSpan>> UntilAsync(Func<IReadOnlyList<ExportedSpan>, bool> holds)
    {
        using var limit = new CancellationTokenSource(Limit);
        while (!holds(Spans))
        {
            if (limit.IsCancellationRequested)
                Assert.Fail($"Not what was expected:\n{string.Join('\n', Spans)}");
            await Task.Delay(50);
        }
        return Spans;
    }

    public ValueTask DisposeAsync() => server.DisposeAsync();

    private async Task KeepAsync(HttpListenerContext context)
    {
        var body = new MemoryStream();
        await context.Request.InputStream.CopyToAsync(body);
        if (context.Request.Url!.AbsolutePath == "/v1/traces")
        {
            lock (spans)
                spans.AddRange(ExportedSpan.Read(body.ToArray()));
        }
        if (context.Request.Url.AbsolutePath == "/v1/metrics")
        {
            lock (metrics)
                metrics.UnionWith(ExportedSpan.MetricNames(body.ToArray()));
        }
        if (context.Request.Url.AbsolutePath == "/v1/logs")
        {
            lock (logs)
                logs.Append(Encoding.UTF8.GetString(body.ToArray()));
        }
        context.Response.ContentType = "application/x-protobuf";
    }
}

/// <param name="Links">The traces that it is linked to.</param>
/// <param name="Tags">Its attributes that are texts or whole numbers.</param>
internal sealed record ExportedSpan(string Name, string TraceId, string SpanId, string ParentId, IReadOnlyList<string> Links, IReadOnlyDictionary<string, string> Tags)
{
    public string? this[string tag] => Tags.GetValueOrDefault(tag);

    public override string ToString() => $"{Name} {TraceId} {string.Join(' ', Tags.Select(tag => $"{tag.Key}={tag.Value}"))} -> {string.Join(' ', Links)}";

    /// <summary>resource_spans (1) → scope_spans (2) → spans (2).</summary>
    public static IEnumerable<ExportedSpan> Read(byte[] request) =>
        from resource in Wire.Fields(request).Where(field => field.Number == 1)
        from scope in Wire.Fields(resource.Bytes).Where(field => field.Number == 2)
        from span in Wire.Fields(scope.Bytes).Where(field => field.Number == 2)
        select Of([.. Wire.Fields(span.Bytes)]);

    /// <summary>resource_metrics (1) → scope_metrics (2) → metrics (2) → name (1).</summary>
    public static IEnumerable<string> MetricNames(byte[] request) =>
        from resource in Wire.Fields(request).Where(field => field.Number == 1)
        from scope in Wire.Fields(resource.Bytes).Where(field => field.Number == 2)
        from metric in Wire.Fields(scope.Bytes).Where(field => field.Number == 2)
        select Wire.Fields(metric.Bytes).First(field => field.Number == 1).Text;

    private static ExportedSpan Of(Wire[] fields)
    {
        var links = fields.Where(field => field.Number == 13).Select(link => Wire.Fields(link.Bytes).First(field => field.Number == 1));
        var tags = new Dictionary<string, string>();
        foreach (var pair in fields.Where(field => field.Number == 9).Select(field => Wire.Fields(field.Bytes).ToArray()))
        {
            var value = Wire.Fields(pair.First(field => field.Number == 2).Bytes).FirstOrDefault();
            tags[pair.First(field => field.Number == 1).Text] = value.Number switch { 1 => value.Text, 3 => value.Value.ToString(System.Globalization.CultureInfo.InvariantCulture), _ => "" };
        }
        return new ExportedSpan(Of(5).Text, Of(1).Hex, Of(2).Hex, Of(4).Hex, [.. links.Select(link => link.Hex)], tags);

        Wire Of(int number) => fields.FirstOrDefault(field => field.Number == number);
    }
}

/// <summary>A field of a protobuf message (https://protobuf.dev/programming-guides/encoding/).</summary>
internal readonly record struct Wire(int Number, ulong Value, byte[] Bytes)
{
    public string Text => Encoding.UTF8.GetString(Bytes ?? []);

    public string Hex => Convert.ToHexStringLower(Bytes ?? []);

    public static IEnumerable<Wire> Fields(byte[] message)
    {
        for (var at = 0; at < message.Length;)
        {
            var tag = Varint(message, ref at);
            var (value, length) = (tag & 7) switch
            {
                0 => (Varint(message, ref at), 0),
                1 => (0ul, 8),
                2 => (0ul, (int)Varint(message, ref at)),
                5 => (0ul, 4),
                var kind => throw new InvalidDataException($"{kind} is no kind of field."),
            };
            yield return new Wire((int)(tag >> 3), value, message[at..(at + length)]);
            at += length;
        }
    }

    private static ulong Varint(byte[] message, ref int at)
    {
        var value = 0ul;
        for (var shift = 0; ; shift += 7)
        {
            var part = message[at++];
            value |= (ulong)(part & 0x7F) << shift;
            if (part < 0x80)
                return value;
        }
    }
}
