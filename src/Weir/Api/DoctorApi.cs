using Microsoft.AspNetCore.Http;
using Weir.Access;
using Weir.Health;

namespace Weir.Api;

/// <summary>GET /api/doctor: everything that this instance relies on, looked at now. For operators of all tenants: what is found tells of the whole.</summary>
public sealed class DoctorApi
{
    private static readonly string Version = (System.Reflection.CustomAttributeExtensions.GetCustomAttribute<System.Reflection.AssemblyInformationalVersionAttribute>(typeof(DoctorApi).Assembly)?.InformationalVersion ?? "unknown").Split('+')[0];

    private readonly Admission admission;
    private readonly Doctor doctor;
    private readonly Execution.Instance instance;
    private readonly TimeProvider clock;

    internal DoctorApi(Admission admission, Doctor doctor, Execution.Instance instance, TimeProvider clock) => (this.admission, this.doctor, this.instance, this.clock) = (admission, doctor, instance, clock);

    public async Task<IResult> LookAsync(HttpRequest request, CancellationToken cancellation)
    {
        var (caller, refusal) = admission.Ask(request, Scope.Operate);
        if (caller is null)
            return refusal!;
        if (caller.Tenant is not null)
            return Problem.Forbidden($"'{caller.Name}' is bound to one tenant, and the doctor looks at what belongs to all.");
        if (await doctor.LookAsync(cancellation) is not { } checks)
            return Problem.DoctorBusy();
        var status = checks.Any(one => one.Outcome == DoctorOutcome.Failed) ? "failed" : checks.Any(one => one.Outcome == DoctorOutcome.Warning) ? "warning" : "ok";
        return Results.Json(new
        {
            status,
            at = clock.GetUtcNow(),
            version = Version,
            instance = instance.Id,
            checks = checks.Select(one => new { area = one.Area, name = one.Name, outcome = one.Outcome.ToString().ToLowerInvariant(), detail = one.Detail, latencyMs = one.LatencyMs }),
        });
    }
}

/// <summary>What concerns the doctor.</summary>
internal static partial class Problem
{
    public static IResult DoctorBusy() => RetryAfter(5, Of(429, "busy", "The doctor is looking already", "Somebody else has asked this instance; what he looks at is dear. Ask again in some seconds."));
}
