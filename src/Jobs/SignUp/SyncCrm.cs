using System.ComponentModel.DataAnnotations;
using Jobs.Downstream;
using Weir;

namespace Jobs.SignUp;

public enum Plan
{
    Free,
    Team,
    Enterprise,
}

public sealed record CrmContact([property: StringLength(64, MinimumLength = 1)] string UserId, [property: EmailAddress, StringLength(320)] string Email, Plan Plan = Plan.Free);

[Job("crm.sync", Owner = "sales-tools", TimeoutSeconds = 30,
    DependsOn = ["crm"], Description = "Makes or updates the contact of a user.", SideEffects = "One contact, by user id: repeating it changes nothing.")]
public sealed class SyncCrm(DownstreamClient downstream) : IJobHandler<CrmContact>
{
    public async Task<object?> RunAsync(CrmContact job, JobContext context, CancellationToken cancellation)
    {
        // An update by key is idempotent by itself, so no checkpoint is needed.
        var stored = await downstream.CallAsync("crm", job, context.IdempotencyKey, cancellation);
        return new { contactId = stored.Reference };
    }
}
