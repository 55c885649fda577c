using System.Globalization;
using System.Text.RegularExpressions;
using Microsoft.AspNetCore.Http;
using Weir.Access;
using Weir.Controls;

namespace Weir.Api;

/// <summary>GET /api/audit?limit=&amp;cursor=: who changed which control, when and why, the newest first.</summary>
public sealed partial class AuditApi
{
    private const int DefaultLimit = 50;
    private const int Most = 100;

    private readonly Admission admission;
    private readonly AuditTable audit;
    private readonly TimeProvider clock;

    internal AuditApi(Admission admission, AuditTable audit, TimeProvider clock) => (this.admission, this.audit, this.clock) = (admission, audit, clock);

    public async Task<IResult> ListAsync(HttpRequest request, CancellationToken cancellation)
    {
        var (caller, refusal) = admission.Ask(request, Scope.Operate);
        if (caller is null)
            return refusal!;
        if (Read(request.Query, out var limit, out var after) is { } wrong)
            return Problem.InvalidQuery(wrong);
        try
        {
            var found = await audit.ReadAsync(after, limit, caller.Tenant, clock.GetUtcNow(), cancellation);
            return Results.Json(new AuditView([.. found.Select(AuditEntryView.Of)], found.Count < limit ? null : found[^1].Id), ApiJson.Camel.AuditView);
        }
        catch (Exception away) when (StoreAway.Explains(away))
        {
            return Problem.ControlsUnavailable(retryAfterSeconds: 5);
        }
    }

    /// <returns>What is wrong with the query; null when nothing is.</returns>
    private static string? Read(IQueryCollection query, out int limit, out string? after)
    {
        (limit, after) = (DefaultLimit, null);
        if (query.Keys.FirstOrDefault(key => key is not ("limit" or "cursor")) is not null)
            return "expected no other parameters than limit and cursor.";
        if (query.FirstOrDefault(one => one.Value.Count > 1).Key is { } twice)
            return $"{twice} is there more than once.";
        if (query["limit"] is [{ Length: > 0 } text] && (!int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out limit) || limit is < 1 or > Most))
            return $"limit is a whole number from 1 to {Most}.";
        if (query["cursor"] is [{ Length: > 0 } cursor])
        {
            if (!ValidId().IsMatch(cursor))
                return "cursor is none that came from here: take the one of the page before as it is.";
            after = cursor;
        }
        return null;
    }

    [GeneratedRegex(@"\A2[0-9]{3}(0[1-9]|1[0-2])-[0-9]{19}-[0-9a-f]{6}\z")]
    private static partial Regex ValidId();
}
