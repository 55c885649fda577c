using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Weir.Access;
using Weir.Limits;

namespace Weir.Api;

/// <summary>GET /api/limits: which limits and quotas are in force, and how much of them is taken. A caller who is bound to a tenant sees the job types' and its own.</summary>
public sealed partial class LimitsApi
{
    private readonly Admission admission;
    private readonly RateLimits limits;
    private readonly LimitTable table;
    private readonly TenantQuotas quotas;
    private readonly SubmissionsInFlight inFlight;
    private readonly TimeProvider clock;
    private readonly ILogger<LimitsApi> logger;

    internal LimitsApi(
        Admission admission, RateLimits limits, LimitTable table, TenantQuotas quotas, SubmissionsInFlight inFlight, TimeProvider clock, ILogger<LimitsApi> logger)
    {
        (this.admission, this.limits, this.table, this.quotas) = (admission, limits, table, quotas);
        (this.inFlight, this.clock, this.logger) = (inFlight, clock, logger);
    }

    public async Task<IResult> ListAsync(HttpRequest request, CancellationToken cancellation)
    {
        var (caller, refusal) = admission.Ask(request, Scope.Read);
        if (caller is null)
            return refusal!;
        if (request.Query.Keys.FirstOrDefault() is { } unknown)
            return Problem.InvalidQuery($"'{(unknown.Length <= 40 ? unknown : "a longer text")}' is not known here; expected no query.");
        try
        {
            return await ShowAsync(caller, cancellation);
        }
        catch (Exception away) when (StoreAway.Explains(away))
        {
            LogNotShown(away);
            return Problem.LimitsNotShown(retryAfterSeconds: 5);
        }
    }

    private async Task<IResult> ShowAsync(Caller caller, CancellationToken cancellation)
    {
        var now = clock.GetUtcNow();
        var seen = limits.All.Where(limit => limit.Kind == LimitKind.Type || caller.Sees(limit.Name)).ToArray();
        var reserved = await table.ReadReservedAsync(cancellation);
        DateTimeOffset Next(string key) => reserved.TryGetValue(key, out var next) && next > now ? next : now;
        var rates = seen.Select(limit => RateView.Of(limit, Next(limit.Key), Next(limit.PaceKey), now));

        var used = new List<QuotaView>();
        foreach (var use in quotas.InForce.Where(use => caller.Sees(use.Tenant)))
        {
            await use.ExchangeAsync(bytes: null, cancellation);
            used.AddRange(QuotaView.Of(use));
        }
        var handled = new InFlightView(inFlight.Requests, inFlight.Most, inFlight.Bytes, inFlight.MostBytes);
        return Results.Json(new LimitsView([.. rates], used, handled), ApiJson.Camel.LimitsView);
    }

    [LoggerMessage(2020, LogLevel.Error, "The limits could not be shown: a store did not answer")]
    private partial void LogNotShown(Exception failure);
}

/// <param name="InFlight">Of the instance that answers.</param>
internal sealed record LimitsView(IReadOnlyList<RateView> Rates, IReadOnlyList<QuotaView> Quotas, InFlightView InFlight);

/// <param name="NextSlot">Up to here its slots are taken.</param>
/// <param name="NextPlace">For this time the message of a job is sent that is submitted now.</param>
/// <param name="WaitSeconds">How long that is from now.</param>
internal sealed record RateView(LimitKind Kind, string Name, string Rate, int Burst, DateTimeOffset NextSlot, DateTimeOffset NextPlace, double WaitSeconds)
{
    public static RateView Of(RateLimit limit, DateTimeOffset slot, DateTimeOffset place, DateTimeOffset now) =>
        new(limit.Kind, limit.Name, limit.Rate.ToString(), limit.Burst, slot, place, Math.Round((place - now).TotalSeconds, 3));
}

internal sealed record QuotaView(string Tenant, string Quota, long Limit, long Used)
{
    public static IEnumerable<QuotaView> Of(TenantUse use)
    {
        var (open, submissions, bytes) = use.Used;
        if (use.Quotas.OpenJobs is { } mostOpen)
            yield return new QuotaView(use.Tenant, "openJobs", mostOpen, open);
        if (use.Quotas.SubmissionsPerMinute is { } mostSubmissions)
            yield return new QuotaView(use.Tenant, "submissionsPerMinute", mostSubmissions, submissions);
        if (use.Quotas.PayloadBytesPerDay is { } mostBytes)
            yield return new QuotaView(use.Tenant, "payloadBytesPerDay", mostBytes, bytes);
    }
}

internal sealed record InFlightView(long Requests, int MaxRequests, long Bytes, long MaxBytes);
