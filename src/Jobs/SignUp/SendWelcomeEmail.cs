using System.ComponentModel.DataAnnotations;
using Jobs.Downstream;
using Weir;

namespace Jobs.SignUp;

public sealed record WelcomeEmail([property: EmailAddress, StringLength(320)] string To, [property: StringLength(200, MinimumLength = 1)] string Name);

[Job("email.welcome", Queue = Queue.Critical, Owner = "growth", TimeoutSeconds = 30,
    DependsOn = ["email"], Description = "Greets somebody who has just signed up.", SideEffects = "One e-mail; the provider drops a repetition by its idempotency key.")]
public sealed class SendWelcomeEmail(DownstreamClient downstream) : IJobHandler<WelcomeEmail>
{
    public async Task<object?> RunAsync(WelcomeEmail job, JobContext context, CancellationToken cancellation)
    {
        var mail = new { to = job.To, subject = $"Welcome, {job.Name}", text = $"Dear {job.Name},\n\nit is good to have you here.\n" };
        var sent = await context.OnceAsync("send", token => downstream.CallAsync("email", mail, context.IdempotencyKey, token));
        return new { messageId = sent.Reference };
    }
}
