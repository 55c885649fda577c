using Microsoft.AspNetCore.Http;
using Weir.Shards;

namespace Weir.Api;

/// <summary>What a front says when a shard cannot.</summary>
internal static partial class Problem
{
    private const int ShardRetryAfter = 5;

    public static IResult NoAnswer(ShardAnswer answer) => ShardBodyException.Of(answer.Cause) is { } wrong ? wrong.Problem : ShardUnavailable(answer.Shard.Name, answer.Failure switch
    {
        ShardFailure.Unknown => "It was asked, but its answer did not come: whether it was done is not known. Send the request again, with the same Idempotency-Key if it had one.",
        ShardFailure.Busy => "Too many requests wait for it. Nothing was done; send the request again.",
        _ => "It cannot be reached. Nothing was done; send the request again.",
    });

    public static IResult ShardUnavailable(string shards, string detail) => RetryAfter(ShardRetryAfter,
        Of(503, "shardUnavailable", "The shard does not answer", $"{shards}: {detail}", more: new Dictionary<string, object?> { ["shard"] = shards }));

    public static IResult ShardMissing(string shard) => RetryAfter(ShardRetryAfter * 6,
        Of(503, "shardMissing", "The tenant's shard is not known here", $"The tenant is pinned to the shard '{shard}', which is not among those of this front (Weir:Shards).", more: new Dictionary<string, object?> { ["shard"] = shard }));

    /// <summary>Not a 503: it does not pass.</summary>
    public static IResult ShardIsFront() => Of(StatusCodes.Status508LoopDetected, "shardIsFront", "A front is listed as a shard", "The request came from a front, and this is one, too: give Weir:Shards the address of the shard's own app. Nothing was done.");

    public static IResult AssignmentsUnavailable() => RetryAfter(ShardRetryAfter,
        Of(503, "storeUnavailable", "The tenant's shard could not be looked up", "The store behind the front did not answer. Nothing was done; send the request again."));

    public static IResult NoDashboardHere() => Of(404, "noSuchRoute", "The front has no dashboard", "Each shard has its own, which shows its own tenants: open /dashboard at the shard's address. The API (/api) is here.");

    /// <summary>Some shards did it and some did not.</summary>
    public static IResult PartlyDone(IReadOnlyList<object> shards) => RetryAfter(ShardRetryAfter,
        Of(503, "partlyDone", "Not every shard has done it", "See shards. Send the same request again until it succeeds: where it is done already, that changes nothing.", more: new Dictionary<string, object?> { ["shards"] = shards }));

    public static IResult ChangedSomewhere() => Of(412, "preconditionFailed", "The control is another one by now", "Not the same on every shard as If-Match says: GET /api/controls shows the present ones.");
}
