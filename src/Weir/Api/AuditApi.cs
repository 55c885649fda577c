using System.Text.RegularExpressions;
using Microsoft.AspNetCore.Http;
using Weir.Access;
using Weir.Controls;

namespace Weir.Api;

/// <summary>GET /api/audit?limit=&amp;cursor=: who changed which control, when and why, the newest first.</summary>
public sealed partial class AuditApi
{
    private readonly Admission admission;
    private readonly AuditTable audit;
    private readonly TimeProvider clock;

    internal AuditApi(Admission admission, AuditTable audit, TimeProvider clock) => (this.admission, this.audit, this.clock) = (admission, audit, clock);

    public async Task<IResult> ListAsync(HttpRequest request, CancellationToken cancellation)
    {
        var (caller, refusal) = admission.Ask(request, Scope.Operate);
        if (caller is null)
            return refusal!;
        if (PageQuery.Read(request.Query, ValidId(), out var page) is { } wrong)
            return Problem.InvalidQuery(wrong);
        try
        {
            var found = await audit.ReadAsync(page.After, page.Limit, caller.Tenant, clock.GetUtcNow(), cancellation);
            return Results.Json(new AuditView([.. found.Select(AuditEntryView.Of)], found.Count < page.Limit ? null : found[^1].Id), ApiJson.Camel.AuditView);
        }
        catch (Exception away) when (StoreAway.Explains(away))
        {
            return Problem.ControlsUnavailable(retryAfterSeconds: 5);
        }
    }

    [GeneratedRegex(@"\A2[0-9]{3}(0[1-9]|1[0-2])-[0-9]{19}-[0-9a-f]{6}\z")]
    private static partial Regex ValidId();
}
