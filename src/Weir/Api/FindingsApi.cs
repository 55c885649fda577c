using System.Text.RegularExpressions;
using Microsoft.AspNetCore.Http;
using Weir.Access;
using Weir.Reconciliation;

namespace Weir.Api;

/// <summary>GET /api/findings?limit=&amp;cursor=: what the reconciler came upon, the newest first.</summary>
public sealed partial class FindingsApi
{
    private readonly Admission admission;
    private readonly FindingTable findings;

    internal FindingsApi(Admission admission, FindingTable findings) => (this.admission, this.findings) = (admission, findings);

    public async Task<IResult> ListAsync(HttpRequest request, CancellationToken cancellation)
    {
        var (caller, refusal) = admission.Ask(request, Scope.Operate);
        if (caller is null)
            return refusal!;
        if (PageQuery.Read(request.Query, ValidRow(), out var page) is { } wrong)
            return Problem.InvalidQuery(wrong);

        var (found, next) = await findings.ReadAsync(page.After ?? "", page.Limit, caller.Tenant, cancellation);
        return Results.Json(new FindingsView([.. found.Select(FindingView.Of)], next), ApiJson.Camel.FindingsView);
    }

    [GeneratedRegex(@"\A[0-9]{15}-[0-9A-Za-z-]{1,36}\z")]
    private static partial Regex ValidRow();
}

internal sealed record FindingsView(IReadOnlyList<FindingView> Findings, string? Cursor);

internal sealed record FindingView(FindingKind Kind, FindingRepair Repair, string? JobId, string? Type, string? Tenant, DateTimeOffset At, string Detail, LinksView? Links)
{
    public static FindingView Of(Finding finding) => new(
        finding.Kind, finding.Repair, finding.JobId, finding.Type, finding.Tenant, finding.At, finding.Detail, finding.JobId is { } id ? LinksView.Of(id) : null);
}
