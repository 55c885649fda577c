using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using Weir.Catalog;
using Weir.Lanes;

namespace Weir.Limits;

/// <summary>
/// Keeps jobs to their rates. A limited job's message is sent for its place in line, so that it comes when it may start and holds no worker until then. When it comes it takes a
/// slot, the right to one start, from what all instances reserve for themselves; without one it is put off to another place in line, and no attempt is burnt. A start that is late
/// (by a claim that took long) gives its job back. So whatever comes when it should not (a backlog after an outage, retries, replays), the rate holds.
/// </summary>
internal sealed partial class JobSlots(RateLimits limits, LimitTable table, TimeProvider clock, ILogger<JobSlots> logger)
{
    /// <summary>How soon a job comes back when the table does not answer: it does not start without a slot.</summary>
    private static readonly TimeSpan UntilTableIsBack = TimeSpan.FromSeconds(3);

    /// <summary>Jobs that were put off together come back spread over this.</summary>
    private static readonly TimeSpan Spread = TimeSpan.FromSeconds(2);

    private static readonly TimeSpan ShortestPutOff = TimeSpan.FromMilliseconds(20);

    private readonly ConcurrentDictionary<string, Limited> all = new(StringComparer.Ordinal);

    /// <summary>When a job's first message is to be sent for.</summary>
    /// <param name="message">The message.</param>
    /// <param name="notBefore">When it may begin; null is at once, and stays so when it has to keep to no limit.</param>
    /// <param name="ahead">How many more of its kind follow right after it.</param>
    /// <param name="cancellation">Ends the waiting.</param>
    public async ValueTask<DateTimeOffset?> SendAtAsync(JobMessage message, DateTimeOffset? notBefore, int ahead, CancellationToken cancellation)
    {
        var own = limits.Of(message.Type, message.Tenant);
        // Jobs of an ordering key come in their order, and are put off in it.
        if (own.Count == 0 || notBefore is not null || message.OrderingKey is not null)
            return notBefore;
        try
        {
            var place = await PlaceAsync(own, ahead, cancellation);
            return place > clock.GetUtcNow() ? place : null;
        }
        catch (Exception away) when (StoreAway.Explains(away))
        {
            LogNoPlace(away, message.JobId, message.Type);
            return null; // accepted all the same: it takes its place when it comes
        }
    }

    /// <summary>Whether a job may start now.</summary>
    public async ValueTask<SlotAnswer> EnterAsync(JobMessage message, JobType type, CancellationToken cancellation)
    {
        var own = limits.Of(type.Name, message.Tenant);
        if (own.Count == 0)
            return SlotAnswer.Free;
        try
        {
            return await TakeAsync(own, cancellation) is { } until ? new SlotAnswer(until, null) : new SlotAnswer(default, await PutOffUntilAsync(own, message.JobId, cancellation));
        }
        catch (Exception away) when (StoreAway.Explains(away))
        {
            LogNoSlot(away, message.JobId, message.Type);
            return new SlotAnswer(default, clock.GetUtcNow() + UntilTableIsBack + Spread * Lane.Fraction(message.JobId));
        }
    }

    /// <summary>Whether the claim took so long that the slot's window is over.</summary>
    public bool IsOver(SlotAnswer answer) => answer.MayStartUntil <= clock.GetUtcNow();

    /// <summary>A slot of each limit, or none of any.</summary>
    /// <returns>Until when the job may start in all of them; null when it may not.</returns>
    private async ValueTask<DateTimeOffset?> TakeAsync(IReadOnlyList<RateLimit> own, CancellationToken cancellation)
    {
        var taken = new List<(RateLimit Limit, DateTimeOffset At)>(own.Count);
        foreach (var limit in own)
        {
            if (await Of(limit).Slots.TryTakeAsync(cancellation) is { } slot)
            {
                taken.Add((limit, slot));
                continue;
            }
            foreach (var other in taken)
                Of(other.Limit).Slots.Return(other.At);
            return null;
        }
        return taken.Min(slot => slot.At + slot.Limit.LatestStart);
    }

    /// <summary>The next place in line, and not before a slot can be free.</summary>
    private async ValueTask<DateTimeOffset> PutOffUntilAsync(IReadOnlyList<RateLimit> own, string jobId, CancellationToken cancellation)
    {
        var place = await PlaceAsync(own, ahead: 0, cancellation);
        var opens = own.Max(limit => Of(limit).Slots.NextOpens + limit.Interval * Lane.Fraction(jobId));
        var soonest = clock.GetUtcNow() + ShortestPutOff;
        return place > opens && place > soonest ? place : opens > soonest ? opens : soonest;
    }

    private async ValueTask<DateTimeOffset> PlaceAsync(IReadOnlyList<RateLimit> own, int ahead, CancellationToken cancellation)
    {
        var last = DateTimeOffset.MinValue;
        foreach (var limit in own)
        {
            if (await Of(limit).Pace.TakeAsync(ahead, cancellation) is var place && place > last)
                last = place;
        }
        return last;
    }

    private Limited Of(RateLimit limit) => all.GetOrAdd(limit.Key, (_, of) => new Limited(new SlotPool(of, table, clock), new Pace(of, table, clock)), limit);

    private sealed record Limited(SlotPool Slots, Pace Pace);

    [LoggerMessage(2000, LogLevel.Warning, "No slot could be reserved for job {JobId} ({Type}): it waits until the table Limits answers")]
    private partial void LogNoSlot(Exception failure, string jobId, string type);

    [LoggerMessage(2001, LogLevel.Warning, "No place in line could be reserved for job {JobId} ({Type}): it is sent at once, and takes one when it comes")]
    private partial void LogNoPlace(Exception failure, string jobId, string type);
}

/// <summary>May a job start?</summary>
/// <param name="MayStartUntil">Until then; what has not started by then must not.</param>
/// <param name="PutOffUntil">When it is to ask again; null when it may start.</param>
internal readonly record struct SlotAnswer(DateTimeOffset MayStartUntil, DateTimeOffset? PutOffUntil)
{
    /// <summary>There is no limit.</summary>
    public static SlotAnswer Free { get; } = new(DateTimeOffset.MaxValue, null);
}
