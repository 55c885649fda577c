namespace Capacity;

/// <summary>At least <paramref name="Share"/> of the jobs wait no longer than <paramref name="Wait"/>.</summary>
public sealed record WaitTarget(TimeSpan Wait, double Share = 0.95);

/// <summary>What an instance costs while it runs.</summary>
public sealed record Price(decimal PerInstanceHour, string Currency);

/// <param name="HoursPerMonth">A twelfth of a year of 8,760 hours.</param>
public sealed record Cost(decimal PerHour, decimal PerMonth, string Currency, int HoursPerMonth = 730);

/// <summary>How many sessions and instances a demand takes, and what they cost when they all run all the time.</summary>
public sealed record CapacityPlan(int Sessions, int Instances, WaitEstimate Wait, Cost? Cost)
{
    /// <returns>The smallest that meets the target; null when <see cref="ErlangC.MostSessions"/> do not.</returns>
    public static CapacityPlan? For(Demand demand, WaitTarget target, int sessionsPerInstance, Price? price = null)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(sessionsPerInstance, 1);
        if (demand.Load >= ErlangC.MostSessions)
            return null;
        foreach (var (sessions, probabilityOfWait) in ErlangC.From((int)demand.Load + 1, demand.Load))
        {
            var estimate = WaitEstimate.Of(demand, sessions, probabilityOfWait);
            if (estimate.Percentile(target.Share) <= target.Wait.TotalSeconds)
                return Of(estimate, sessionsPerInstance, price);
        }
        return null;
    }

    /// <summary>With a number of sessions that is given.</summary>
    public static CapacityPlan Of(WaitEstimate estimate, int sessionsPerInstance, Price? price = null)
    {
        var instances = (estimate.Sessions + sessionsPerInstance - 1) / sessionsPerInstance;
        return new CapacityPlan(estimate.Sessions, instances, estimate, price is null ? null : CostOf(instances, price));
    }

    private static Cost CostOf(int instances, Price price)
    {
        var cost = new Cost(instances * price.PerInstanceHour, 0, price.Currency);
        return cost with { PerMonth = cost.PerHour * cost.HoursPerMonth };
    }
}
