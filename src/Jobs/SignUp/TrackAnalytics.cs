using System.ComponentModel.DataAnnotations;
using Jobs.Downstream;
using Weir;

namespace Jobs.SignUp;

public sealed record AnalyticsEvent(
    [property: StringLength(100, MinimumLength = 1)] string Name, [property: StringLength(64, MinimumLength = 1)] string UserId, Dictionary<string, string>? Properties = null);

[Job("analytics.track", Queue = Queue.Bulk, Owner = "data", Retry = "patient", TimeoutSeconds = 15,
    DependsOn = ["analytics"], Description = "Counts an event.", SideEffects = "One row in analytics; a repetition is dropped by its idempotency key.")]
public sealed class TrackAnalytics(DownstreamClient downstream) : IJobHandler<AnalyticsEvent>
{
    public async Task<object?> RunAsync(AnalyticsEvent job, JobContext context, CancellationToken cancellation)
    {
        await downstream.CallAsync("analytics", job, context.IdempotencyKey, cancellation);
        return null;
    }
}
