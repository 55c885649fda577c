using Microsoft.Extensions.Logging;
using Weir.Execution;
using Weir.Holds;
using Weir.Instances;

namespace Weir.Controls;

/// <summary>
/// Ends what is over, and brings back the jobs that were held for it: a control whose time has come, one that was taken away, a drain of an instance that is gone. One
/// instance at a time, in bounded steps; what is left over, by a crash or for want of time, the next run finds, since a job that is held has a row.
/// </summary>
public sealed partial class HeldRelease
{
    private const int AtOnce = 16;

    /// <summary>Longer than a page takes: renewed with each, given back at the end of a run. Two at once would only do some of it twice.</summary>
    private static readonly TimeSpan Lease = TimeSpan.FromSeconds(15);

    private static readonly TimeSpan SweepLimit = TimeSpan.FromSeconds(45);

    /// <summary>An instance says that it lives before it takes a job.</summary>
    private static readonly TimeSpan Gone = TimeSpan.FromMinutes(2);

    private readonly HeldTable held;
    private readonly ControlTable table;
    private readonly ControlBoard board;
    private readonly AuditTable audit;
    private readonly JobHolds holds;
    private readonly InstanceTable instances;
    private readonly Instance instance;
    private readonly KillPoints kill;
    private readonly TimeProvider clock;
    private readonly ILogger<HeldRelease> logger;
    private readonly SemaphoreSlim turn = new(1);
    private volatile bool wanted = true; // once after the start: whoever was here before may have died in the middle of it

    internal HeldRelease(
        HeldTable held, ControlTable table, ControlBoard board, AuditTable audit, JobHolds holds, InstanceTable instances, Instance instance, KillPoints kill, TimeProvider clock, ILogger<HeldRelease> logger)
    {
        (this.held, this.table, this.board, this.audit, this.holds, this.instances) = (held, table, board, audit, holds, instances);
        (this.instance, this.kill, this.clock, this.logger) = (instance, kill, clock, logger);
    }

    /// <summary>Somebody has seen a control end, or a run could not do all.</summary>
    internal bool IsWanted => wanted;

    internal void Want() => wanted = true;

    /// <summary>The timer's run: what a crash cut off waits for no longer.</summary>
    public async Task SweepAsync(CancellationToken cancellation)
    {
        await EndDrainsAsync(cancellation);
        await RunAsync(SweepLimit, cancellation);
    }

    /// <summary>One run, for about so long. False when something is left, or another instance has the turn.</summary>
    internal async Task<bool> RunAsync(TimeSpan limit, CancellationToken cancellation)
    {
        if (!turn.Wait(0, cancellation))
        {
            wanted = true;
            return false;
        }
        try
        {
            wanted = false;
            var all = await ReleaseAllAsync(clock.GetUtcNow() + limit, cancellation);
            wanted |= !all;
            return all;
        }
        catch
        {
            wanted = true;
            throw;
        }
        finally
        {
            turn.Release();
        }
    }

    private async Task<bool> ReleaseAllAsync(DateTimeOffset until, CancellationToken cancellation)
    {
        var controls = await board.ReadAgainAsync(cancellation);
        var now = clock.GetUtcNow();
        var over = controls.All.Where(control => !control.IsInForce(now)).ToArray();
        if (over.Length == 0 && await held.NextGroupAsync(after: null, cancellation) is null)
            return true;
        if (!await table.Turn.TakeAsync(instance.Id, now, now + Lease, cancellation))
            return false;

        foreach (var control in over)
            await EndAsync(control, "Its time was over.", cancellation);
        var all = true;
        for (var group = await held.NextGroupAsync(after: null, cancellation); group is not null; group = await held.NextGroupAsync(group, cancellation))
            all &= await ReleaseAsync(group, until, cancellation);
        await table.Turn.TakeAsync(instance.Id, now, clock.GetUtcNow(), cancellation); // another instance may have the next
        return all;
    }

    /// <returns>False when there was no time for all.</returns>
    private async Task<bool> ReleaseAsync(HeldGroup group, DateTimeOffset until, CancellationToken cancellation)
    {
        if (group.Control is not var (kind, name))
            return true;
        var after = "";
        for (var released = 0; ;)
        {
            // Paused again meanwhile: the rest stays where it is.
            if ((await board.CurrentAsync(cancellation)).Find(kind, name, clock.GetUtcNow()) is not null)
                return true;
            var page = await held.ReadAsync(group, after, cancellation);
            if (page.Count == 0)
            {
                if (released > 0)
                    LogReleased(released, kind, name);
                return true;
            }
            if (clock.GetUtcNow() is var now && (now >= until || !await table.Turn.TakeAsync(instance.Id, now, now + Lease, cancellation)))
                return false;
            foreach (var some in page.Chunk(AtOnce))
                await Task.WhenAll(some.Select(job => holds.ReleaseAsync(job.JobId, cancellation)));
            kill.Pass(KillPoints.AfterControlReleased);
            await held.RemoveAsync(group, page, cancellation);
            (released, after) = (released + page.Count, page[^1].Row);
        }
    }

    private async Task EndAsync(Control control, string why, CancellationToken cancellation)
    {
        var entry = await audit.AddAsync(AuditEntry.Of(control, clock.GetUtcNow(), "ended", ControlDesk.Weir, why), cancellation);
        var ended = await table.RemoveAsync(control, cancellation);
        await audit.MarkAsync(entry, ended ? AuditOutcome.Done : AuditOutcome.Refused, cancellation);
        if (ended)
            LogEnded(control.Kind, control.Name, why);
    }

    /// <summary>Nobody resumes an instance that is gone.</summary>
    private async Task EndDrainsAsync(CancellationToken cancellation)
    {
        var controls = await board.ReadAgainAsync(cancellation);
        var drains = controls.All.Where(control => control.Kind == ControlKind.Instance && control.Since + Gone < clock.GetUtcNow()).ToArray();
        if (drains.Length == 0)
            return;
        var alive = (await instances.ReadAsync(cancellation)).Select(one => one.Id).ToHashSet(StringComparer.Ordinal);
        foreach (var drain in drains.Where(drain => !alive.Contains(drain.Name)))
            await EndAsync(drain, "The instance is gone.", cancellation);
    }

    [LoggerMessage(2110, LogLevel.Information, "The control {Kind} '{Name}' has ended: {Why}")]
    private partial void LogEnded(ControlKind kind, string name, string why);

    [LoggerMessage(2111, LogLevel.Information, "{Count} jobs that were held by {Kind} '{Name}' go on")]
    private partial void LogReleased(int count, ControlKind kind, string name);
}
