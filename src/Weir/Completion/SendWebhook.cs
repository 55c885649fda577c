using System.Globalization;
using Weir.Retries;

namespace Weir.Completion;

/// <param name="Url">The callbackUrl of the job that ended.</param>
/// <param name="Body">What is sent, to the byte.</param>
internal sealed record WebhookDelivery(string Url, string Body);

/// <summary>Delivers one webhook: a job like any other, with its own receipt, attempts and dead letter, so that an operator can see and replay it.</summary>
[Job(Type, Retry = RetryPolicies.Patient, TimeoutSeconds = 30, Description = "Tells a callbackUrl of a job's end.", SideEffects = "One POST to the callback, with the same webhook-id on each try.")]
internal sealed class SendWebhook(WebhookClient client) : IJobHandler<WebhookDelivery>
{
    public const string Type = "weir.webhook";

    public async Task<object?> RunAsync(WebhookDelivery job, JobContext context, CancellationToken cancellation)
    {
        // Remembered at once, so that a crash before the job's own end does not send it again.
        var status = await context.OnceAsync("delivered", token => client.PostAsync(context.Id, context.Tenant, job.Url, job.Body, token));
        return new { status };
    }

    public static string BodyOf(CompletionReport report) =>
        string.Create(CultureInfo.InvariantCulture, $$"""{"type":"job.{{report.StateName}}","timestamp":"{{report.FinishedAt.UtcDateTime:O}}","data":{{report.Data}}}""");
}
