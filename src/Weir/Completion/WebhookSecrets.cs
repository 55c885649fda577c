using System.Security.Cryptography;
using System.Text;
using Microsoft.Extensions.Configuration;

namespace Weir.Completion;

/// <summary>
/// What webhooks are signed with (https://www.standardwebhooks.com): <c>Weir:Webhooks:Secret</c>, or <c>Weir:Webhooks:Tenants:&lt;tenant&gt;:Secret</c> for one
/// tenant. Several, with spaces between them, all sign: so a receiver can be moved from one to the next.
/// </summary>
internal sealed class WebhookSecrets
{
    public const string Setting = $"{Section}:Secret";

    /// <summary>Signs in development, where no other is configured. Known to everybody: it proves nothing.</summary>
    public const string Development = "whsec_d2Vpci1kZXZlbG9wbWVudC1vbmx5LXNlY3JldA==";

    private const string Section = "Weir:Webhooks";
    private const string Prefix = "whsec_";

    private readonly IReadOnlyList<byte[]> everybodys;
    private readonly Dictionary<string, IReadOnlyList<byte[]>> ofTenant;

    /// <exception cref="InvalidOperationException">A secret is not in the standard's form.</exception>
    public WebhookSecrets(IConfiguration configuration, bool development)
    {
        everybodys = Read(configuration[Setting] ?? (development ? Development : ""), Setting);
        ofTenant = configuration.GetSection($"{Section}:Tenants").GetChildren()
            .ToDictionary(section => section.Key, section => Read(section["Secret"] ?? "", $"{section.Path}:Secret"), StringComparer.Ordinal);
    }

    /// <summary>None when this tenant's webhooks cannot be signed.</summary>
    public IReadOnlyList<byte[]> Of(string tenant) => ofTenant.GetValueOrDefault(tenant, everybodys);

    /// <summary>The header webhook-signature: "v1,…", once for each secret.</summary>
    public static string Sign(IReadOnlyList<byte[]> secrets, string id, long timestamp, string body)
    {
        var signed = Encoding.UTF8.GetBytes(string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{id}.{timestamp}.{body}"));
        return string.Join(' ', secrets.Select(secret => $"v1,{Convert.ToBase64String(HMACSHA256.HashData(secret, signed))}"));
    }

    private static IReadOnlyList<byte[]> Read(string text, string setting) =>
        [.. text.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(secret => Decode(secret, setting))];

    private static byte[] Decode(string secret, string setting)
    {
        Span<byte> bytes = stackalloc byte[64];
        return secret.StartsWith(Prefix, StringComparison.Ordinal) && Convert.TryFromBase64Chars(secret.AsSpan(Prefix.Length), bytes, out var length) && length >= 24
            ? bytes[..length].ToArray()
            : throw new InvalidOperationException($"{setting} is not valid: expected {Prefix} and 24 to 64 bytes in base64, or several of those with spaces between them.");
    }
}
