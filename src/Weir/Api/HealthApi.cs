using Microsoft.AspNetCore.Http;
using Weir.Receipts;

namespace Weir.Api;

/// <summary>GET /api/health/live and /ready, open to everybody: a load balancer has no key.</summary>
public sealed class HealthApi
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(3);

    private readonly ReceiptTable receipts;
    private readonly TimeProvider clock;

    internal HealthApi(ReceiptTable receipts, TimeProvider clock) => (this.receipts, this.clock) = (receipts, clock);

    /// <summary>The process answers.</summary>
    public IResult Live() => Results.Json(new { status = "live" });

    /// <summary>It can accept jobs: the receipts' table answers, too. 503 while it does not.</summary>
    public async Task<IResult> ReadyAsync(CancellationToken cancellation)
    {
        try
        {
            await receipts.FindAsync(Guid.Empty.ToString(), cancellation).WaitAsync(Patience, clock, cancellation);
            return Results.Json(new { status = "ready" });
        }
        catch (Exception away) when (StoreAway.Explains(away))
        {
            return Results.Json(new { status = "unavailable", reason = "the table of receipts does not answer" }, statusCode: StatusCodes.Status503ServiceUnavailable);
        }
    }
}
