using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;
using Weir.Access;
using Weir.Catalog;
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

    internal CatalogApi(Admission admission, JobCatalog catalog, RetryPolicies policies, RateLimits limits) =>
        (this.admission, this.catalog, this.policies, this.limits) = (admission, catalog, policies, limits);

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
}

internal sealed record RetryView(string Policy, int Attempts, int UnknownAttempts, double BaseSeconds, double CapSeconds, double Multiplier, double Budget);
