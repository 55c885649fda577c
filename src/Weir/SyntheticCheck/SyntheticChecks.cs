using System.Text.Json;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Weir.Catalog;
using Weir.Execution;
using Weir.Receipts;
using Weir.Reconciliation;
using Weir.Submission;

namespace Weir.SyntheticCheck;

/// <summary>
/// Does what a client does: sends a job through each queue, once a minute, and waits for its end. It belongs to a tenant of its own, so that nobody's quotas, lanes or statistics are touched, and is kept
/// and removed like any other job. One instance at a time; the others say nothing of it.
/// </summary>
public sealed partial class SyntheticChecks
{
    /// <summary>Whose these jobs are.</summary>
    public const string Tenant = "weir-synthetic";

    /// <summary>Twice in a row is no accident.</summary>
    private const int FailuresOfAFinding = 2;

    private static readonly JsonElement Nothing = JsonElement.Parse("{}");

    private readonly JobSubmission submission;
    private readonly JobWatch watch;
    private readonly JobCatalog catalog;
    private readonly FindingTable findings;
    private readonly Instance instance;
    private readonly IOptions<SyntheticCheckOptions> options;
    private readonly IHostEnvironment environment;
    private readonly TimeProvider clock;
    private readonly ILogger<SyntheticChecks> logger;
    private readonly SemaphoreSlim turn = new(1);
    private readonly int[] failures = new int[Enum.GetValues<Queue>().Length];
    private volatile CheckRound? last;
    private DateTimeOffset beganAt;

    internal SyntheticChecks(
        JobSubmission submission, JobWatch watch, JobCatalog catalog, FindingTable findings, Instance instance, IOptions<SyntheticCheckOptions> options, IHostEnvironment environment, TimeProvider clock, ILogger<SyntheticChecks> logger)
    {
        (this.submission, this.watch, this.catalog, this.findings, this.instance) = (submission, watch, catalog, findings, instance);
        (this.options, this.environment, this.clock, this.logger) = (options, environment, clock, logger);
    }

    internal bool IsEnabled => (options.Value.Enabled ?? !environment.IsDevelopment()) && catalog.Find(options.Value.Type) is not null;

    /// <summary>What this instance has seen not long ago; null when it is another's turn, or it is switched off.</summary>
    internal CheckRound? Last => last is { } round && round.At + 3 * options.Value.Every > clock.GetUtcNow() ? round : null;

    /// <summary>The timer's run: a check, if one is due. Throws nothing but on a stop.</summary>
    public async Task RunAsync(CancellationToken cancellation)
    {
        if (!IsEnabled || beganAt + options.Value.Every > clock.GetUtcNow() + TimeSpan.FromSeconds(1))
            return;
        if (!turn.Wait(0, cancellation))
            return;
        try
        {
            await CheckAsync(cancellation);
        }
        catch (Exception failure) when (!cancellation.IsCancellationRequested)
        {
            LogNotChecked(failure);
        }
        finally
        {
            turn.Release();
        }
    }

    internal async Task CheckAsync(CancellationToken cancellation)
    {
        var now = clock.GetUtcNow();
        if (!await MayCheckAsync(now, cancellation))
        {
            last = null;
            Array.Clear(failures);
            return;
        }
        beganAt = now;
        var results = await Task.WhenAll(Enum.GetValues<Queue>().Select(queue => CheckAsync(queue, now, cancellation)));
        last = new CheckRound(now, [.. results.Where(one => one.Outcome != CheckOutcome.Refused)]);
        foreach (var one in results)
            failures[(int)one.Queue] = one.Outcome switch { CheckOutcome.Failed => failures[(int)one.Queue] + 1, CheckOutcome.Succeeded => 0, _ => failures[(int)one.Queue] };
        var broken = results.Where(one => one.Outcome == CheckOutcome.Failed && failures[(int)one.Queue] >= FailuresOfAFinding).ToArray();
        if (broken.Length > 0)
            await findings.AddAsync(new Finding(FindingKind.SyntheticCheckFailed, FindingRepair.None, JobId: null, options.Value.Type, Tenant: null, now, string.Join(" ", broken.Select(one => $"Queue {NameOf(one.Queue)}: {one.Detail}"))), cancellation);
    }

    /// <summary>The turn is kept for longer than the pause between two checks, so that failures in a row are seen by one instance. While it cannot be asked for, the tables are away, and whoever had it goes on to say so.</summary>
    private async Task<bool> MayCheckAsync(DateTimeOffset now, CancellationToken cancellation)
    {
        try
        {
            return await findings.SyntheticTurn.TakeAsync(instance.Id, now, now + options.Value.Every * 2.5, cancellation);
        }
        catch (Exception away) when (StoreAway.Explains(away) && last is not null)
        {
            return true;
        }
    }

    private async Task<CheckResult> CheckAsync(Queue queue, DateTimeOffset now, CancellationToken cancellation)
    {
        var began = clock.GetTimestamp();
        string? id = null;
        var (outcome, detail) = (CheckOutcome.Failed, "");
        try
        {
            // The key makes it one job, should two instances believe that it is their turn.
            var request = new SubmitRequest(options.Value.Type, Nothing) { Priority = queue };
            switch (await submission.SubmitAsync(request, Tenant, $"synthetic-{NameOf(queue)}-{now.ToUnixTimeSeconds()}", cancellation))
            {
                case Submitted.Accepted accepted:
                    id = accepted.JobId;
                    var job = await watch.UntilFinalAsync(id, options.Value.Limit, static _ => true, cancellation);
                    (outcome, detail) = job?.Receipt.State == JobState.Succeeded
                        ? (CheckOutcome.Succeeded, "")
                        : (CheckOutcome.Failed, $"job {id} was {job?.Receipt.State.ToString().ToLowerInvariant() ?? "gone"} after {clock.GetElapsedTime(began).TotalSeconds:0.0} s.");
                    break;
                case Submitted.Refused { Backoff: { } full }:
                    (outcome, detail) = (CheckOutcome.Refused, full.Code); // as it is meant to be under pressure, of which there are alerts
                    break;
                case Submitted.Refused refused:
                    detail = $"the job was refused: {refused.Detail}";
                    break;
            }
        }
        catch (Exception away) when (StoreAway.Explains(away))
        {
            detail = "a store did not answer.";
            LogAway(away, NameOf(queue));
        }
        var time = clock.GetElapsedTime(began);
        if (outcome == CheckOutcome.Failed)
            LogFailed(NameOf(queue), id, detail);
        return new CheckResult(queue, outcome, time, detail);
    }

    private static string NameOf(Queue queue) => queue.ToString().ToLowerInvariant();

    [LoggerMessage(3820, LogLevel.Error, "The synthetic check of queue {Queue} failed (job {JobId}): {Detail}")]
    private partial void LogFailed(string queue, string? jobId, string detail);

    [LoggerMessage(3821, LogLevel.Warning, "The synthetic check of queue {Queue} could not reach a store")]
    private partial void LogAway(Exception failure, string queue);

    [LoggerMessage(3822, LogLevel.Warning, "The synthetic check could not be made; the next one tries again")]
    private partial void LogNotChecked(Exception failure);
}

internal enum CheckOutcome
{
    Succeeded,
    Failed,

    /// <summary>There was no room under pressure: that says nothing of whether jobs run.</summary>
    Refused,
}

/// <param name="Time">From the submission to the end, or to when it was given up.</param>
internal sealed record CheckResult(Queue Queue, CheckOutcome Outcome, TimeSpan Time, string Detail);

internal sealed record CheckRound(DateTimeOffset At, IReadOnlyList<CheckResult> Results);
