using System.ComponentModel.DataAnnotations;
using System.Diagnostics;
using Weir;

namespace Jobs.Probe;

public enum ProbeFailure
{
    Transient,
    Permanent,

    /// <summary>Ends the process at once, as kill -9 would.</summary>
    Crash,

    /// <summary>Goes on until its token fires.</summary>
    Hang,
}

/// <param name="Effect">Where to leave an effect; see <see cref="ProbeEffects"/>.</param>
/// <param name="SleepMs">How long each attempt takes.</param>
/// <param name="FailFirst">This many attempts fail.</param>
/// <param name="FailAs">In which way.</param>
/// <param name="Note">Comes back in the result.</param>
public sealed record ProbeRequest(
    [property: RegularExpression("^[A-Za-z0-9._-]{1,100}$")] string? Effect = null,
    [property: Range(0, 3_600_000)] int SleepMs = 0,
    [property: Range(0, 1_000)] int FailFirst = 0,
    ProbeFailure FailAs = ProbeFailure.Transient,
    [property: StringLength(1_000)] string? Note = null);

/// <summary>Behaves as it is told, for synthetic monitoring and black-box tests.</summary>
[Job("probe", Owner = "operations", Retry = "quick", TimeoutSeconds = 3_600,
    Description = "Does what its payload says: sleep, fail, crash, hang, leave an effect.", SideEffects = "One row in the table ProbeEffects.")]
public sealed class RunProbe(ProbeEffects effects, TimeProvider clock, ProbeCrash crash) : IJobHandler<ProbeRequest>
{
    public async Task<object?> RunAsync(ProbeRequest job, JobContext context, CancellationToken cancellation)
    {
        if (job.Effect is not null)
            await effects.StartedAsync(job.Effect, context, cancellation);
        if (job.SleepMs > 0)
            await Task.Delay(TimeSpan.FromMilliseconds(job.SleepMs), clock, cancellation);
        if (context.Attempt <= job.FailFirst)
            await FailAsync(job.FailAs, context.Attempt, cancellation);

        if (job.Effect is not null)
            await context.OnceAsync("effect", token => effects.PerformAsync(job.Effect, job.Note, context, token));
        return new { note = job.Note, attempt = context.Attempt };
    }

    private async Task FailAsync(ProbeFailure how, int attempt, CancellationToken cancellation)
    {
        switch (how)
        {
            case ProbeFailure.Permanent:
                throw new PermanentException($"Attempt {attempt} fails for good, as it was told to.");
            case ProbeFailure.Crash:
                crash();
                throw new UnreachableException("The process should be gone.");
            case ProbeFailure.Hang:
                await Task.Delay(Timeout.InfiniteTimeSpan, clock, cancellation);
                break;
            default:
                throw new TransientException($"Attempt {attempt} fails, as it was told to.");
        }
    }
}

/// <summary>Ends the process at once, with nothing cleaned up.</summary>
public delegate void ProbeCrash();
