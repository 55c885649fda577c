using System.Security.Cryptography;
using System.Text;
using System.Text.RegularExpressions;
using Microsoft.Extensions.Configuration;

namespace Weir.Access;

/// <summary>
/// The API keys: <c>Weir:Keys:&lt;name&gt;:{Hash, Tenant, Scopes}</c>. Only the SHA-256 of a key is kept. A plain hash is enough, since a key
/// is 32 random bytes and not a password; and it makes all candidates one length, so that comparing takes one time.
/// </summary>
internal sealed partial class ApiKeys
{
    public const string Section = "Weir:Keys";

    /// <summary>What every key begins with, so that secret scanners and people know one when they see it.</summary>
    public const string Prefix = "weir_";

    private readonly (byte[] Hash, Caller Caller)[] keys;
    private readonly SameBytes same;

    /// <exception cref="InvalidOperationException">A key's settings are not complete or not valid.</exception>
    public ApiKeys(IConfiguration configuration) : this(configuration, CryptographicOperations.FixedTimeEquals)
    {
    }

    internal ApiKeys(IConfiguration configuration, SameBytes same)
    {
        this.same = same;
        keys = [.. configuration.GetSection(Section).GetChildren().Select(Read)];
    }

    internal delegate bool SameBytes(ReadOnlySpan<byte> one, ReadOnlySpan<byte> other);

    public bool Any => keys.Length > 0;

    /// <summary>
    /// Whose key this is; null when nobody's. Every key is compared, whichever it is and whether or not one was found: the time
    /// tells nothing about which keys there are.
    /// </summary>
    public Caller? Find(string key)
    {
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(Encoding.UTF8.GetBytes(key), hash);
        Caller? found = null;
        foreach (var (known, caller) in keys)
            found = same(hash, known) ? caller : found;
        return found;
    }

    /// <summary>The key of a name, which is no secret.</summary>
    public (Caller Caller, byte[] Hash)? Named(string name)
    {
        foreach (var (hash, caller) in keys)
        {
            if (caller.Name == name)
                return (caller, hash);
        }
        return null;
    }

    private static (byte[] Hash, Caller Caller) Read(IConfigurationSection section)
    {
        var hash = section["Hash"] ?? "";
        if (!ValidHash().IsMatch(hash))
            throw new InvalidOperationException($"{section.Path}:Hash is no SHA-256 in hexadecimal (64 digits). Keep the key itself out of the settings.");
        var tenant = section["Tenant"];
        if (tenant is null || (tenant != Caller.EveryTenant && !Admission.IsTenant(tenant)))
            throw new InvalidOperationException($"{section.Path}:Tenant is {(tenant is null ? "missing" : $"'{tenant}'")}; expected 1 to 64 letters, digits, dashes and underscores, or * for every tenant.");
        if (!Scopes.TryParse(section["Scopes"], out var scopes))
            throw new InvalidOperationException($"{section.Path}:Scopes is '{section["Scopes"]}'; expected some of submit, read and operate, with spaces between them.");
        return (Convert.FromHexString(hash), new Caller(section.Key, tenant == Caller.EveryTenant ? null : tenant, scopes));
    }

    [GeneratedRegex(@"\A[0-9A-Fa-f]{64}\z")]
    private static partial Regex ValidHash();
}
