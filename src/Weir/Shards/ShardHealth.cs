using Microsoft.AspNetCore.Http;

namespace Weir.Shards;

/// <summary>
/// The front's own health: live is the process; ready says whether tenants can be served: <c>ready</c>, <c>degraded</c> (those of some shards cannot, the others can, so a load balancer
/// leaves it in), or <c>unavailable</c>. It needs no key, so however many ask, the shards are asked once in two seconds.
/// </summary>
internal sealed class ShardHealth(ShardMap shards, ShardTable table, ShardCalls calls, TimeProvider clock)
{
    private const string Ready = "ready";
    private const string Unavailable = "unavailable";
    private const string Path = "/api/health/ready";

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan Fresh = TimeSpan.FromSeconds(2);

    private readonly Lock gate = new();
    private Task<(bool Table, string[] Shards)>? last;
    private long lastAt;

    public IResult Live() => Results.Json(new { status = "live" });

    public async Task<IResult> ReadyAsync(CancellationToken cancellation)
    {
        var (stored, each) = await Shared().WaitAsync(Patience * 3, clock, cancellation);
        var up = each.Count(one => one == Ready);
        var status = !stored || up == 0 ? Unavailable : up < each.Length ? "degraded" : Ready;
        return Results.Json(
            new { status, reason = stored ? null : "the table of shards does not answer", shards = shards.All.Select((shard, i) => new { name = shard.Name, status = each[i], closed = shard.Closed }) },
            statusCode: status == Unavailable ? StatusCodes.Status503ServiceUnavailable : StatusCodes.Status200OK);
    }

    private Task<(bool Table, string[] Shards)> Shared()
    {
        lock (gate)
        {
            if (last is null || (last.IsCompleted && clock.GetElapsedTime(lastAt) > Fresh))
                (last, lastAt) = (AskAsync(), clock.GetTimestamp());
            return last;
        }
    }

    private async Task<(bool Table, string[] Shards)> AskAsync()
    {
        var stored = IsThereAsync();
        return (await stored, await Task.WhenAll(shards.All.Select(StatusAsync)));
    }

    private async Task<string> StatusAsync(Shard shard)
    {
        // A request of its own: the one that asked first may hang up, and the others wait on.
        using var answer = await calls.SendAsync(shard, new DefaultHttpContext { Request = { Method = HttpMethods.Get } }.Request, Path, body: null, Patience, CancellationToken.None);
        return answer.IsSuccess ? Ready : Unavailable;
    }

    private async Task<bool> IsThereAsync()
    {
        try
        {
            await table.FindAsync("-", CancellationToken.None).WaitAsync(Patience, clock);
            return true;
        }
        catch (Exception away) when (StoreAway.Explains(away))
        {
            return false;
        }
    }
}
