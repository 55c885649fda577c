using Azure.Messaging.ServiceBus;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Weir.DeadLetters;
using Weir.Execution;
using Weir.Index;
using Weir.Receipts;

namespace Weir.Reconciliation;

/// <summary>
/// Finds jobs that nothing would bring on any more, and brings them on. A pass looks through the queues, so that it knows which jobs have a message, and then through the
/// list of jobs: one that is not final, has no message and has not changed since before the pass is forgotten. A pass takes as many rounds as it needs, a round a
/// bounded number of operations; it lives in memory, and a new instance begins a new one. One instance does it at a time.
/// </summary>
public sealed partial class Reconciler
{
    /// <summary>167 a second at one round in 30 s, of the 1,000 operations a second that a Standard namespace has.</summary>
    private const int MostMessages = 5_000;

    private const int MostQueries = 40;
    private const int MostLookUps = 500;
    private const int MostRepairs = 100;

    /// <summary>What was submitted in this time is looked at in each pass; of what is older each pass takes a part.</summary>
    private static readonly TimeSpan Recent = TimeSpan.FromHours(2);

    /// <summary>A pass that is not over by then never will be: more messages come than are looked at.</summary>
    private static readonly TimeSpan LongestPass = TimeSpan.FromHours(2);

    private static readonly TimeSpan RoundLimit = TimeSpan.FromSeconds(25);
    private static readonly TimeSpan ShortestLease = TimeSpan.FromMinutes(1);

    private readonly ServiceBusClient client;
    private readonly JobIndexTable index;
    private readonly ReceiptTable receipts;
    private readonly Overdue overdue;
    private readonly Repairs repairs;
    private readonly FindingTable findings;
    private readonly OpenDeadLetters waiting;
    private readonly Instance instance;
    private readonly IOptions<ReconcileOptions> options;
    private readonly IOptions<WeirOptions> retention;
    private readonly TimeProvider clock;
    private readonly ILogger<Reconciler> logger;
    private readonly SemaphoreSlim turn = new(1);

    private Pass? pass;
    private string? older;
    private DateTimeOffset lastRound;

    internal Reconciler(
        ServiceBusClient client, JobIndexTable index, ReceiptTable receipts, Overdue overdue, Repairs repairs, FindingTable findings, OpenDeadLetters waiting, Instance instance,
        IOptions<ReconcileOptions> options, IOptions<WeirOptions> retention, TimeProvider clock, ILogger<Reconciler> logger)
    {
        (this.client, this.index, this.receipts, this.overdue, this.repairs, this.findings) = (client, index, receipts, overdue, repairs, findings);
        (this.waiting, this.instance, this.options, this.retention, this.clock, this.logger) = (waiting, instance, options, retention, clock, logger);
    }

    /// <summary>A round, if one is due. Throws nothing but on a stop: what cannot be done now is tried in the next round.</summary>
    public async Task RunAsync(CancellationToken cancellation)
    {
        if (lastRound + options.Value.Every > clock.GetUtcNow())
            return;
        try
        {
            var round = await RoundAsync(cancellation);
            await waiting.CountAsync(round.Ours, cancellation);
        }
        catch (Exception failure) when (!cancellation.IsCancellationRequested)
        {
            LogRoundFailed(failure);
        }
    }

    /// <summary>One round, whatever the time.</summary>
    internal async Task<Round> RoundAsync(CancellationToken cancellation)
    {
        if (!turn.Wait(0, cancellation))
            return Round.NotOurs;
        try
        {
            lastRound = clock.GetUtcNow();
            using var limit = new CancellationTokenSource(RoundLimit, clock);
            using var ended = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellation);
            return await ReconcileAsync(ended.Token);
        }
        finally
        {
            turn.Release();
        }
    }

    private async Task<Round> ReconcileAsync(CancellationToken cancellation)
    {
        var now = clock.GetUtcNow();
        var lease = options.Value.Every * 2 > ShortestLease ? options.Value.Every * 2 : ShortestLease;
        if (!await findings.Turn.TakeAsync(instance.Id, now, now + lease, cancellation))
        {
            pass = null;
            return Round.NotOurs;
        }

        pass ??= Begin(now);
        var found = new List<Finding>();
        await pass.Census.ReadAsync(MostMessages, cancellation);
        if (!pass.Census.IsComplete)
        {
            if (pass.Census.IsFull || now - pass.Census.Began > LongestPass)
                found.Add(await GiveUpAsync(cancellation));
            return new Round(true, PassEnded: false, found);
        }

        var over = await WalkAsync(pass, found, cancellation);
        if (over)
        {
            pass = null;
            await findings.RemoveBeforeAsync(now - retention.Value.Retention, cancellation);
        }
        return new Round(true, over, found);
    }

    private Pass Begin(DateTimeOffset now)
    {
        var recent = IndexKey.HourOf(now - Recent);
        return new Pass(
            new MessageCensus(client, now),
            new IndexWalk(index, IndexKey.At(now - overdue.After), recent),
            new IndexWalk(index, older ?? IndexKey.At(recent.AddMilliseconds(-1)), DateTimeOffset.UnixEpoch));
    }

    /// <returns>Whether the pass is over.</returns>
    private async Task<bool> WalkAsync(Pass pass, List<Finding> found, CancellationToken cancellation)
    {
        int queries = 0, lookUps = 0;
        while (true)
        {
            while (pass.Pending.Count > 0)
            {
                if (lookUps++ == MostLookUps || found.Count >= MostRepairs)
                    return false;
                if (await LookAsync(pass.Pending.Dequeue(), pass.Census.Began, cancellation) is { } finding)
                    found.Add(finding);
            }

            var recent = !pass.Recent.IsAtEnd;
            var walk = recent ? pass.Recent : pass.Older;
            if (walk.IsAtEnd || (!recent && walk.Queries >= MostQueries))
            {
                older = walk.IsAtEnd ? null : walk.Position;
                return true;
            }
            if (queries >= MostQueries)
                return false;
            var before = walk.Queries;
            foreach (var line in await walk.NextAsync(cancellation))
            {
                if (MayBeForgotten(line) && !pass.Census.Has(line.Id))
                    pass.Pending.Enqueue(line);
            }
            queries += walk.Queries - before;
        }
    }

    /// <summary>By its line alone. A dead letter's line stays as it is until its replay has ended.</summary>
    private static bool MayBeForgotten(JobSummary line) => line.State is null or JobState.DeadLettered or JobState.Expired;

    private async Task<Finding?> LookAsync(JobSummary line, DateTimeOffset censusBegan, CancellationToken cancellation)
    {
        try
        {
            // No receipt: retention has removed it, or its submission was taken back.
            return await receipts.FindAsync(line.Id, cancellation) is { } receipt && overdue.IsForgotten(receipt, line, censusBegan)
                ? await repairs.RepairAsync(receipt, cancellation)
                : null;
        }
        catch (Exception unreadable) when (unreadable is InvalidDataException or FormatException or ArgumentException)
        {
            LogUnreadable(unreadable, line.Id);
            var finding = new Finding(FindingKind.Unreadable, FindingRepair.None, line.Id, line.Type, line.Tenant, clock.GetUtcNow(), unreadable.Message);
            await findings.AddAsync(finding, cancellation);
            return finding;
        }
    }

    private async Task<Finding> GiveUpAsync(CancellationToken cancellation)
    {
        LogGivenUp(pass!.Census.Began);
        pass = null;
        var finding = new Finding(
            FindingKind.NotChecked, FindingRepair.None, JobId: null, Type: null, Tenant: null, clock.GetUtcNow(), "The queues hold more messages than can be looked through; jobs without a message are looked for again when they have drained.");
        await findings.AddAsync(finding, cancellation);
        return finding;
    }

    [LoggerMessage(701, LogLevel.Warning, "A round of the reconciler failed; the next one goes on")]
    private partial void LogRoundFailed(Exception failure);

    [LoggerMessage(702, LogLevel.Warning, "The queues could not be looked through since {Began:O}: they hold too much, or it comes too fast")]
    private partial void LogGivenUp(DateTimeOffset began);

    [LoggerMessage(703, LogLevel.Error, "The receipt of job {JobId} cannot be read")]
    private partial void LogUnreadable(Exception failure, string jobId);

    private sealed record Pass(MessageCensus Census, IndexWalk Recent, IndexWalk Older)
    {
        /// <summary>Lines to be looked up, at most what one query of the index gives.</summary>
        public Queue<JobSummary> Pending { get; } = new();
    }
}

/// <summary>What a round did.</summary>
/// <param name="Ours">False: another instance has the turn.</param>
/// <param name="PassEnded">All that there was to look at has been looked at.</param>
internal sealed record Round(bool Ours, bool PassEnded, IReadOnlyList<Finding> Found)
{
    public static Round NotOurs { get; } = new(false, false, []);
}
