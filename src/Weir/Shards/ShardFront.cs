using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Weir.Access;
using Weir.Api;

namespace Weir.Shards;

/// <summary>
/// The front of several Weirs: it answers no request of the API itself, but knows by the caller's tenant whose it is. What he may do, the shard decides: his credential goes with the request, and
/// shards and front have the same keys.
/// </summary>
public sealed partial class ShardFront
{
    private const string TenantQuery = "tenant";
    private const int MaxFilterBody = 16 * 1024;

    private readonly Admission admission;
    private readonly ShardAssignment assignment;
    private readonly ShardMap shards;
    private readonly ShardCalls calls;
    private readonly ShardPages pages;
    private readonly ShardBroadcast broadcast;
    private readonly ShardDoctor doctor;
    private readonly ShardHealth health;
    private readonly ILogger<ShardFront> logger;

    internal ShardFront(
        Admission admission, ShardAssignment assignment, ShardMap shards, ShardCalls calls, ShardPages pages, ShardBroadcast broadcast, ShardDoctor doctor, ShardHealth health, ILogger<ShardFront> logger)
    {
        (this.admission, this.assignment, this.shards, this.calls) = (admission, assignment, shards, calls);
        (this.pages, this.broadcast, this.doctor, this.health, this.logger) = (pages, broadcast, doctor, health, logger);
    }

    /// <summary>The answer to any HTTP request.</summary>
    public async Task<IResult> AnswerAsync(HttpRequest request)
    {
        try
        {
            return await AnswerAsync(request, ShardRoute.Of(request.Method, request.Path), request.HttpContext.RequestAborted);
        }
        catch (ShardMissingException missing)
        {
            LogMissing(missing.Message);
            return Problem.ShardMissing(missing.Shard);
        }
        catch (Exception away) when (StoreAway.Explains(away))
        {
            LogStoreAway(away);
            return Problem.AssignmentsUnavailable();
        }
    }

    private async Task<IResult> AnswerAsync(HttpRequest request, ShardRoute route, CancellationToken cancellation)
    {
        if (request.Headers.ContainsKey(ShardCalls.FromFront))
            return Problem.ShardIsFront();
        switch (route)
        {
            case ShardRoute.Live:
                return health.Live();
            case ShardRoute.Ready:
                return await health.ReadyAsync(cancellation);
            case ShardRoute.Dashboard:
                return Problem.NoDashboardHere();
            case ShardRoute.Submit:
                var (submitter, refusal) = admission.AskToSubmit(request);
                return submitter is null ? refusal! : await SendAsync(await assignment.AssignAsync(submitter.SubmitsFor!, cancellation), request, body: null, cancellation);
        }

        // Any scope: which it takes, the shard knows.
        var (caller, stranger) = admission.Ask(request, Scope.None);
        if (caller is null && route is not ShardRoute.Own)
            return stranger!;
        ReadOnlyMemory<byte>? filter = null;
        if (route is ShardRoute.ReplayPages)
        {
            var (content, unreadable) = await RequestBody.ReadAnyAsync(request, MaxFilterBody, cancellation);
            if (unreadable is not null)
                return unreadable;
            filter = content;
        }

        // Routes of the app that Weir does not know may be open to strangers; the shard says.
        var isStaged = route is ShardRoute.ReplayPages && IsStaged(filter!.Value);
        var tenant = caller?.Tenant ?? TenantOf(request, route, filter) ?? (isStaged || route is ShardRoute.Own or ShardRoute.OfShard or ShardRoute.Everywhere ? TenantToActFor(caller, request, route) : null);
        if (tenant is not null)
            return await SendAsync(await assignment.LookAsync(tenant, cancellation), request, filter, cancellation);
        return route switch
        {
            ShardRoute.ById => await broadcast.FindAsync(request, cancellation),
            ShardRoute.Pages list => await pages.ReadAsync(request, list, cancellation),
            ShardRoute.Whole => await pages.ReadWholeAsync(request, cancellation),
            ShardRoute.Doctor => await doctor.LookAsync(request, cancellation),
            ShardRoute.Controls => await pages.ReadControlsAsync(request, cancellation),
            ShardRoute.OfShard => Problem.TenantMissing(caller!.Name),
            // It goes on by itself, in one shard.
            ShardRoute.ReplayPages when isStaged => Problem.TenantMissing(caller!.Name),
            ShardRoute.ReplayPages => await pages.ReplayAsync(request, filter!.Value, cancellation),
            ShardRoute.Everywhere => await broadcast.EverywhereAsync(request, cancellation),
            _ => await AnyAsync(request, cancellation),
        };
    }

    /// <summary>An operator of all tenants may ask about one.</summary>
    private static string? TenantOf(HttpRequest request, ShardRoute route, ReadOnlyMemory<byte>? filter)
    {
        var named = route switch
        {
            ShardRoute.Pages => request.Query[TenantQuery] is [{ } one] ? one : null,
            ShardRoute.ReplayPages => JsonText.Parse(filter!.Value, RequestBody.Strict).Document is { } body ? TextOf(body) : null,
            _ => null,
        };
        return named is not null && Admission.IsTenant(named) ? named : null;
    }

    private static string? TextOf(JsonDocument body)
    {
        using (body)
            return body.RootElement.ValueKind == JsonValueKind.Object && body.RootElement.TryGetProperty(TenantQuery, out var tenant) && tenant.ValueKind == JsonValueKind.String ? tenant.GetString() : null;
    }

    private static bool IsStaged(ReadOnlyMemory<byte> filter)
    {
        using var body = JsonText.Parse(filter, RequestBody.Strict).Document;
        return body is not null && StagedReplayRequest.IsAskedFor(body.RootElement);
    }

    /// <summary>In development without keys everybody acts for one tenant. A schedule belongs to a tenant, so its control is not for every shard.</summary>
    private static string? TenantToActFor(Caller? caller, HttpRequest request, ShardRoute route) =>
        route is not ShardRoute.Everywhere || request.Path.StartsWithSegments("/api/controls/schedule", StringComparison.OrdinalIgnoreCase) ? caller?.SubmitsFor : null;

    private async Task<IResult> SendAsync(Shard shard, HttpRequest request, ReadOnlyMemory<byte>? body, CancellationToken cancellation) =>
        await calls.SendAsync(shard, request, ShardCalls.TargetOf(request), body, ShardCalls.Longest, cancellation);

    /// <summary>The first shard that can be reached: the catalogue and the like are everywhere the same.</summary>
    private async Task<IResult> AnyAsync(HttpRequest request, CancellationToken cancellation)
    {
        var reads = HttpMethods.IsGet(request.Method) || HttpMethods.IsHead(request.Method);
        ShardAnswer? answer = null;
        foreach (var shard in shards.All)
        {
            answer?.Dispose();
            answer = await calls.SendAsync(shard, request, ShardCalls.TargetOf(request), body: null, ShardCalls.Longest, cancellation);
            if (!reads || !answer.IsDown)
                break;
        }
        return answer!;
    }

    [LoggerMessage(3903, LogLevel.Error, "A request could not be sent on: {Why}")]
    private partial void LogMissing(string why);

    [LoggerMessage(3904, LogLevel.Error, "A tenant's shard could not be looked up: a store did not answer")]
    private partial void LogStoreAway(Exception failure);
}
