using System.Security.Cryptography;
using System.Text;
using Azure.Messaging.ServiceBus;

namespace BlackBox.Tests.BadInput;

/// <summary>Messages as Weir makes them, with some of what they say made wrong.</summary>
internal static class HostileMessage
{
    /// <param name="random">The seed.</param>
    /// <param name="messageId">Tells it from the others, in the catalogue too.</param>
    /// <param name="jobId">The job that it claims to be of.</param>
    public static ServiceBusMessage Next(Random random, string messageId, string jobId)
    {
        var body = random.Next(4) switch
        {
            0 => [],
            1 => Hostile.Bytes(random, random.Next(1, 2_000)),
            2 => HostileJson.Next(random, "api/jobs"),
            _ => """{"effect": "forged"}"""u8.ToArray(),
        };
        var message = new ServiceBusMessage(body.Length > 190_000 ? body.AsSpan(0, 190_000).ToArray() : body)
        {
            MessageId = messageId,
            SessionId = random.Next(4) == 0 ? Short(random, "s") : $"default.{random.Next(32)}",
            Subject = random.Next(4) == 0 ? Short(random, "t") : random.Pick(["probe", "probe.ordered", "email.welcome", "weir.webhook", "no.such.type"]),
        };
        if (random.Next(10) == 0)
            (message.CorrelationId, message.ContentType, message.ReplyTo) = (Short(random, "c"), Short(random, "c"), Short(random, "r"));
        var properties = message.ApplicationProperties;
        properties["weir-job"] = jobId;
        properties["weir-version"] = random.Pick([1, 1, 1, 2, 99]);
        properties["weir-attempt"] = random.Pick([1, 1, 2, 7]);
        properties["weir-put-offs"] = 0;
        properties["weir-receipt"] = "W/\"1\"";
        properties["weir-payload-sha256"] = Convert.ToHexStringLower(SHA256.HashData(message.Body.ToMemory().Span));
        properties["weir-tenant"] = "default";
        foreach (var change in Enumerable.Range(0, random.Next(4)))
            Damage(random, properties);
        if (random.Next(15) == 0)
            properties.Clear();
        return message;
    }

    private static void Damage(Random random, IDictionary<string, object> properties)
    {
        switch (random.Next(12))
        {
            case 0:
                properties.Remove(random.Pick([.. properties.Keys.Order(StringComparer.Ordinal), "weir-job"]));
                break;
            case 1:
                properties[random.Pick([.. properties.Keys.Order(StringComparer.Ordinal), "weir-job"])] = AnyValue(random);
                break;
            case 2:
                properties["weir-receipt"] = random.Pick(["*", "", "W/\"", "\"\"", "W/\"1\"\r\nX-Injected: yes", "W/\"2147483648\"", new string('e', 10_000), "W/\"datetime'2020-01-01T00%3A00%3A00Z'\"", "null"]);
                break;
            case 3:
                properties["weir-payload-sha256"] = random.Pick(["", "0", new string('0', 64), new string('A', 64), new string('f', 63), Hostile.Text(random)]);
                break;
            case 4:
                properties[random.Pick(["weir-attempt", "weir-put-offs", "weir-version", "weir-earlier-attempts", "weir-replays", "weir-follows"])] = random.Pick<object>([-1, 0, int.MaxValue, int.MinValue, 1_000_000_000, 1L, "1", 1.5]);
                break;
            case 5:
                properties["weir-expires"] = random.Pick<object>([DateTimeOffset.MinValue, DateTimeOffset.MaxValue, DateTimeOffset.UnixEpoch, new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero), "2026-01-01", 7]);
                break;
            case 6:
                properties["weir-submitted"] = random.Pick<object>([DateTimeOffset.MinValue, DateTimeOffset.MaxValue, DateTimeOffset.UnixEpoch, DateTime.MinValue, "x"]);
                break;
            case 7:
                properties["weir-strict-key"] = random.Pick(["", "a/b#c?d\\e", "a\nb", new string('k', 2_000), "default.Default.forged", "'"]);
                properties["weir-ordering-key"] = random.Pick(["forged", "", "a\n", new string('o', 2_000)]);
                break;
            case 8:
                properties["traceparent"] = Hostile.Text(random);
                break;
            case 9:
                properties["weir-tenant"] = Hostile.Text(random);
                break;
            case 10:
                properties[Short(random, "p")] = AnyValue(random);
                break;
            default:
                properties["weir-follows"] = random.Pick([1, 2, 3, 4, 7, 255]);
                break;
        }
    }

    private static object AnyValue(Random random) => random.Pick<object>(
    [
        true, (byte)255, (short)-1, 7, long.MaxValue, 1.5f, double.NaN, double.PositiveInfinity, 79_228_162_514_264_337_593_543_950_335m, 'x', Guid.Empty, TimeSpan.MinValue, new DateTime(1, 1, 1, 0, 0, 0, DateTimeKind.Utc),
        new Uri("https://example.org/"), Hostile.Text(random), Hostile.Text(random),
    ]);

    /// <summary>Service Bus itself holds 128 characters of these, and a session's is never empty.</summary>
    private static string Short(Random random, string otherwise)
    {
        var text = Hostile.Text(random);
        return text.Length is 0 or > 100 ? otherwise : Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(text));
    }
}
