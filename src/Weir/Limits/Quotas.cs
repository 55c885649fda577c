using System.Globalization;
using Microsoft.Extensions.Configuration;

namespace Weir.Limits;

/// <summary>What a tenant may have and send; null is as much as it likes.</summary>
/// <param name="OpenJobs">Jobs that have not ended.</param>
/// <param name="SubmissionsPerMinute">Jobs submitted in any minute.</param>
/// <param name="PayloadBytesPerDay">Bytes of payload in a day (UTC).</param>
internal sealed record Quotas(long? OpenJobs, long? SubmissionsPerMinute, long? PayloadBytesPerDay)
{
    public bool Any => OpenJobs is not null || SubmissionsPerMinute is not null || PayloadBytesPerDay is not null;
}

/// <summary>
/// Each tenant's quotas: <c>Weir:Tenants:acme:Quotas:OpenJobs</c>, <c>:SubmissionsPerMinute</c>, <c>:PayloadBytesPerDay</c>, each else from <c>Weir:Quotas</c>;
/// <c>none</c> lifts one. None are set by default.
/// </summary>
internal sealed class QuotaSettings
{
    private const string None = "none";
    private const long Most = 1_000_000_000_000_000;
    private const string TenantsSection = "Weir:Tenants";

    private static readonly string[] Known = [nameof(Quotas.OpenJobs), nameof(Quotas.SubmissionsPerMinute), nameof(Quotas.PayloadBytesPerDay)];

    private readonly Quotas otherwise;
    private readonly Dictionary<string, Quotas> byTenant = new(StringComparer.OrdinalIgnoreCase); // as configuration's own keys are

    /// <exception cref="InvalidOperationException">A figure is none, or there is no such quota.</exception>
    public QuotaSettings(IConfiguration configuration)
    {
        otherwise = Read(configuration.GetSection("Weir:Quotas"), new Quotas(null, null, null));
        foreach (var tenant in configuration.GetSection(TenantsSection).GetChildren())
            byTenant[tenant.Key] = Read(tenant.GetSection("Quotas"), otherwise);
    }

    /// <summary>Whether any tenant has any.</summary>
    public bool Any => otherwise.Any || byTenant.Values.Any(quotas => quotas.Any);

    /// <summary>The tenants with quotas of their own, by name.</summary>
    public IEnumerable<string> Tenants => byTenant.Where(one => one.Value.Any).Select(one => one.Key).Order(StringComparer.Ordinal);

    public Quotas Of(string tenant) => byTenant.GetValueOrDefault(tenant, otherwise);

    private static Quotas Read(IConfigurationSection section, Quotas otherwise)
    {
        if (section.GetChildren().FirstOrDefault(one => !Known.Contains(one.Key, StringComparer.OrdinalIgnoreCase)) is { } unknown)
            throw new InvalidOperationException($"{unknown.Path}: there is no such quota; expected one of {string.Join(", ", Known)}.");
        return new Quotas(
            Read(section, nameof(Quotas.OpenJobs), otherwise.OpenJobs),
            Read(section, nameof(Quotas.SubmissionsPerMinute), otherwise.SubmissionsPerMinute),
            Read(section, nameof(Quotas.PayloadBytesPerDay), otherwise.PayloadBytesPerDay));
    }

    private static long? Read(IConfigurationSection section, string name, long? otherwise) => section[name] switch
    {
        null => otherwise,
        None => null,
        var text when long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var figure) && figure is >= 1 and <= Most => figure,
        var wrong => throw new InvalidOperationException($"{section.Path}:{name} is '{wrong}'; expected a whole number from 1, or '{None}'."),
    };
}
