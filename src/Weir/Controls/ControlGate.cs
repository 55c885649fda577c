using Microsoft.Extensions.Logging;
using Weir.Execution;
using Weir.Holds;
using Weir.Lanes;

namespace Weir.Controls;

/// <summary>
/// Asked before each attempt: does a control stop it? What is paused is held in its receipt: nothing is burnt, nothing is sent until it ends. Held first, marked, and
/// looked again then, as whoever ends a control removes it first and looks then: one of the two sees the other.
/// </summary>
internal sealed partial class ControlGate(ControlBoard board, HeldTable held, JobHolds holds, JobQueues queues, Instance instance, KillPoints kill, TimeProvider clock, ILogger<ControlGate> logger)
{
    /// <summary>A job in strict order keeps its place only in its key's row, so it is put off, and its key with it.</summary>
    private static readonly TimeSpan UntilStrictAgain = TimeSpan.FromSeconds(15);

    /// <summary>
    /// A drained instance keeps a lane this long before it gives it back. The host goes on to accept sessions, and without this it would take the same lanes again and again as
    /// fast as the broker hands them out.
    /// </summary>
    private static readonly TimeSpan BeforeHandBack = TimeSpan.FromSeconds(1);

    /// <returns>What becomes of the message when its job is not to begin now; null when it is.</returns>
    public async ValueTask<Settlement?> StopAsync(JobMessage message, Queue queue, CancellationToken cancellation)
    {
        var controls = await board.CurrentAsync(cancellation);
        var now = clock.GetUtcNow();
        if (controls.Find(ControlKind.Instance, instance.Id, now) is not null)
            return await HandBackAsync(cancellation);
        if (controls.PauseOf(queue, message.Type, message.Tenant, now) is not { } pause)
            return null;
        if (message.StrictKey is null)
            return await HoldAsync(message, pause, cancellation);

        await queues.PutOffAsync(queue, message with { PutOffBecause = $"{Control.NameOf(pause.Kind)} '{pause.Name}' is paused" }, PutOffReason.Paused, now + UntilStrictAgain, cancellation);
        LogPutOff(message.JobId, message.Type, pause.Kind, pause.Name);
        return Settlement.Completed;
    }

    /// <summary>Once more between the claim and the handler: a claim may have been long on its way.</summary>
    public async ValueTask<bool> MayStartAsync(JobMessage message, Queue queue, CancellationToken cancellation)
    {
        try
        {
            if (!board.IsFresh)
                await board.ReadAgainAsync(cancellation);
        }
        catch (Exception away) when (StoreAway.Explains(away))
        {
            return false;
        }
        return board.IsFresh && board.Find(ControlKind.Instance, instance.Id) is null && board.PauseOf(queue, message.Type, message.Tenant) is null;
    }

    private async Task<Settlement?> HoldAsync(JobMessage message, Control pause, CancellationToken cancellation)
    {
        if (!await holds.HoldAsync(message, cancellation))
            return null; // it ended, or runs: its claim tells what to do

        kill.Pass(KillPoints.AfterControlHeld);
        await held.AddAsync(pause, message, cancellation);
        kill.Pass(KillPoints.AfterControlMarked);
        LogHeld(message.JobId, message.Type, pause.Kind, pause.Name);
        if ((await board.ReadAgainAsync(cancellation)).Find(pause.Kind, pause.Name, clock.GetUtcNow()) is null)
            await holds.ReleaseAsync(message.JobId, cancellation);
        return Settlement.Completed;
    }

    private async Task<Settlement> HandBackAsync(CancellationToken cancellation)
    {
        await Task.Delay(BeforeHandBack, clock, cancellation);
        return Settlement.HandedBack;
    }

    [LoggerMessage(2100, LogLevel.Debug, "Job {JobId} ({Type}) is held: {Kind} '{Name}' is paused")]
    private partial void LogHeld(string jobId, string type, ControlKind kind, string name);

    [LoggerMessage(2101, LogLevel.Debug, "Job {JobId} ({Type}), in strict order, is put off: {Kind} '{Name}' is paused")]
    private partial void LogPutOff(string jobId, string type, ControlKind kind, string name);
}
