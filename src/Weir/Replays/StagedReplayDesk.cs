using System.Text.Json;
using Microsoft.Extensions.Logging;
using Weir.Controls;
using Weir.DeadLetters;
using Weir.Execution;

namespace Weir.Replays;

/// <summary>What an operator asks of staged replays: start, stop, resume. On record first, then in one transaction with the register, by which of two that want the same dead letters one is refused.</summary>
internal sealed partial class StagedReplayDesk(ReplayTable table, ReplayPlan plan, AuditTable audit, KillPoints kill, Random chance, TimeProvider clock, ILogger<StagedReplayDesk> logger)
{
    /// <summary>As the audit names them.</summary>
    public const string Kind = "replay";

    private const int MaxTries = 5;

    /// <exception cref="TimeoutException">Others changed the register whenever it was to be written.</exception>
    public async Task<StartAnswer> StartAsync(StagedReplay wanted, int limit, CancellationToken cancellation)
    {
        var register = await table.ReadRegisterAsync(cancellation);
        if (Refuse(register, wanted) is { } refused)
            return refused;
        if (await plan.FindAsync(wanted.Filter, limit, cancellation) is not { } entries)
            return new StartAnswer.TooMany();
        if (entries.Count == 0)
            return new StartAnswer.Nothing();

        var (items, now) = (plan.ItemsOf(entries), clock.GetUtcNow());
        var replay = (wanted with { Id = ReplayTable.NewId(now, chance), UpdatedAt = now, Tally = ReplayTally.Of(items) }).BeginAt(now);
        var record = await audit.AddAsync(EntryOf(replay, replay.How, "started"), cancellation);
        await table.AddItemsAsync(replay.Id, items, cancellation);
        kill.Pass(KillPoints.AfterReplayPlanned);
        for (var tries = 1; tries <= MaxTries; tries++)
        {
            register = await table.ReadRegisterAsync(cancellation);
            if (Refuse(register, replay) is { } late)
            {
                await audit.MarkAsync(record, AuditOutcome.Refused, cancellation);
                return late;
            }
            if (await table.WriteAsync(replay, expected: null, items, pages: [], register.With(replay), cancellation) is null)
                continue;
            kill.Pass(KillPoints.AfterReplayBegun);
            await audit.MarkAsync(record, AuditOutcome.Done, cancellation);
            LogStarted(replay.Id, items.Count, replay.How.By);
            return new StartAnswer.Started(replay);
        }
        await audit.MarkAsync(record, AuditOutcome.Refused, cancellation);
        throw Contended(replay.Id);
    }

    /// <returns>Null when there is none. One that does not run stays as it is.</returns>
    /// <exception cref="TimeoutException">It changed whenever it was to be written.</exception>
    public async Task<StagedReplay?> StopAsync(string id, Handling how, CancellationToken cancellation)
    {
        for (var tries = 1; tries <= MaxTries; tries++)
        {
            if (await table.FindAsync(id, cancellation) is not var (found, etag))
                return null;
            var run = new StagedRun(found, etag, []);
            if (!run.Stop(how.By, how.Reason, how.At))
                return found;
            if (await ChangeAsync(run, how, "stopped", cancellation))
                return run.Replay;
        }
        throw Contended(id);
    }

    /// <summary>One that was stopped goes on; one that runs stays as it is.</summary>
    /// <exception cref="TimeoutException">It changed whenever it was to be written.</exception>
    public async Task<ResumeAnswer> ResumeAsync(string id, Handling how, CancellationToken cancellation)
    {
        for (var tries = 1; tries <= MaxTries; tries++)
        {
            if (await table.FindAsync(id, cancellation) is not var (found, etag))
                return new ResumeAnswer.NotFound();
            if (found.State == ReplayState.Completed)
                return new ResumeAnswer.Completed(found);
            if (found.State == ReplayState.Running)
                return new ResumeAnswer.Resumed(found);
            switch (Refuse(await table.ReadRegisterAsync(cancellation), found))
            {
                case StartAnswer.Overlaps other:
                    return new ResumeAnswer.Overlaps(other.Id);
                case StartAnswer.Full:
                    return new ResumeAnswer.Full();
            }
            var run = new StagedRun(found, etag, await table.ReadItemsAsync(id, cancellation));
            if (run.Resume(how) && await ChangeAsync(run, how, "resumed", cancellation))
                return new ResumeAnswer.Resumed(run.Replay);
        }
        throw Contended(id);
    }

    private async Task<bool> ChangeAsync(StagedRun run, Handling how, string action, CancellationToken cancellation)
    {
        var record = await audit.AddAsync(EntryOf(run.Replay, how, action), cancellation);
        var register = await table.ReadRegisterAsync(cancellation);
        // Asked again with the register that is written: another may have begun since.
        var written = (run.Replay.State != ReplayState.Running || Refuse(register, run.Replay) is null)
            && await table.WriteAsync(run.Replay, run.ETag, run.Items, run.Changed, register.With(run.Replay), cancellation) is not null;
        kill.Pass(KillPoints.AfterReplayBegun);
        await audit.MarkAsync(record, written ? AuditOutcome.Done : AuditOutcome.Refused, cancellation);
        if (written)
            LogChanged(run.Replay.Id, action, how.By);
        return written;
    }

    private static StartAnswer? Refuse(ReplayRegister register, StagedReplay wanted) =>
        register.FindOverlapping(wanted) is { } other ? new StartAnswer.Overlaps(other.Id)
        : register.IsFullFor(wanted) ? new StartAnswer.Full()
        : null;

    private static AuditEntry EntryOf(StagedReplay replay, Handling how, string action) => new(
        how.At, how.By, action, Kind, replay.Id, how.Reason ?? "",
        action == "started" ? JsonSerializer.Serialize(new { replay.Filter, replay.Tally.Total, stages = replay.Sizes, replay.Rate, replay.StopAtFailureRate }, Compact) : null, replay.Filter.Tenant);

    private static readonly JsonSerializerOptions Compact = new(JsonSerializerDefaults.Web) { DefaultIgnoreCondition = System.Text.Json.Serialization.JsonIgnoreCondition.WhenWritingNull };

    private static TimeoutException Contended(string id) => new($"The staged replay {id}, or the register of replays, changed {MaxTries} times while it was to be written.");

    [LoggerMessage(3805, LogLevel.Warning, "The staged replay {ReplayId} of {Count} dead letters was started by {By}")]
    private partial void LogStarted(string replayId, int count, string by);

    [LoggerMessage(3806, LogLevel.Warning, "The staged replay {ReplayId} was {Action} by {By}")]
    private partial void LogChanged(string replayId, string action, string by);
}

/// <summary>The answer to a start: <see cref="Started"/>, or why not.</summary>
internal abstract record StartAnswer
{
    private StartAnswer() { }

    public sealed record Started(StagedReplay Replay) : StartAnswer;

    /// <summary>Another that runs may want the same dead letters.</summary>
    public sealed record Overlaps(string Id) : StartAnswer;

    public sealed record Full : StartAnswer;

    public sealed record Nothing : StartAnswer;

    /// <summary>More fit than can be put in order.</summary>
    public sealed record TooMany : StartAnswer;
}

internal abstract record ResumeAnswer
{
    private ResumeAnswer() { }

    public sealed record Resumed(StagedReplay Replay) : ResumeAnswer;

    public sealed record Completed(StagedReplay Replay) : ResumeAnswer;

    public sealed record Overlaps(string Id) : ResumeAnswer;

    public sealed record Full : ResumeAnswer;

    public sealed record NotFound : ResumeAnswer;
}
