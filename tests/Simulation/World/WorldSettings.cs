using System.Globalization;
using Simulation.Model;

namespace Simulation.World;

/// <summary>How large a world is and how it is configured, drawn from its seed.</summary>
internal sealed record WorldSettings
{
    public int Instances { get; init; } = 1;

    public int Tenants { get; init; } = 1;

    /// <summary>A tenant's lanes in each queue.</summary>
    public int Lanes { get; init; } = 2;

    /// <summary>An instance's sessions of each queue.</summary>
    public int Sessions { get; init; } = 4;

    public TimeSpan Lease { get; init; } = TimeSpan.FromSeconds(10);

    public int Clients { get; init; } = 2;

    public int JobsOfAClient { get; init; } = 8;

    public int StrictKeys { get; init; } = 2;

    public bool Operator { get; init; } = true;

    /// <summary>How long things go wrong.</summary>
    public TimeSpan Chaos { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>One job lies scheduled for longer than the reconciler takes to look for what was forgotten.</summary>
    public bool IsPatient { get; init; }

    /// <summary>Who else lives here.</summary>
    public Cast Cast { get; init; } = Cast.None;

    /// <summary>How long ended jobs are kept; null: longer than the world lives.</summary>
    public TimeSpan? Retention => Cast.Afterlife is null ? null : ShortRetention;

    /// <summary>Longer than a world's chaos and calm together.</summary>
    public static TimeSpan ShortRetention { get; } = TimeSpan.FromHours(2);

    public static WorldSettings Draw(Random chance) => new()
    {
        Instances = 1 + chance.Next(chance.Next(4) == 0 ? 5 : 3),
        Tenants = 1 + chance.Next(3),
        Lanes = 1 + chance.Next(4),
        Sessions = 2 + chance.Next(8),
        Lease = TimeSpan.FromSeconds(3 + chance.Next(20)),
        Clients = 1 + chance.Next(4),
        JobsOfAClient = 4 + chance.Next(12),
        StrictKeys = 1 + chance.Next(2),
        Operator = chance.Next(3) > 0,
        Chaos = TimeSpan.FromSeconds(20 + chance.Next(chance.Next(5) == 0 ? 600 : 120)),
        IsPatient = chance.Next(30) == 0,
    };

    public Dictionary<string, string?> ToConfiguration() => new(Cast.Surges > 0 ? PressureRules.Settings : [])
    {
        ["Weir:Lanes"] = Lanes.ToString(CultureInfo.InvariantCulture),
        ["Weir:Lease"] = Lease.ToString("c", CultureInfo.InvariantCulture),
        ["Weir:Retries:standard:Cap"] = "00:00:20",
        ["Weir:Retries:patient:Base"] = "00:00:01",
        ["Weir:Retries:patient:Cap"] = "00:00:20",
        [$"Weir:Tenants:{Model.RateRules.Tenant}:Rate"] = Cast.IsLimited ? Model.RateRules.TenantRate : null,
        [$"Weir:Tenants:{Model.RateRules.Tenant}:Burst"] = Cast.IsLimited ? Model.RateRules.TenantBurst.ToString(CultureInfo.InvariantCulture) : null,
        [$"Weir:Tenants:{Model.RateRules.Tenant}:Quotas:OpenJobs"] = Cast.IsLimited ? "12" : null,
        ["Weir:Retention"] = (Retention ?? TimeSpan.FromDays(14)).ToString("c", CultureInfo.InvariantCulture),
        ["AzureFunctionsJobHost:extensions:serviceBus:maxConcurrentSessions"] = Sessions.ToString(CultureInfo.InvariantCulture),
    };
}
