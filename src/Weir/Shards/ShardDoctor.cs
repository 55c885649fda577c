using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;

namespace Weir.Shards;

/// <summary>GET /api/doctor: what the doctors of all shards found, each line with its shard. One that cannot be asked is a finding, and the status is that of the worst.</summary>
internal sealed class ShardDoctor(ShardPages pages)
{
    private static readonly string[] FromBest = ["ok", "warning", "failed"];

    public async Task<IResult> LookAsync(HttpRequest request, CancellationToken cancellation)
    {
        var (answer, refusal) = await pages.ReadAllAsync(request, cancellation);
        if (refusal is not null)
            return refusal;
        var checks = (JsonArray)(answer!["checks"]?.DeepClone() ?? new JsonArray());
        foreach (var down in (answer[ShardPages.Unavailable] as JsonArray ?? []).Select(one => one!.ToString()))
            checks.Add(new JsonObject { ["area"] = "shards", ["name"] = down, ["outcome"] = FromBest[^1], ["detail"] = "it was asked, and gave no whole answer in time", ["shard"] = down });
        var worst = checks.Select(one => Array.IndexOf(FromBest, one!["outcome"]?.ToString())).DefaultIfEmpty().Max(); // what could not be looked at is none of them: -1
        return Results.Json(new JsonObject
        {
            ["status"] = FromBest[Math.Max(0, worst)],
            ["at"] = answer["at"]?.DeepClone(),
            ["version"] = answer["version"]?.DeepClone(),
            ["checks"] = checks,
        });
    }
}
