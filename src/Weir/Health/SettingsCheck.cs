using Microsoft.Extensions.Configuration;
using Weir.Catalog;

namespace Weir.Health;

/// <summary>
/// Which settings under <c>Weir:</c> nobody reads (a typing error keeps a default that nobody sees), and which contradict one another. What is out of its range stops the start, so it is not looked for
/// here. Values are never told, only names: keys and secrets are among them.
/// </summary>
internal static class SettingsCheck
{
    /// <summary>What may follow <c>Weir:</c>; * is any name, ** all that follows.</summary>
    private static readonly string[] Known =
    [
        "Lanes", "Lease", "CancellationGrace", "Retention", "BodyTimeout", "MaxInFlight", "MaxInFlightBytes", "LockDuration", "Tenant", "KillPoint", "Probe:Enabled",
        "Reconcile:Every", "Reconcile:After", "Statistics:**", "Controls:**", "Entra:**", "Keys:**", "Shards:**", "Webhooks:**", "Retries:**", "Pressure:**", "Quotas:**", "Metrics:**", "Cost:**",
        "SyntheticCheck:Enabled", "SyntheticCheck:Type", "SyntheticCheck:Every", "SyntheticCheck:Limit",
        "Queues:*:Concurrency", "Tenants:*:Rate", "Tenants:*:Burst", "Tenants:*:Quotas:**", "Tenants:*:Lanes:**", "Tenants:*:Lanes",
        "Jobs:*:Rate", "Jobs:*:Burst", "Jobs:*:Retry", "Jobs:*:RetryPercentage", "Jobs:*:MaxConcurrency", "Jobs:*:AdaptiveConcurrency", "Jobs:*:**",
    ];

    public static IEnumerable<DoctorCheck> Of(IConfiguration configuration, WeirOptions options, Reconciliation.ReconcileOptions reconcile, JobCatalog catalog, bool isDevelopment)
    {
        var unread = configuration.GetSection(WeirOptions.Section).AsEnumerable(makePathsRelative: true).Where(one => one.Value is not null && !IsKnown(one.Key.Split(':'))).Select(one => one.Key).Order(StringComparer.Ordinal).ToArray();
        yield return unread.Length == 0
            ? DoctorCheck.Ok("configuration", "settings", "every setting under Weir: is one that is read")
            : DoctorCheck.Warning("configuration", "settings", $"nobody reads {string.Join(", ", unread.Take(10).Select(one => $"Weir:{one}"))}{(unread.Length > 10 ? $", and {unread.Length - 10} more" : "")}: a typing error?");

        foreach (var type in configuration.GetSection("Weir:Jobs").GetChildren().Where(one => catalog.Find(one.Key) is null))
            yield return DoctorCheck.Warning("configuration", $"Weir:Jobs:{type.Key}", "no such job type is served here");
        foreach (var queue in configuration.GetSection("Weir:Queues").GetChildren().Where(one => !Enum.TryParse<Queue>(one.Key, ignoreCase: true, out _)))
            yield return DoctorCheck.Warning("configuration", $"Weir:Queues:{queue.Key}", "there is no such queue; expected critical, default or bulk");
        if (options.Lease > options.LockDuration)
            yield return DoctorCheck.Warning("configuration", "Weir:Lease", $"it is {options.Lease}, longer than the lock of a session, {options.LockDuration}: after an instance's death a job waits for the longer of the two");
        if (reconcile.After < 2 * options.Lease)
            yield return DoctorCheck.Warning("configuration", "Weir:Reconcile:After", $"it is {reconcile.After}, less than two leases of {options.Lease}: what another instance is about to bring on may be taken for forgotten");
        if (options.Retention < TimeSpan.FromHours(1) && !isDevelopment)
            yield return DoctorCheck.Warning("configuration", "Weir:Retention", $"it is {options.Retention}: so soon an Idempotency-Key is forgotten with its job");
        if (configuration["Weir:KillPoint"] is not null)
            yield return DoctorCheck.Warning("configuration", "Weir:KillPoint", "this instance ends itself on the way, as a test wants it");
    }

    private static bool IsKnown(string[] path) => Known.Any(pattern => Fits(pattern.Split(':'), path));

    private static bool Fits(string[] pattern, string[] path)
    {
        for (var at = 0; at < pattern.Length; at++)
        {
            if (pattern[at] == "**")
                return path.Length > at;
            if (at >= path.Length || (pattern[at] != "*" && !pattern[at].Equals(path[at], StringComparison.OrdinalIgnoreCase)))
                return false;
        }
        return pattern.Length == path.Length;
    }
}
