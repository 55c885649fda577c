using Simulation.World;

namespace Simulation.Model;

/// <summary>
/// No second has more starts than the rate and the burst; where instances' clocks differ, as much more as the rate brings in that time. Judged at each start of a handler,
/// in true time, for a type and for a tenant.
/// </summary>
internal sealed class RateRules
{
    public const string Type = "sim.limited";
    public const string Tenant = "surging";
    public const string TenantRate = "6/s";
    public const int TenantBurst = 2;

    private const int TypeBurst = 3;

    private static readonly TimeSpan TypeInterval = TimeSpan.FromSeconds(1) / 8;
    private static readonly TimeSpan TenantInterval = TimeSpan.FromSeconds(1) / 6;

    private readonly List<DateTimeOffset> ofType = [];
    private readonly List<DateTimeOffset> ofTenant = [];

    public void Started(WorldState world, SeenJob job)
    {
        if (job.Type == Type)
            Check(world, job, ofType, TypeInterval, TypeBurst, $"type {Type}");
        if (job.Tenant == Tenant)
            Check(world, job, ofTenant, TenantInterval, TenantBurst, $"tenant {Tenant}");
    }

    private static void Check(WorldState world, SeenJob job, List<DateTimeOffset> starts, TimeSpan interval, int burst, string whose)
    {
        starts.Add(world.Now);
        var second = world.Now - TimeSpan.FromSeconds(1);
        starts.RemoveAll(start => start < second);
        var most = (int)Math.Ceiling((TimeSpan.FromSeconds(1) + world.Plan.MaxSkew) / interval) + burst;
        if (starts.Count > most)
            world.Observer.Break("rate", $"{starts.Count} starts of {whose} in a second, where {most} are the most", job.Id);
    }
}
