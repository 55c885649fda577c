using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using System.Text.RegularExpressions;
using Microsoft.Extensions.Configuration;

namespace Weir.Shards;

/// <summary>A whole Weir of its own: its namespace, its storage account, its function app.</summary>
/// <param name="Name">What tenants are pinned to; never given to another shard.</param>
/// <param name="Address">Scheme, host and perhaps a path, without a slash at the end.</param>
/// <param name="Closed">It takes no tenant that has no shard yet; those that it has stay.</param>
internal sealed record Shard(string Name, string Address, bool Closed);

/// <summary>The shards behind a front: <c>Weir:Shards:&lt;n&gt;:{Name, Url, Closed}</c>, in the order of their names.</summary>
internal sealed partial class ShardMap
{
    public const string Section = "Weir:Shards";

    /// <summary>What an operator asks of all tenants goes to every shard: more than these want another design.</summary>
    public const int Most = 64;

    private readonly Shard[] shards;

    /// <exception cref="InvalidOperationException">A shard's settings are not complete or not valid, or none is open.</exception>
    public ShardMap(IConfiguration configuration)
    {
        shards = [.. configuration.GetSection(Section).GetChildren().Select(Read).OrderBy(shard => shard.Name, StringComparer.Ordinal)];
        if (shards.Length is 0 or > Most)
            throw new InvalidOperationException($"{Section} lists {shards.Length} shards; expected 1 to {Most}.");
        if (shards.GroupBy(shard => shard.Name, StringComparer.Ordinal).FirstOrDefault(group => group.Count() > 1) is { } twice)
            throw new InvalidOperationException($"{Section} has the name '{twice.Key}' more than once.");
        if (shards.GroupBy(shard => shard.Address, StringComparer.OrdinalIgnoreCase).FirstOrDefault(group => group.Count() > 1) is { } same)
            throw new InvalidOperationException($"{Section} has the Url '{same.Key}' more than once: {string.Join(" and ", same.Select(shard => shard.Name))}.");
        if (shards.All(shard => shard.Closed))
            throw new InvalidOperationException($"{Section}: every shard is closed, so no new tenant could be taken. Open one.");
    }

    public IReadOnlyList<Shard> All => shards;

    /// <summary>Whether these are the settings of a front.</summary>
    public static bool IsFront(IConfiguration configuration) => configuration.GetSection(Section).GetChildren().Any();

    public Shard? Find(string name) => Array.Find(shards, shard => shard.Name == name);

    /// <summary>
    /// Where a tenant goes that has no shard yet: to the open one with the highest hash of both names (rendezvous), so that every front with the same list
    /// chooses the same, tenants spread evenly, and a new shard draws its share of the new ones.
    /// </summary>
    public Shard Choose(string tenant) => shards.Where(shard => !shard.Closed).MaxBy(shard => Weight(shard.Name, tenant))!;

    private static ulong Weight(string shard, string tenant)
    {
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(Encoding.UTF8.GetBytes($"{shard}\n{tenant}"), hash);
        return BinaryPrimitives.ReadUInt64BigEndian(hash);
    }

    private static Shard Read(IConfigurationSection section)
    {
        var name = section["Name"] ?? "";
        if (!ValidName().IsMatch(name))
            throw new InvalidOperationException($"{section.Path}:Name is '{name}'; expected 1 to 32 small letters, digits and dashes.");
        var url = section["Url"] ?? "";
        if (!Uri.TryCreate(url, UriKind.Absolute, out var address) || address.Scheme is not ("http" or "https") || address.UserInfo.Length + address.Query.Length + address.Fragment.Length > 0)
            throw new InvalidOperationException($"{section.Path}:Url is '{url}'; expected the address of the shard's app, such as https://weir-a.azurewebsites.net.");
        if (address.Scheme != "https" && !address.IsLoopback)
            throw new InvalidOperationException($"{section.Path}:Url is '{url}'; callers' keys go there, so it has to be https.");
        if (section["Closed"] is { } text && !bool.TryParse(text, out _))
            throw new InvalidOperationException($"{section.Path}:Closed is '{text}'; expected true or false.");
        return new Shard(name, address.AbsoluteUri.TrimEnd('/'), bool.TryParse(section["Closed"], out var closed) && closed);
    }

    [GeneratedRegex(@"\A[a-z0-9-]{1,32}\z")]
    private static partial Regex ValidName();
}
