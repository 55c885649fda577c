using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Weir.Access;
using Weir.Catalog;
using Weir.Controls;
using Weir.Instances;
using Weir.Retries;
using Weir.Schedules;

namespace Weir.Api;

/// <summary>The HTTP face of controls: GET /api/controls, PUT and DELETE /api/controls/{kind}/{name}.</summary>
public sealed partial class ControlsApi
{
    private static readonly string[] Kinds = [.. Enum.GetValues<ControlKind>().Select(Control.PartitionOf)];

    private readonly Admission admission;
    private readonly ControlDesk desk;
    private readonly ControlBoard board;
    private readonly AuditTable audit;
    private readonly JobCatalog catalog;
    private readonly RetryPolicies policies;
    private readonly InstanceTable instances;
    private readonly ScheduleDesk schedules;
    private readonly TimeProvider clock;
    private readonly ILogger<ControlsApi> logger;

    internal ControlsApi(
        Admission admission, ControlDesk desk, ControlBoard board, AuditTable audit, JobCatalog catalog, RetryPolicies policies, InstanceTable instances, ScheduleDesk schedules, TimeProvider clock, ILogger<ControlsApi> logger)
    {
        (this.admission, this.desk, this.board, this.audit, this.catalog) = (admission, desk, board, audit, catalog);
        (this.policies, this.instances, this.schedules, this.clock, this.logger) = (policies, instances, schedules, clock, logger);
    }

    /// <summary>GET /api/controls: all that are in force. A schedule's pause is shown with the schedule.</summary>
    public async Task<IResult> ListAsync(HttpRequest request, CancellationToken cancellation)
    {
        var (caller, refusal) = admission.Ask(request, Scope.Read);
        if (caller is null)
            return refusal!;
        try
        {
            var now = clock.GetUtcNow();
            var all = (await board.ReadAgainAsync(cancellation)).All.Where(control => control.IsInForce(now) && (control.Kind != ControlKind.Tenant || caller.Sees(control.Name)));
            return Results.Json(new ControlsView([.. all.Select(ControlView.Of)]), ApiJson.Camel.ControlsView);
        }
        catch (Exception away) when (StoreAway.Explains(away))
        {
            LogStoreAway(away);
            return Problem.ControlsUnavailable(retryAfterSeconds: 5);
        }
    }

    /// <summary>PUT /api/controls/{kind}/{name} → 201 or 200 with the control and its ETag.</summary>
    public Task<IResult> PutAsync(HttpRequest request, string kind, string name, CancellationToken cancellation) => AnswerAsync(request, kind, name, async (caller, of) =>
    {
        if (ControlRequest.ReadPrecondition(request.Headers, out var wrong) is not { } expected)
            return Problem.InvalidPrecondition(wrong!);
        var (body, problem) = await RequestBody.ReadJsonAsync(request, ControlRequest.MaxBody, cancellation);
        if (body is null)
            return problem!;
        using (body)
        {
            var errors = new List<ContractError>();
            if (ControlRequest.Read(body.RootElement, of, name, Operator.Of(request, caller), policies, clock.GetUtcNow(), errors) is not { } control)
                return Problem.InvalidRequest(errors);
            if (of == ControlKind.Schedule)
                return await PauseScheduleAsync(caller, control, cancellation);
            if (await RefuseAsync(of, name, cancellation) is { } refused)
                return refused;
            var answer = await desk.PutAsync(control, expected, cancellation);
            return answer.Done ? Show(request, answer) : Problem.ControlChanged(answer.Control?.ETag.ToString());
        }
    });

    /// <summary>DELETE /api/controls/{kind}/{name}?reason= → 204.</summary>
    public Task<IResult> DeleteAsync(HttpRequest request, string kind, string name, CancellationToken cancellation) => AnswerAsync(request, kind, name, async (caller, of) =>
    {
        if (ControlRequest.ReadPrecondition(request.Headers, out var wrong) is not { } expected)
            return Problem.InvalidPrecondition(wrong!);
        var reason = request.Query["reason"].ToString();
        if (reason.Length > ScheduleRequest.MaxReason)
            return Problem.InvalidReason($"reason has {reason.Length:N0} characters; the most is {ScheduleRequest.MaxReason:N0}.");
        var by = Operator.Of(request, caller);
        if (of == ControlKind.Schedule)
            return await ResumeScheduleAsync(caller, name, by, reason, cancellation);
        var answer = await desk.RemoveAsync(of, name, by, reason, expected, cancellation);
        return !answer.Done ? Problem.ControlChanged(answer.Control!.ETag.ToString())
            : answer.Control is null ? Problem.ControlNotFound(kind, name)
            : Results.NoContent();
    });

    /// <summary>A schedule keeps its pause itself; here it is only put on record, too.</summary>
    private async Task<IResult> PauseScheduleAsync(Caller caller, Control pause, CancellationToken cancellation)
    {
        if (caller.SubmitsFor is not { } tenant)
            return Problem.TenantMissing(caller.Name);
        var entry = await audit.AddAsync(AuditEntry.Of(pause, pause.Since, "put", pause.By, pause.Reason) with { Tenant = tenant }, cancellation);
        var paused = await schedules.PauseAsync(tenant, pause.Name, pause.By, pause.Reason, pause.Until, cancellation);
        await audit.MarkAsync(entry, paused is null ? AuditOutcome.Refused : AuditOutcome.Done, cancellation);
        return paused is null ? Problem.ScheduleNotFound(pause.Name) : Results.Json(ScheduleView.Of(paused, clock.GetUtcNow(), withPayload: true), ApiJson.Camel.ScheduleView);
    }

    private async Task<IResult> ResumeScheduleAsync(Caller caller, string name, string by, string reason, CancellationToken cancellation)
    {
        if (caller.SubmitsFor is not { } tenant)
            return Problem.TenantMissing(caller.Name);
        var entry = await audit.AddAsync(new AuditEntry(clock.GetUtcNow(), by, "removed", Control.PartitionOf(ControlKind.Schedule), name, reason, Detail: null, tenant), cancellation);
        var resumed = await schedules.ResumeAsync(tenant, name, cancellation);
        await audit.MarkAsync(entry, resumed is null ? AuditOutcome.Refused : AuditOutcome.Done, cancellation);
        return resumed is null ? Problem.ScheduleNotFound(name) : Results.NoContent();
    }

    /// <summary>A typing error must not look like a pause.</summary>
    private async Task<IResult?> RefuseAsync(ControlKind kind, string name, CancellationToken cancellation) => kind switch
    {
        ControlKind.Type when catalog.Find(name) is null => Problem.UnknownType($"There is no job type '{name}' here; GET /api/catalog lists those there are."),
        ControlKind.Policy when catalog.Find(name) is null => Problem.UnknownType($"There is no job type '{name}' here; GET /api/catalog lists those there are."),
        ControlKind.Policy when catalog.Find(name)!.Guarantee == Guarantee.AtMostOnce => Problem.NoRetries(name),
        ControlKind.Queue when !Enum.GetValues<Queue>().Any(queue => ControlSnapshot.NameOf(queue) == name) => Problem.InvalidControlName("A queue is critical, default or bulk."),
        ControlKind.Tenant when !Admission.IsTenant(name) => Problem.InvalidControlName("A tenant is 1 to 64 letters, digits, dashes and underscores."),
        ControlKind.Automatic when name != AutomaticPause.Name => Problem.InvalidControlName($"Only '{AutomaticPause.Name}' is ever paused by itself."),
        ControlKind.Instance when (await instances.ReadAsync(cancellation)).All(one => one.Id != name) => Problem.InstanceNotFound(name),
        _ => null,
    };

    private static IResult Show(HttpRequest request, ControlAnswer answer)
    {
        request.HttpContext.Response.Headers.ETag = answer.Control!.ETag.ToString();
        return Results.Json(ControlView.Of(answer.Control), ApiJson.Camel.ControlView, statusCode: answer.Created ? StatusCodes.Status201Created : StatusCodes.Status200OK);
    }

    private async Task<IResult> AnswerAsync(HttpRequest request, string kind, string name, Func<Caller, ControlKind, Task<IResult>> answer)
    {
        var (caller, refusal) = admission.Ask(request, Scope.Operate);
        if (caller is null)
            return refusal!;
        if (Control.KindOf(kind) is not { } of)
            return Problem.UnknownControlKind(kind, Kinds);
        if (!ControlRequest.IsName(name))
            return Problem.InvalidControlName("A name is 1 to 128 letters, digits, dots, dashes and underscores.");
        // What stops everybody's jobs is not for one tenant to do.
        if (caller.Tenant is { } own && of != ControlKind.Schedule && (of != ControlKind.Tenant || name != own))
            return Problem.Forbidden($"'{caller.Name}' acts for the tenant '{own}' only, so he may control that tenant and its schedules.");
        try
        {
            return await answer(caller, of);
        }
        catch (TimeoutException)
        {
            return Problem.ControlContended();
        }
        catch (Exception away) when (StoreAway.Explains(away))
        {
            LogStoreAway(away);
            return Problem.ControlsUnavailable(retryAfterSeconds: 5);
        }
    }

    [LoggerMessage(2107, LogLevel.Error, "A request about controls could not be answered: a store did not answer")]
    private partial void LogStoreAway(Exception failure);
}
