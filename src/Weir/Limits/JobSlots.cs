using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using Weir.Catalog;
using Weir.Lanes;

namespace Weir.Limits;

/// <summary>
/// Keeps jobs to their rates. A job's first message is sent for a slot: it comes when it may run, and holds no worker until then. When it comes, the slot is looked at: in its
/// window the job runs; before, it is put off until then; after (a backlog, an outage), or without one (a retry, a replay, a job of an ordering key, which must not
/// overtake), another is reserved. A slot is good for one start: one that came with the message counts only for a claim against the very receipt that the message names,
/// which succeeds once; and no copy but one that is put off for a slot carries it on.
/// </summary>
internal sealed partial class JobSlots(RateLimits limits, LimitTable table, TimeProvider clock, ILogger<JobSlots> logger)
{
    /// <summary>How soon a job comes back for which no slot could be reserved: it does not run without.</summary>
    private static readonly TimeSpan UntilTableIsBack = TimeSpan.FromSeconds(3);

    /// <summary>Jobs that were put off together come back spread over this.</summary>
    private static readonly TimeSpan Spread = TimeSpan.FromSeconds(2);

    private readonly ConcurrentDictionary<string, SlotPool> pools = new(StringComparer.Ordinal);
    private readonly DeliveryLag lag = new();

    /// <summary>The first message of a job that may begin at once, with its slot and the time to send it for; as it is when it has to keep to no limit.</summary>
    /// <param name="message">The message.</param>
    /// <param name="notBefore">When it may begin; a job of a later time reserves its slot then.</param>
    /// <param name="ahead">How many more of its kind follow right after it.</param>
    /// <param name="cancellation">Ends the waiting.</param>
    public async ValueTask<(JobMessage Message, DateTimeOffset? At)> ForSlotAsync(JobMessage message, DateTimeOffset? notBefore, int ahead, CancellationToken cancellation)
    {
        var own = limits.Of(message.Type, message.Tenant);
        if (own.Count == 0 || notBefore is not null || message.OrderingKey is not null)
            return (message, notBefore);
        try
        {
            var plan = await PlanAsync(own, [], ahead, isRunning: false, cancellation);
            return (message with { Slots = JobSlot.Write(plan.Slots) }, plan.IsOpen(clock.GetUtcNow()) ? null : lag.SendFor(plan.Opens));
        }
        catch (Exception away) when (StoreAway.Explains(away))
        {
            LogNoSlot(away, message.JobId, message.Type);
            return (message, null); // accepted all the same: it reserves one when it comes
        }
    }

    /// <summary>Whether a job may start now.</summary>
    public async ValueTask<SlotAnswer> EnterAsync(JobMessage message, JobType type, CancellationToken cancellation)
    {
        var own = limits.Of(type.Name, message.Tenant);
        if (own.Count == 0)
            return SlotAnswer.Free;
        var carried = JobSlot.Read(message.Slots);
        Learn(own, carried);
        try
        {
            var plan = await PlanAsync(own, carried, ahead: 0, isRunning: true, cancellation);
            if (plan.IsOpen(clock.GetUtcNow()))
                return new SlotAnswer(plan.Closes, null, default) { IsCarried = plan.Slots.Any(carried.Contains) };
            var cameEarly = plan.Slots.Any(carried.Contains);
            return new SlotAnswer(default, JobSlot.Write(plan.Slots) ?? "", lag.ComesFor(plan.Opens, clock.GetUtcNow(), cameEarly));
        }
        catch (Exception away) when (StoreAway.Explains(away))
        {
            LogNoSlot(away, message.JobId, message.Type);
            return PutOffUnreserved(message.JobId);
        }
    }

    /// <summary>Whether the claim took so long that the window in which the job may start is over.</summary>
    public bool IsOver(SlotAnswer answer) => answer.MayStartUntil <= clock.GetUtcNow();

    private SlotAnswer PutOffUnreserved(string jobId) => new(default, "", clock.GetUtcNow() + UntilTableIsBack + Spread * Lane.Fraction(jobId));

    /// <summary>
    /// A slot of each limit. Under two limits the later slot decides; an earlier one that will be over by then goes back to the pool, and another is
    /// reserved when the job comes.
    /// </summary>
    private async ValueTask<SlotPlan> PlanAsync(IReadOnlyList<RateLimit> own, IReadOnlyList<JobSlot> carried, int ahead, bool isRunning, CancellationToken cancellation)
    {
        var slots = new List<(RateLimit Limit, DateTimeOffset At)>(own.Count);
        foreach (var limit in own)
            slots.Add((limit, Usable(limit, carried) ?? await PoolOf(limit).TakeAsync(isRunning ? limit.ClaimMargin : limit.DeliveryMargin, ahead, cancellation)));

        var opens = slots.Max(slot => slot.At);
        var now = clock.GetUtcNow();
        if (now > opens)
            opens = now;
        var kept = slots.FindAll(slot => slot.At + slot.Limit.Window - slot.Limit.ClaimMargin > opens);
        foreach (var slot in slots.Except(kept))
            PoolOf(slot.Limit).Return(slot.At);
        return new SlotPlan(
            [.. kept.Select(slot => new JobSlot(slot.Limit.Key, slot.At))], opens, kept.Count < slots.Count ? opens : slots.Min(slot => slot.At + slot.Limit.Window));
    }

    /// <summary>The slot of this limit that came with the message, unless it was missed.</summary>
    private DateTimeOffset? Usable(RateLimit limit, IReadOnlyList<JobSlot> carried)
    {
        foreach (var slot in carried)
        {
            if (slot.Limit == limit.Key && clock.GetUtcNow() < slot.At + limit.Window - limit.ClaimMargin)
                return slot.At;
        }
        return null;
    }

    private void Learn(IReadOnlyList<RateLimit> own, IReadOnlyList<JobSlot> carried)
    {
        if (carried.Count == 0)
            return;
        var opens = carried.Max(slot => slot.At);
        var width = own.Min(limit => limit.Window);
        lag.Observe(clock.GetUtcNow() - opens, width);
    }

    private SlotPool PoolOf(RateLimit limit) => pools.GetOrAdd(limit.Key, (_, of) => new SlotPool(of, table, clock), limit);

    /// <param name="Slots">What the message is to carry.</param>
    /// <param name="Opens">When the job may start at the earliest.</param>
    /// <param name="Closes">And until when; not after <paramref name="Opens"/> when a slot is missing.</param>
    private readonly record struct SlotPlan(IReadOnlyList<JobSlot> Slots, DateTimeOffset Opens, DateTimeOffset Closes)
    {
        public bool IsOpen(DateTimeOffset now) => Opens <= now && now < Closes;
    }

    [LoggerMessage(2000, LogLevel.Warning, "No slot could be reserved for job {JobId} ({Type}): it waits until the table Limits answers")]
    private partial void LogNoSlot(Exception failure, string jobId, string type);
}

/// <summary>May a job start?</summary>
/// <param name="MayStartUntil">Until then; what has not started by then must not.</param>
/// <param name="Slots">What it is put off with; null when it may start.</param>
/// <param name="PutOffUntil">And until when.</param>
internal readonly record struct SlotAnswer(DateTimeOffset MayStartUntil, string? Slots, DateTimeOffset PutOffUntil)
{
    /// <summary>It starts in a slot that came with the message, so an earlier delivery may have.</summary>
    public bool IsCarried { get; init; }

    /// <summary>There is no limit.</summary>
    public static SlotAnswer Free { get; } = new(DateTimeOffset.MaxValue, null, default);
}
