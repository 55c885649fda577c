using System.Globalization;
using Azure;
using Weir.Controls;

namespace Weir.Replays;

/// <summary>
/// What is decided about one staged replay, in memory and without a call: which dead letters come next, when a stage is over, when to stop. What it decides counts once it is written
/// (<see cref="Written"/>); before that nothing of it is done.
/// </summary>
internal sealed class StagedRun(StagedReplay replay, ETag etag, IReadOnlyList<ReplayItem> items)
{
    /// <summary>The most that are begun together: a few seconds of work for the tables.</summary>
    public const int MostAtOnce = 100;

    private const int MostExamples = 20;

    /// <summary>What was not begun in this time is made up for at once; what was not begun before is not.</summary>
    private static readonly TimeSpan Burst = TimeSpan.FromSeconds(1);

    private readonly SortedSet<int> changed = [];

    public StagedReplay Replay { get; private set; } = replay;

    public ETag ETag { get; private set; } = etag;

    public IReadOnlyList<ReplayItem> Items => items;

    /// <summary>The pages of items that are to be written.</summary>
    public IReadOnlyCollection<int> Changed => changed;

    public bool HasChanged { get; private set; }

    /// <summary>Nothing is left to be done or followed.</summary>
    public bool IsOver { get; private set; }

    /// <summary>Chosen, by this instance or one that died: to be queued, which is done once however often it is asked for.</summary>
    public IEnumerable<ReplayItem> Intended => items.Where(item => item.State == ItemStage.Intended);

    public void Mark(ReplayItem item, ItemStage state)
    {
        item.State = state;
        changed.Add(item.Place / ReplayTable.PageSize);
    }

    public void Written(ETag now)
    {
        (ETag, HasChanged) = (now, false);
        changed.Clear();
    }

    /// <summary>Judges the stage, begins the next one if it went well, and chooses what is to be queued now.</summary>
    public void Decide(DateTimeOffset now)
    {
        var before = Replay;
        if (Replay.State == ReplayState.Running)
            Advance(now);
        else
            Follow(now);
        var tally = ReplayTally.Of(items);
        if (tally != Replay.Tally)
            Replay = Replay with { Tally = tally, Examples = [.. items.Where(item => item.State is ItemStage.Failed or ItemStage.NotReplayable).Take(MostExamples).Select(item => item.Id)] };
        if (Replay != before || changed.Count > 0)
            (Replay, HasChanged) = (Replay with { UpdatedAt = now }, true);
    }

    /// <summary>By an operator. Changes nothing when it does not run.</summary>
    public bool Stop(string by, string? why, DateTimeOffset now)
    {
        if (Replay.State != ReplayState.Running)
            return false;
        End(ReplayState.Stopped, ReplayEnd.Codes.Operator, why ?? "No reason was given.", by, now);
        Replay = Replay with { Version = Replay.Version + 1, UpdatedAt = now };
        return true;
    }

    /// <summary>Goes on with what is left, what died again included, and with the first stage. Changes nothing when it was not stopped.</summary>
    public bool Resume(DeadLetters.Handling how)
    {
        if (Replay.State != ReplayState.Stopped)
            return false;
        foreach (var item in items)
        {
            if (item.State == ItemStage.Failed)
                item.Run++;
            if (item.State is ItemStage.Failed or ItemStage.KeyStopped or ItemStage.NotReplayable)
                Mark(item, ItemStage.Pending);
        }
        Replay = (Replay with { State = ReplayState.Running, End = null, Resumed = how, Version = Replay.Version + 1, NextAt = how.At, LastStartedAt = how.At, UpdatedAt = how.At, Tally = ReplayTally.Of(items), Examples = [] })
            .BeginAt(how.At);
        HasChanged = true;
        return true;
    }

    private void Advance(DateTimeOffset now)
    {
        var ready = Ready();
        var stage = Count(now);
        var pending = items.Count(item => item.State == ItemStage.Pending);
        // What it can come to at most: once so many have died, no end of the others saves it.
        var most = stage.Started + Math.Min(stage.Size - stage.Started, pending);
        if (stage.Failed > 0 && stage.Failed >= Replay.StopAtFailureRate * most)
        {
            End(ReplayState.Stopped, ReplayEnd.Codes.FailureRate, Invariant($"{stage.Failed} of {stage.Started} jobs of stage {stage.Number} died again; the bound is {Replay.StopAtFailureRate:0.###} of {most}."), ControlDesk.Weir, now);
            return;
        }
        var isOpen = items.Any(item => item.IsOpen);
        if (pending == 0 && !isOpen)
        {
            if (!FailsNow(stage, now))
                End(ReplayState.Completed, ReplayEnd.Codes.Completed, "All that fitted was replayed, or could not be.", ControlDesk.Weir, now);
            return;
        }
        if (pending > 0 && stage.Started == stage.Size && stage.Succeeded + stage.Failed + CancelledIn(stage) == stage.Started && !FailsNow(stage, now))
        {
            Replay = Replay.With(stage with { EndedAt = now }).BeginNextAt(now);
            stage = Replay.Stage!;
        }
        if (Replay.State != ReplayState.Running)
            return;
        var left = Math.Min(stage.Size - stage.Started, ready.Count);
        if (left == 0 && isOpen && now > Replay.LastStartedAt + Replay.StageTimeout)
        {
            var open = items.Count(item => item.IsOpen);
            End(ReplayState.Stopped, ReplayEnd.Codes.StageTimeout, Invariant($"{open} jobs had not ended {Replay.StageTimeout} after the last was started."), ControlDesk.Weir, now);
            return;
        }
        Choose(ready.Take(left), stage, now);
    }

    /// <summary>Those that did not end well are too many of those that ended: some were cancelled, or stopped with their key.</summary>
    private bool FailsNow(ReplayStage stage, DateTimeOffset now)
    {
        if (stage.Failed == 0 || stage.Failed < Replay.StopAtFailureRate * (stage.Failed + stage.Succeeded))
            return false;
        End(ReplayState.Stopped, ReplayEnd.Codes.FailureRate, Invariant($"{stage.Failed} of {stage.Failed + stage.Succeeded} jobs of stage {stage.Number} died again; the bound is {Replay.StopAtFailureRate:0.###}."), ControlDesk.Weir, now);
        return true;
    }

    /// <summary>After a stop: what was started is followed to its end, within bounds.</summary>
    private void Follow(DateTimeOffset now)
    {
        Count(now);
        IsOver = Replay.State == ReplayState.Completed || !items.Any(item => item.IsOpen) || now > Replay.LastStartedAt + 2 * Replay.StageTimeout;
    }

    /// <summary>What could be begun now, in order: of each strict key the oldest, and none after one that died again.</summary>
    private List<ReplayItem> Ready()
    {
        var ready = new List<ReplayItem>();
        HashSet<string> waiting = new(StringComparer.Ordinal), stopped = new(StringComparer.Ordinal);
        foreach (var item in items)
        {
            if (item.Key is { } key)
            {
                if (item.State is ItemStage.Failed or ItemStage.NotReplayable or ItemStage.KeyStopped)
                    stopped.Add(key);
                else if (item.State == ItemStage.Pending && stopped.Contains(key))
                    Mark(item, ItemStage.KeyStopped);
                if (item.State == ItemStage.Pending && waiting.Contains(key))
                    continue;
                if (item.IsOpen || item.State == ItemStage.Pending)
                    waiting.Add(key);
            }
            if (item.State == ItemStage.Pending)
                ready.Add(item);
        }
        return ready;
    }

    private void Choose(IEnumerable<ReplayItem> ready, ReplayStage stage, DateTimeOffset now)
    {
        var from = Replay.NextAt > now - Burst ? Replay.NextAt : now - Burst;
        var most = from > now ? 0 : 1 + (int)Math.Min(MostAtOnce - 1, (now - from).TotalSeconds * Replay.Rate);
        var chosen = 0;
        foreach (var item in ready.Take(most))
        {
            (item.Stage, chosen) = (stage.Number, chosen + 1);
            Mark(item, ItemStage.Intended);
        }
        if (chosen == 0)
            return;
        var at = from + TimeSpan.FromSeconds(chosen / Replay.Rate);
        Replay = (Replay with { NextAt = at, LastStartedAt = now }).With(stage with { Started = stage.Started + chosen });
    }

    /// <summary>The present stage's figures, from its items.</summary>
    private ReplayStage Count(DateTimeOffset now)
    {
        if (Replay.Stage is not { } stage)
        {
            Replay = Replay.BeginAt(now);
            return Replay.Stage!;
        }
        var of = items.Where(item => item.Stage == stage.Number).ToArray();
        var counted = stage with
        {
            Started = of.Count(item => item.State is not (ItemStage.Changed or ItemStage.NotReplayable or ItemStage.KeyStopped)),
            Succeeded = of.Count(item => item.State == ItemStage.Succeeded),
            Failed = of.Count(item => item.State == ItemStage.Failed),
        };
        if (counted != stage)
            Replay = Replay.With(counted);
        return counted;
    }

    private int CancelledIn(ReplayStage stage) => items.Count(item => item.Stage == stage.Number && item.State == ItemStage.Cancelled);

    private void End(ReplayState state, string code, string detail, string by, DateTimeOffset now)
    {
        Replay = Replay with { State = state, End = new ReplayEnd(code, detail, by, now) };
        if (Replay.Stage is { } stage)
            Replay = Replay.With(stage with { EndedAt = now });
    }

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
