using Microsoft.AspNetCore.Http;
using Weir.Catalog;
using Weir.Retries;

namespace Weir.Api;

/// <summary>GET /api/catalog: what can be submitted here.</summary>
public sealed class CatalogApi
{
    private readonly JobCatalog catalog;

    internal CatalogApi(JobCatalog catalog) => this.catalog = catalog;

    public IResult List() => Results.Json(new CatalogView([.. catalog.Types.Select(JobTypeView.Of)]), ApiJson.Camel.CatalogView);

    public IResult Get(string type) => catalog.Find(type) is { } known
        ? Results.Json(JobTypeView.Of(known), ApiJson.Camel.JobTypeView)
        : Problem.UnknownType($"There is no job type '{type}' here; GET /api/catalog lists those there are.");
}

internal sealed record CatalogView(IReadOnlyList<JobTypeView> Types);

internal sealed record JobTypeView(string Type, int Version, Queue Queue, string? Owner, string? Description, string? SideEffects, double TimeoutSeconds, RetryView Retry)
{
    public static JobTypeView Of(JobType type)
    {
        var policy = RetryPolicies.Find(type.RetryPolicy);
        return new JobTypeView(
            type.Name, type.Version, type.Queue, type.Owner, type.Description, type.SideEffects, type.Timeout.TotalSeconds,
            new RetryView(type.RetryPolicy, policy.Attempts, policy.Base.TotalSeconds, policy.Cap.TotalSeconds, policy.Multiplier));
    }
}

internal sealed record RetryView(string Policy, int Attempts, double BaseSeconds, double CapSeconds, double Multiplier);
