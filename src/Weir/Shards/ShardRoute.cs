using Microsoft.AspNetCore.Http;

namespace Weir.Shards;

/// <summary>What a front does with a request.</summary>
internal abstract record ShardRoute
{
    /// <summary>GET /api/health/live and /ready: the front answers for itself.</summary>
    public sealed record Live : ShardRoute;

    /// <inheritdoc cref="Live"/>
    public sealed record Ready : ShardRoute;

    /// <summary>Each shard has its own pages, which show it alone: the front has none, rather than show one for all.</summary>
    public sealed record Dashboard : ShardRoute;

    /// <summary>To the caller's tenant's shard, which is pinned by it.</summary>
    public sealed record Submit : ShardRoute;

    /// <summary>To the tenant's shard; without a tenant to any, since each answers alike.</summary>
    public sealed record Own : ShardRoute;

    /// <summary>To the tenant's shard; without a tenant every shard is asked, and the one that knows the id answers.</summary>
    public sealed record ById : ShardRoute;

    /// <summary>A list in pages: of a tenant from its shard, of all tenants shard by shard.</summary>
    public sealed record Pages(string Items, int Limit) : ShardRoute;

    /// <summary>A list as a whole: of all tenants from every shard, put together.</summary>
    public sealed record Whole : ShardRoute;

    /// <summary>GET /api/controls: as <see cref="Whole"/>, each control once.</summary>
    public sealed record Controls : ShardRoute;

    /// <summary>GET /api/doctor: of every shard, put together; the status is that of the worst.</summary>
    public sealed record Doctor : ShardRoute;

    /// <summary>Figures that do not add up over shards (percentiles, an instance's metrics): of the tenant's shard; without a tenant the front cannot say whose.</summary>
    public sealed record OfShard : ShardRoute;

    /// <summary>PUT and DELETE of a control: an operator's goes to every shard.</summary>
    public sealed record Everywhere : ShardRoute;

    /// <summary>POST /api/dead-letters/replay: of all tenants shard by shard.</summary>
    public sealed record ReplayPages : ShardRoute;

    private static readonly Live LiveRoute = new();
    private static readonly Ready ReadyRoute = new();
    private static readonly Dashboard DashboardRoute = new();
    private static readonly Submit SubmitRoute = new();
    private static readonly Own OwnRoute = new();
    private static readonly ById ByIdRoute = new();

    /// <summary>Paths match without regard to case, as the Functions host's routes do.</summary>
    public static ShardRoute Of(string method, PathString path)
    {
        var parts = (path.Value ?? "").ToLowerInvariant().Trim('/').Split('/');
        if (parts is not ["api", ..])
            return parts is ["dashboard", ..] ? DashboardRoute : OwnRoute;
        return (method.ToUpperInvariant(), parts[1..]) switch
        {
            ("GET", ["health", "live"]) => LiveRoute,
            ("GET", ["health", "ready"]) => ReadyRoute,
            ("POST", ["jobs"] or ["jobs", "bulk"] or ["batches"]) or ("PUT", ["schedules", _]) => SubmitRoute,
            ("GET", ["jobs"]) => new Pages("jobs", 50),
            ("GET", ["batches"]) => new Pages("batches", 50),
            ("GET", ["schedules"]) => new Pages("schedules", 50),
            ("GET", ["dead-letters"]) => new Pages("deadLetters", 100),
            ("GET", ["dead-letters", "groups"]) => new Pages("groups", 0),
            ("GET", ["findings"]) => new Pages("findings", 50),
            ("GET", ["audit"]) => new Pages("entries", 50),
            ("GET", ["instances"] or ["queues"] or ["breakers"] or ["limits"]) => new Whole(),
            ("GET", ["doctor"]) => new Doctor(),
            ("GET", ["replays"]) => new Pages("replays", 50),
            ("GET", ["statistics"] or ["metrics"]) => new OfShard(),
            ("GET", ["controls"]) => new Controls(),
            ("PUT" or "DELETE", ["controls", _, _]) => new Everywhere(),
            ("POST", ["dead-letters", "replay"]) => new ReplayPages(),
            (_, ["jobs" or "batches" or "dead-letters" or "replays", _, ..]) => ByIdRoute,
            _ => OwnRoute,
        };
    }
}
