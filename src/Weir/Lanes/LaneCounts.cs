using System.Globalization;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Options;

namespace Weir.Lanes;

/// <summary>
/// How many lanes each tenant has in each queue: <c>Weir:Tenants:acme:Lanes:bulk</c>, else <c>Weir:Tenants:acme:Lanes</c>, else <c>Weir:Lanes</c>. That many
/// of its jobs can run at once there, on all instances together. Read at start; another count moves ordering keys to other lanes,
/// so let the tenant's queues drain first where order matters (docs/guarantees.md).
/// </summary>
internal sealed class LaneCounts
{
    private const string TenantsSection = "Weir:Tenants";
    private const string Lanes = "Lanes";
    private const int Most = 1_000;

    private readonly int otherwise;
    private readonly Dictionary<string, Dictionary<Queue, int>> byTenant = new(StringComparer.OrdinalIgnoreCase); // as configuration's own keys are

    /// <exception cref="InvalidOperationException">A count is out of range, or a queue is none.</exception>
    public LaneCounts(IConfiguration configuration, IOptions<WeirOptions> options)
    {
        otherwise = options.Value.Lanes;
        foreach (var tenant in configuration.GetSection(TenantsSection).GetChildren())
            byTenant[tenant.Key] = Read(tenant.GetSection(Lanes), otherwise);
    }

    public int Of(string tenant, Queue queue) => byTenant.TryGetValue(tenant, out var counts) ? counts[queue] : otherwise;

    private static Dictionary<Queue, int> Read(IConfigurationSection section, int otherwise)
    {
        var all = section.Value is { Length: > 0 } ? Count(section) : otherwise;
        var counts = Enum.GetValues<Queue>().ToDictionary(queue => queue, _ => all);
        foreach (var one in section.GetChildren())
        {
            if (!Enum.TryParse<Queue>(one.Key, ignoreCase: true, out var queue) || !Enum.IsDefined(queue))
                throw new InvalidOperationException($"{one.Path}: there is no queue '{one.Key}'; expected one of {string.Join(", ", Enum.GetNames<Queue>().Select(name => name.ToLowerInvariant()))}.");
            counts[queue] = Count(one);
        }
        return counts;
    }

    private static int Count(IConfigurationSection section) =>
        int.TryParse(section.Value, NumberStyles.None, CultureInfo.InvariantCulture, out var count) && count is >= 1 and <= Most
            ? count
            : throw new InvalidOperationException($"{section.Path} is '{section.Value}'; expected a whole number from 1 to {Most:N0}.");
}
