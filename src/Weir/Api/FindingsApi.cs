using System.Globalization;
using System.Text.RegularExpressions;
using Microsoft.AspNetCore.Http;
using Weir.Access;
using Weir.Reconciliation;

namespace Weir.Api;

/// <summary>GET /api/findings?limit=&amp;cursor=: what the reconciler came upon, the newest first.</summary>
public sealed partial class FindingsApi
{
    private const int DefaultLimit = 50;
    private const int Most = 100;

    private readonly Admission admission;
    private readonly FindingTable findings;

    internal FindingsApi(Admission admission, FindingTable findings) => (this.admission, this.findings) = (admission, findings);

    public async Task<IResult> ListAsync(HttpRequest request, CancellationToken cancellation)
    {
        var (caller, refusal) = admission.Ask(request, Scope.Operate);
        if (caller is null)
            return refusal!;
        if (Read(request.Query, out var limit, out var after) is { } wrong)
            return Problem.InvalidQuery(wrong);

        var (found, next) = await findings.ReadAsync(after, limit, caller.Tenant, cancellation);
        return Results.Json(new FindingsView([.. found.Select(FindingView.Of)], next), ApiJson.Camel.FindingsView);
    }

    /// <returns>What is wrong with the query; null when nothing is.</returns>
    private static string? Read(IQueryCollection query, out int limit, out string after)
    {
        (limit, after) = (DefaultLimit, "");
        if (query.Keys.FirstOrDefault(key => key is not ("limit" or "cursor")) is { } unknown)
            return $"'{(unknown.Length <= 40 ? unknown : "a longer text")}' is not known here; expected some of limit, cursor.";
        if (query.FirstOrDefault(one => one.Value.Count > 1).Key is { } twice)
            return $"{twice} is there more than once.";
        if (query["limit"] is [{ Length: > 0 } text] && (!int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out limit) || limit is < 1 or > Most))
            return $"limit is a whole number from 1 to {Most}.";
        if (query["cursor"] is [{ Length: > 0 } cursor])
        {
            if (!ValidRow().IsMatch(cursor))
                return "cursor is none that came from here: take the one of the page before as it is.";
            after = cursor;
        }
        return null;
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
