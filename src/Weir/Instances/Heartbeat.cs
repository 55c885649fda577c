using System.Reflection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Weir.Controls;
using Weir.Execution;
using Weir.Index;

namespace Weir.Instances;

/// <summary>
/// Says every 10 s that this instance lives, what it runs, and how far it has written the list of jobs. One that has been silent for a minute is
/// dead; whoever sees that first finds the lines that went down with it.
/// </summary>
internal sealed partial class Heartbeat(
    InstanceTable table, Instance instance, InFlight inFlight, JobIndex index, LostLines lost, ControlBoard controls, TimeProvider clock, ILogger<Heartbeat> logger) : IHostedService, IDisposable
{
    public static readonly TimeSpan Interval = TimeSpan.FromSeconds(10);

    /// <summary>An operator waits for it to be empty.</summary>
    private static readonly TimeSpan WhileDrained = TimeSpan.FromSeconds(2);

    /// <summary>Several beats may fail before anybody takes this instance for dead; and being taken for it wrongly costs a search, no more.</summary>
    private static readonly TimeSpan Dead = TimeSpan.FromMinutes(1);

    private static readonly TimeSpan SearchLimit = TimeSpan.FromMinutes(15);

    /// <summary>A string property holds 32,768 characters; a job takes some 250.</summary>
    private const int MostJobs = 100;

    private static readonly string Version =
        Assembly.GetEntryAssembly()?.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "unknown";

    /// <summary>Three beats missed.</summary>
    private static readonly TimeSpan Silent = Interval * 3;

    private readonly CancellationTokenSource stopping = new();
    private readonly DateTimeOffset startedAt = clock.GetUtcNow();
    private DateTimeOffset? emptySince;
    private Task beating = Task.CompletedTask;
    private Task searching = Task.CompletedTask;

    /// <summary>When it could last say that it lives.</summary>
    public DateTimeOffset? WrittenAt { get; private set; }

    /// <summary>How many instances were alive, and how many silent, when it last looked.</summary>
    public Sighting? Seen { get; private set; }

    /// <summary>Before the triggers start: from its first job on this instance is known, and missed if it dies.</summary>
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        await WriteAsync(cancellationToken);
        beating = RunAsync(stopping.Token);
    }

    /// <summary>After the index has been written to its end. If it could not be, the row stays, and with it the duty to look for the lines.</summary>
    public async Task StopAsync(CancellationToken cancellationToken)
    {
        await stopping.CancelAsync();
        await beating.WaitAsync(cancellationToken);
        await searching.WaitAsync(cancellationToken);
        if (!index.IsEmpty)
            return;
        try
        {
            await table.RemoveAsync(instance.Id, cancellationToken);
        }
        catch (Exception away) when (StoreAway.Explains(away))
        {
            LogNotRemoved(away); // taken for dead in a minute, whoever looks finds nothing missing
        }
    }

    public void Dispose() => stopping.Dispose();

    private async Task RunAsync(CancellationToken stop)
    {
        while (true)
        {
            try
            {
                if (searching.IsCompleted)
                    searching = SearchAsync(stop);
                await Task.Delay(IsDrained ? WhileDrained : Interval, clock, stop);
                await WriteAsync(stop);
            }
            catch (OperationCanceledException) when (stop.IsCancellationRequested)
            {
                return;
            }
            catch (Exception failure)
            {
                LogNotWritten(failure);
            }
        }
    }

    private async Task WriteAsync(CancellationToken cancellation)
    {
        await table.WriteAsync(Present(), cancellation);
        WrittenAt = clock.GetUtcNow();
    }

    private bool IsDrained => controls.Find(ControlKind.Instance, instance.Id) is not null;

    private InstanceRecord Present()
    {
        var claims = inFlight.Claims;
        emptySince = IsDrained && claims.Count == 0 ? emptySince ?? clock.GetUtcNow() : null;
        var jobs = claims.Take(MostJobs).Select(claim =>
            new RunningJob(claim.Message.JobId, claim.Message.Type, claim.Message.Tenant, claim.Message.Lane, claim.Attempt.Number, claim.Attempt.StartedAt));
        return new InstanceRecord(instance.Id, Version, startedAt, clock.GetUtcNow(), index.WrittenUntil, claims.Count, [.. jobs]) { EmptySince = emptySince };
    }

    /// <summary>Looks for the lines of dead instances, and for those that this one had to drop.</summary>
    private async Task SearchAsync(CancellationToken stop)
    {
        try
        {
            using var limit = new CancellationTokenSource(SearchLimit, clock);
            using var ended = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, stop);
            await SearchGapAsync(ended.Token);
            var all = await table.ReadAsync(ended.Token);
            var alive = all.Count(one => one.SeenAt + Silent > clock.GetUtcNow());
            Seen = new Sighting(alive, all.Count - alive);
            foreach (var other in all)
            {
                if (other.Id != instance.Id && other.SeenAt + Dead < clock.GetUtcNow() && !(other.AdoptedUntil > clock.GetUtcNow()))
                    await SearchForAsync(other, ended.Token);
            }
        }
        catch (Exception failure)
        {
            if (!stop.IsCancellationRequested)
                LogSearchFailed(failure);
        }
    }

    private async Task SearchGapAsync(CancellationToken cancellation)
    {
        if (index.TakeGap() is not { } since)
            return;
        try
        {
            await lost.FindAsync(since, clock.GetUtcNow(), cancellation);
        }
        catch (Exception)
        {
            index.ReopenGap(since);
            throw;
        }
    }

    private async Task SearchForAsync(InstanceRecord dead, CancellationToken cancellation)
    {
        var now = clock.GetUtcNow();
        if (!await table.AdoptAsync(dead, now + SearchLimit, cancellation))
            return;
        LogDied(dead.Id, dead.SeenAt, dead.Running);
        await lost.FindAsync(dead.IndexedUntil, now, cancellation);
        await table.RemoveAsync(dead.Id, cancellation);
    }

    /// <summary>What an instance saw of all, itself among them.</summary>
    internal sealed record Sighting(int Alive, int Silent);

    [LoggerMessage(1540, LogLevel.Warning, "This instance could not say that it lives")]
    private partial void LogNotWritten(Exception failure);

    [LoggerMessage(902, LogLevel.Warning, "This instance could not take its leave: the others will take it for dead")]
    private partial void LogNotRemoved(Exception failure);

    [LoggerMessage(1541, LogLevel.Warning, "Instance {Instance} died: it was last seen at {SeenAt:O}, with {Running} jobs, which go on elsewhere when their leases end")]
    private partial void LogDied(string instance, DateTimeOffset seenAt, int running);

    [LoggerMessage(1542, LogLevel.Warning, "The lines of lost jobs could not all be found; it is tried again")]
    private partial void LogSearchFailed(Exception failure);
}
