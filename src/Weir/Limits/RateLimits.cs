using System.Globalization;
using Microsoft.Extensions.Configuration;
using Weir.Access;
using Weir.Catalog;

namespace Weir.Limits;

/// <summary>
/// Which limits are in force: a type's own (<see cref="JobAttribute.Rate"/>), or what configuration says instead (<c>Weir:Jobs:email.welcome:Rate=20/s</c>,
/// <c>:Burst=5</c>; <c>Rate=none</c> lifts it), and a tenant's over all its jobs (<c>Weir:Tenants:acme:Rate</c>, <c>:Burst</c>).
/// </summary>
internal sealed class RateLimits
{
    private const string None = "none";
    private const string JobsSection = "Weir:Jobs";
    private const string TenantsSection = "Weir:Tenants";

    private readonly Dictionary<string, RateLimit> byType = new(StringComparer.Ordinal);
    private readonly Dictionary<string, RateLimit> byTenant = new(StringComparer.OrdinalIgnoreCase); // as configuration's own keys are

    /// <exception cref="InvalidOperationException">A setting or an attribute says what cannot be.</exception>
    public RateLimits(IConfiguration configuration, JobCatalog catalog)
    {
        foreach (var type in catalog.Types)
        {
            if (Read(configuration.GetSection($"{JobsSection}:{type.Name}"), LimitKind.Type, type.Name, type.Rate, type.Burst) is { } limit)
                byType[type.Name] = limit;
        }
        foreach (var section in configuration.GetSection(TenantsSection).GetChildren())
        {
            if (Read(section, LimitKind.Tenant, section.Key, rate: null, burst: 0) is not { } limit)
                continue;
            if (!Admission.IsTenant(section.Key))
                throw new InvalidOperationException($"{section.Path}: '{section.Key}' is no tenant; expected 1 to 64 letters, digits, dashes and underscores.");
            byTenant[section.Key] = limit;
        }
    }

    /// <summary>All, by their keys.</summary>
    public IEnumerable<RateLimit> All => byType.Values.Concat(byTenant.Values).OrderBy(limit => limit.Key, StringComparer.Ordinal);

    public RateLimit? OfType(string type) => byType.GetValueOrDefault(type);

    /// <summary>What a job has to keep to: none, one or both. Weir's own jobs are under no limit.</summary>
    public IReadOnlyList<RateLimit> Of(string type, string tenant)
    {
        if (type.StartsWith("weir.", StringComparison.Ordinal))
            return [];
        return (byType.GetValueOrDefault(type), byTenant.GetValueOrDefault(tenant)) switch
        {
            (null, null) => [],
            ({ } one, null) => [one],
            (null, { } one) => [one],
            var (one, other) => [one!, other!],
        };
    }

    private static RateLimit? Read(IConfigurationSection section, LimitKind kind, string name, string? rate, int burst)
    {
        if (section["Rate"] is { } setting)
            (rate, burst) = (setting == None ? null : setting, 0); // a burst belongs to its rate
        if (section["Burst"] is { } text && !int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out burst))
            throw new InvalidOperationException($"{section.Path}:Burst is '{text}'; expected a whole number from 1 to {RateLimit.MostBurst:N0}.");
        if (rate is null)
            return section["Burst"] is null ? null : throw new InvalidOperationException($"{section.Path}:Burst is set, but there is no Rate that it could belong to.");
        if (!Rate.TryParse(rate, out var parsed))
            throw new InvalidOperationException($"{section.Path}:Rate is '{rate}'; {Rate.Expected}, or '{None}'.");

        var limit = new RateLimit(kind, name, parsed, burst == 0 && section["Burst"] is null ? parsed.DefaultBurst : burst);
        return limit.Wrong is { } wrong ? throw new InvalidOperationException($"{section.Path} asks for {wrong}.") : limit;
    }
}
