using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;
using Weir.Access;
using Weir.Catalog;
using Weir.Concurrency;
using Weir.Controls;
using Weir.Limits;
using Weir.Retries;

namespace Weir.Api;

/// <summary>GET /api/catalog: what can be submitted here.</summary>
public sealed class CatalogApi
{
    private readonly Admission admission;
    private readonly JobCatalog catalog;
    private readonly RetryPolicies policies;
    private readonly RateLimits limits;
    private readonly ControlBoard controls;
    private readonly ConcurrencyLimits concurrency;

    internal CatalogApi(Admission admission, JobCatalog catalog, RetryPolicies policies, RateLimits limits, ControlBoard controls, ConcurrencyLimits concurrency) =>
        (this.admission, this.catalog, this.policies, this.limits, this.controls, this.concurrency) = (admission, catalog, policies, limits, controls, concurrency);

    public IResult List(HttpRequest request)
    {
        var (caller, refusal) = admission.Ask(request, Scope.Read);
        return caller is null ? refusal! : Results.Json(new CatalogView([.. catalog.Types.Where(type => !type.IsInternal).Select(View)]), ApiJson.Camel.CatalogView);
    }

    public IResult Get(HttpRequest request, string type)
    {
        var (caller, refusal) = admission.Ask(request, Scope.Read);
        if (caller is null)
            return refusal!;
        return catalog.Find(type) is { IsInternal: false } known
            ? Results.Json(View(known) with { Schema = known.Schema(known.Version) }, ApiJson.Camel.JobTypeView)
            : Problem.UnknownType($"There is no job type '{type}' here; GET /api/catalog lists those there are.");
    }

    private JobTypeView View(JobType type)
    {
        var policy = policies.Of(type);
        return new JobTypeView(
            type.Name, type.Version, type.Versions, type.Queue, type.Owner, type.Description, type.SideEffects, type.Guarantee, type.Ordering, type.DependsOn, type.Timeout.TotalSeconds,
            type.StallTimeout == Timeout.InfiniteTimeSpan ? null : type.StallTimeout.TotalSeconds,
            new RetryView(policies.NameOf(type), policy.Attempts, policy.UnknownAttempts, policy.Base.TotalSeconds, policy.Cap.TotalSeconds, policy.Multiplier, policy.Budget))
        {
            Rate = limits.OfType(type.Name)?.Rate.ToString(),
            Burst = limits.OfType(type.Name)?.Burst,
            Paused = PausedView.Of(controls.Find(ControlKind.Type, type.Name)),
            RetryControl = controls.Find(ControlKind.Policy, type.Name) is { } control ? ControlView.Of(control) : null,
            Concurrency = ConcurrencyView.Of(concurrency.Of(type.Name)),
        };
    }
}

internal sealed record CatalogView(IReadOnlyList<JobTypeView> Types);

internal sealed record JobTypeView(
    string Type, int Version, IReadOnlyList<int> Versions, Queue Queue, string? Owner, string? Description, string? SideEffects, Guarantee Guarantee, Ordering Ordering, IReadOnlyList<string> DependsOn,
    double TimeoutSeconds, double? StallTimeoutSeconds, RetryView Retry)
{
    /// <summary>How many may start, as 20/s, on all instances together; absent without a limit.</summary>
    public string? Rate { get; init; }

    /// <summary>And how many at once beside that.</summary>
    public int? Burst { get; init; }

    /// <summary>The current contract; only where one type is asked for.</summary>
    public JsonObject? Schema { get; init; }

    /// <summary>Who paused it, and why.</summary>
    public PausedView? Paused { get; init; }

    /// <summary>The control that gives some of its jobs, or all, another policy.</summary>
    public ControlView? RetryControl { get; init; }

    /// <summary>How many run at once in an instance, where that is limited.</summary>
    public ConcurrencyView? Concurrency { get; init; }
}

/// <param name="Most">In an instance.</param>
/// <param name="Now">In this instance, as it has been found out.</param>
/// <param name="Running">In this instance.</param>
internal sealed record ConcurrencyView(int Most, bool Adaptive, int Now, int Running)
{
    public static ConcurrencyView? Of(Pool? pool) => pool is null ? null : new(pool.Most, pool.IsAdaptive, pool.Current, pool.Running);
}

internal sealed record RetryView(string Policy, int Attempts, int UnknownAttempts, double BaseSeconds, double CapSeconds, double Multiplier, double Budget);
