using System.Collections.Concurrent;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Weir.Receipts;
using Weir.Submission;

namespace Weir.Limits;

/// <summary>
/// Refuses submissions beyond a tenant's quotas. Instances count for themselves and exchange their sums through the table Limits, for tenants that have a quota
/// and are at work: what others have let in since is not seen, and <see cref="TenantUse"/> says by how much a quota may be exceeded.
/// </summary>
internal sealed partial class TenantQuotas(QuotaSettings settings, LimitTable table, ReceiptTable receipts, Random chance, TimeProvider clock, ILogger<TenantQuotas> logger) : BackgroundService, ISubmissionGate
{
    private static readonly TimeSpan ExchangeEvery = TimeSpan.FromSeconds(2);

    /// <summary>Two to four operations each.</summary>
    private const int MostInARound = 200;

    /// <summary>Tenants that have not been at work for so long are not asked about.</summary>
    private static readonly TimeSpan Idle = TimeSpan.FromMinutes(1);

    /// <summary>A request does not wait longer for what others have counted; then it is judged by what is known here.</summary>
    private static readonly TimeSpan AskLimit = TimeSpan.FromSeconds(2);

    private readonly ConcurrentDictionary<string, TenantUse> tenants = new(StringComparer.Ordinal);

    /// <summary>What a tenant uses, as this instance knows it; null when it has no quota.</summary>
    public TenantUse? UseOf(string tenant) =>
        settings.Of(tenant) is { Any: true } quotas ? tenants.GetOrAdd(tenant, (name, own) => new TenantUse(name, own, table, receipts, clock), quotas) : null;

    /// <summary>The tenants that have quotas of their own, and those that have the general ones and are at work here.</summary>
    public IEnumerable<TenantUse> InForce => settings.Tenants.Select(tenant => UseOf(tenant)!).Union(tenants.Values).OrderBy(use => use.Tenant, StringComparer.Ordinal);

    public async ValueTask<Backoff?> AskAsync(NewJob job, CancellationToken cancellation)
    {
        if (UseOf(job.Tenant) is not { } use)
            return null;
        if (use.MustAsk(job.Payload.Bytes.Length))
            await ExchangeAsync(use, job.Payload.Bytes.Length, cancellation);
        return use.Take(job.Id, job.Payload.Bytes.Length) is { } exceeded ? Refuse(job.Tenant, exceeded) : null;
    }

    /// <summary>A job has ended, so there is room for another.</summary>
    public void Ended(string tenant, string jobId)
    {
        if (settings.Of(tenant).OpenJobs is not null)
            UseOf(tenant)!.Ended(jobId);
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        if (!settings.Any)
            return;
        using var timer = new PeriodicTimer(ExchangeEvery, clock);
        while (await timer.WaitForNextTickAsync(stoppingToken))
        {
            foreach (var idle in tenants.Where(one => one.Value is { IsTold: true } use && use.UsedAt + Idle <= clock.GetUtcNow()))
                tenants.TryRemove(idle);
            // Those that have waited longest: with more than one round takes, each waits for some rounds.
            foreach (var use in tenants.Values.Where(use => use.IsDue).OrderBy(use => use.ExchangedAt).ThenBy(use => use.Tenant, StringComparer.Ordinal).Take(MostInARound))
                await ExchangeAsync(use, bytes: null, stoppingToken);
        }
    }

    private async Task ExchangeAsync(TenantUse use, int? bytes, CancellationToken cancellation)
    {
        using var overdue = new CancellationTokenSource(AskLimit, clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(overdue.Token, cancellation);
        try
        {
            await use.ExchangeAsync(bytes, either.Token);
        }
        catch (Exception away) when (StoreAway.Explains(away) || (away is OperationCanceledException && !cancellation.IsCancellationRequested))
        {
            LogNotExchanged(away, use.Tenant);
        }
    }

    private Backoff Refuse(string tenant, Exceeded exceeded)
    {
        LogRefused(tenant, exceeded.Quota, exceeded.Used, exceeded.Limit);
        var wait = exceeded.UntilRoom + TimeSpan.FromSeconds(1) + exceeded.UntilRoom * (0.1 * chance.NextDouble());
        return new Backoff("quotaExceeded", $"The tenant '{tenant}' may have {exceeded.Limit:N0} ({exceeded.Quota}); {exceeded.Used:N0} are used.", wait)
        {
            Members = new Dictionary<string, object?> { ["quota"] = exceeded.Quota, ["limit"] = exceeded.Limit, ["used"] = exceeded.Used },
        };
    }

    [LoggerMessage(2010, LogLevel.Information, "A submission of tenant {Tenant} is refused: {Quota}, {Used} of {Limit}")]
    private partial void LogRefused(string tenant, string quota, long used, long limit);

    [LoggerMessage(2011, LogLevel.Warning, "What tenant {Tenant} uses could not be exchanged between instances; each counts for itself meanwhile")]
    private partial void LogNotExchanged(Exception failure, string tenant);
}
