using Microsoft.Extensions.Logging;
using Weir.Execution;

namespace Weir.Controls;

/// <summary>Sets and takes away controls: on record first, then in the table, where every instance finds it.</summary>
internal sealed partial class ControlDesk(ControlTable table, ControlBoard board, AuditTable audit, HeldRelease release, KillPoints kill, TimeProvider clock, ILogger<ControlDesk> logger)
{
    /// <summary>Who does what nobody asked for.</summary>
    public const string Weir = "weir";

    private const int MaxTries = 5;

    /// <summary>What a request waits for the release of what was held; the rest goes on without it.</summary>
    private static readonly TimeSpan InRequest = TimeSpan.FromSeconds(5);

    /// <param name="wanted">As it is to be.</param>
    /// <param name="expected">Whether what is there now may be replaced; null is nothing.</param>
    /// <param name="cancellation">Ends the waiting.</param>
    /// <exception cref="TimeoutException">It changed whenever it was to be written.</exception>
    public async Task<ControlAnswer> PutAsync(Control wanted, Func<Control?, bool> expected, CancellationToken cancellation)
    {
        string? entry = null;
        for (var tries = 1; tries <= MaxTries; tries++)
        {
            var now = clock.GetUtcNow();
            var before = await table.FindAsync(wanted.Kind, wanted.Name, cancellation);
            if (!expected(before))
            {
                await MarkAsync(entry, AuditOutcome.Refused, cancellation);
                return new ControlAnswer(before, Done: false);
            }
            var control = wanted with { Since = before is { IsAutomatic: false } && before.IsInForce(now) ? before.Since : now };
            entry ??= await audit.AddAsync(AuditEntry.Of(control, now, "put", control.By, control.Reason), cancellation);
            kill.Pass(KillPoints.AfterControlAudited);
            if (await table.WriteAsync(control, before?.ETag, cancellation) is not { } written)
                continue;

            kill.Pass(KillPoints.AfterControlWritten);
            await MarkAsync(entry, AuditOutcome.Done, cancellation);
            LogPut(control.Kind, control.Name, control.By, control.Reason, control.Until);
            await board.ReadAgainAsync(cancellation);
            return new ControlAnswer(written, Done: true) { Created = before is null };
        }
        await MarkAsync(entry, AuditOutcome.Refused, cancellation);
        throw Contended(wanted.Kind, wanted.Name);
    }

    /// <returns>Done without a control: there was none.</returns>
    /// <exception cref="TimeoutException">It changed whenever it was to be removed.</exception>
    public async Task<ControlAnswer> RemoveAsync(ControlKind kind, string name, string by, string reason, Func<Control?, bool> expected, CancellationToken cancellation)
    {
        string? entry = null;
        for (var tries = 1; tries <= MaxTries; tries++)
        {
            var before = await table.FindAsync(kind, name, cancellation);
            if (before is null || !expected(before))
            {
                await MarkAsync(entry, before is null ? AuditOutcome.Done : AuditOutcome.Refused, cancellation);
                return new ControlAnswer(before, Done: before is null);
            }
            entry ??= await audit.AddAsync(AuditEntry.Of(before, clock.GetUtcNow(), "removed", by, reason), cancellation);
            kill.Pass(KillPoints.AfterControlAudited);
            if (!await table.RemoveAsync(before, cancellation))
                continue;

            kill.Pass(KillPoints.AfterControlWritten);
            await MarkAsync(entry, AuditOutcome.Done, cancellation);
            LogRemoved(kind, name, by, reason);
            await board.ReadAgainAsync(cancellation);
            if (before.IsPause)
                await release.RunAsync(InRequest, cancellation);
            return new ControlAnswer(before, Done: true);
        }
        await MarkAsync(entry, AuditOutcome.Refused, cancellation);
        throw Contended(kind, name);
    }

    private Task MarkAsync(string? entry, AuditOutcome outcome, CancellationToken cancellation) => entry is null ? Task.CompletedTask : audit.MarkAsync(entry, outcome, cancellation);

    private static TimeoutException Contended(ControlKind kind, string name) => new($"The control {Control.PartitionOf(kind)} '{name}' changed {MaxTries} times while it was to be written.");

    [LoggerMessage(2102, LogLevel.Warning, "The control {Kind} '{Name}' was set by {By}: {Reason}. It ends {Until:O}")]
    private partial void LogPut(ControlKind kind, string name, string by, string reason, DateTimeOffset? until);

    [LoggerMessage(2103, LogLevel.Warning, "The control {Kind} '{Name}' was taken away by {By}: {Reason}")]
    private partial void LogRemoved(ControlKind kind, string name, string by, string reason);
}

/// <param name="Control">As it is now, or was last.</param>
/// <param name="Done">False: it was another one than expected.</param>
internal sealed record ControlAnswer(Control? Control, bool Done)
{
    public bool Created { get; init; }
}
