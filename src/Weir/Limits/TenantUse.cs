using Weir.Receipts;

namespace Weir.Limits;

/// <summary>
/// What one tenant uses of its quotas, as this instance knows it: what all instances had counted when it last asked, and what it has counted since. It asks again every few
/// seconds, and at once when it has let in a sixteenth of the room that there was: so up to sixteen instances exceed a quota by no more than one submission each.
/// </summary>
internal sealed class TenantUse(string tenant, Quotas quotas, LimitTable table, ReceiptTable receipts, TimeProvider clock)
{
    /// <summary>So many instances may each let in their part of the room that they saw, without asking again.</summary>
    private const int Parts = 16;

    /// <summary>One row of the table each; beyond, they are counted by a share of what was seen.</summary>
    private const int MostCounted = 100_000;

    /// <summary>A job that is listed as open for longer than this is looked at: its end may have been missed.</summary>
    private static readonly TimeSpan LookAfter = TimeSpan.FromMinutes(5);

    private const int MostLooks = 20;

    /// <summary>While a tenant does nothing here.</summary>
    private static readonly TimeSpan Stale = TimeSpan.FromSeconds(10);

    /// <summary>Jobs whose beginning or end is still to be told to the table; beyond, while it is away, they are found out by looking.</summary>
    private const int MostUntold = 50_000;

    private readonly Lock gate = new();
    private readonly SemaphoreSlim asking = new(1);
    private Usage known;
    private Usage counted;
    private long openKnown;
    private Dictionary<string, bool> openCounted = new(StringComparer.Ordinal);
    private long openedSince;
    private Room room;
    private Usage ended;
    private string lookedUntil = "";

    public string Tenant => tenant;

    public Quotas Quotas => quotas;

    /// <summary>When it was last asked what the others have counted.</summary>
    public DateTimeOffset ExchangedAt { get; private set; }

    /// <summary>Whether there is something to tell the others, or what they said is getting old.</summary>
    public bool IsDue => UsedAt >= ExchangedAt || ExchangedAt + Stale < clock.GetUtcNow();

    /// <summary>Whether the others know all that was counted here.</summary>
    public bool IsTold
    {
        get
        {
            lock (gate)
                return openCounted.Count == 0 && counted is { Submissions: 0, SubmissionsBefore: 0, Bytes: 0 };
        }
    }

    /// <summary>When a job was last submitted or ended here.</summary>
    public DateTimeOffset UsedAt { get; private set; } = clock.GetUtcNow();

    /// <summary>What is used now, as far as is known here.</summary>
    public (long OpenJobs, long Submissions, long Bytes) Used
    {
        get
        {
            lock (gate)
                return (Open, Total.SubmissionsAt(clock.GetUtcNow()), Total.At(clock.GetUtcNow()).Bytes);
        }
    }

    private long Open => Math.Max(0, openKnown + openedSince);

    private Usage Total => known.With(counted);

    /// <summary>Whether so much may be let in before the others are asked.</summary>
    public bool MustAsk(int bytes)
    {
        lock (gate)
            return room.MustAsk(bytes);
    }

    /// <summary>Counts one submission if no quota is in its way.</summary>
    public Exceeded? Take(string jobId, int bytes)
    {
        var now = clock.GetUtcNow();
        lock (gate)
        {
            UsedAt = now;
            var total = Total.At(now);
            if (quotas.OpenJobs is { } open && Open >= open)
                return new Exceeded("openJobs", open, Open, UntilEnded(Open - open + 1, now));
            if (quotas.SubmissionsPerMinute is { } submissions && total.SubmissionsAt(now) >= submissions)
                return new Exceeded("submissionsPerMinute", submissions, total.SubmissionsAt(now), total.UntilRoom(submissions, now));
            if (quotas.PayloadBytesPerDay is { } most && total.Bytes + bytes > most)
                return new Exceeded("payloadBytesPerDay", most, total.Bytes, new DateTimeOffset(now.UtcDateTime.Date.AddDays(1), TimeSpan.Zero) - now);

            counted = counted.At(now);
            counted = counted with { Submissions = counted.Submissions + 1, Bytes = counted.Bytes + bytes };
            room = room.Less(bytes);
            if (quotas.OpenJobs is not null && openCounted.Count < MostUntold && openCounted.TryAdd(jobId, true))
                openedSince++;
            return null;
        }
    }

    /// <summary>As fast as jobs ended here in the last minute; when none did, nobody knows.</summary>
    private TimeSpan UntilEnded(long jobs, DateTimeOffset now) =>
        ended.SubmissionsAt(now) is > 0 and var inMinute ? TimeSpan.FromMinutes(Math.Min(1, jobs / (double)inMinute)) : TimeSpan.FromSeconds(30);

    /// <summary>A job has ended; told twice it is the same.</summary>
    public void Ended(string jobId)
    {
        lock (gate)
        {
            UsedAt = clock.GetUtcNow();
            ended = ended.At(UsedAt) with { Submissions = ended.At(UsedAt).Submissions + 1 };
            if (openCounted.TryGetValue(jobId, out var isOpen))
            {
                if (!isOpen)
                    return;
                openCounted.Remove(jobId); // it was over before anybody was told of it
            }
            else if (openCounted.Count < MostUntold)
            {
                openCounted[jobId] = false;
            }
            openedSince--;
        }
    }

    /// <summary>Gives what was counted here to the others, and gets what they have.</summary>
    /// <param name="bytes">Only if so much may not be let in before; null is in any case.</param>
    /// <param name="cancellation">Ends the waiting.</param>
    public async Task ExchangeAsync(int? bytes, CancellationToken cancellation)
    {
        await asking.WaitAsync(cancellation);
        try
        {
            if (bytes is { } wanted && !MustAsk(wanted))
                return; // somebody has asked while we waited for our turn
            var now = clock.GetUtcNow();
            await ExchangeUsageAsync(cancellation);
            if (quotas.OpenJobs is { } most)
                await ExchangeOpenAsync(most, cancellation);
            lock (gate)
                (room, ExchangedAt) = (Room.Of(quotas, Open, Total, clock.GetUtcNow()), now);
        }
        finally
        {
            asking.Release();
        }
    }

    private async Task ExchangeUsageAsync(CancellationToken cancellation)
    {
        Usage mine;
        lock (gate)
            mine = counted;
        var all = mine is { Submissions: 0, SubmissionsBefore: 0, Bytes: 0 } ? await table.FindUsageAsync(tenant, cancellation) : await table.AddUsageAsync(tenant, mine, cancellation);
        lock (gate)
        {
            known = all;
            counted = counted.Less(mine);
        }
    }

    private async Task ExchangeOpenAsync(long most, CancellationToken cancellation)
    {
        Dictionary<string, bool> mine;
        lock (gate)
            (mine, openCounted) = (openCounted, new Dictionary<string, bool>(StringComparer.Ordinal));
        try
        {
            await table.WriteOpenAsync(tenant, mine, cancellation);
            var open = await table.ReadOpenAsync(tenant, (int)Math.Min(MostCounted, most * 2), cancellation);
            var ended = await LookAsync(open, cancellation);
            lock (gate)
            {
                openKnown = open.Count - ended;
                // What was counted while the table was asked may be in its answer or not; it is counted beside it until it is asked again.
                openedSince = openCounted.Values.Sum(isOpen => isOpen ? 1 : 0);
            }
        }
        catch (Exception)
        {
            lock (gate)
            {
                foreach (var (job, isOpen) in mine)
                    openCounted.TryAdd(job, isOpen);
            }
            throw;
        }
    }

    /// <summary>An end may have been missed in a crash: of the jobs that are listed for long, some are looked at each time.</summary>
    private async Task<int> LookAsync(List<(string JobId, DateTimeOffset Since)> open, CancellationToken cancellation)
    {
        var before = clock.GetUtcNow() - LookAfter;
        var old = open.Where(job => job.Since < before).Select(job => job.JobId).Order(StringComparer.Ordinal).ToArray();
        var some = old.Where(job => string.CompareOrdinal(job, lookedUntil) > 0).Take(MostLooks).ToArray();
        lookedUntil = some.Length < MostLooks ? "" : some[^1];
        var ended = new Dictionary<string, bool>(StringComparer.Ordinal);
        foreach (var job in some)
        {
            if (await receipts.FindAsync(job, cancellation) is not { } receipt || receipt.State.IsFinal())
                ended[job] = false;
        }
        await table.WriteOpenAsync(tenant, ended, cancellation);
        return ended.Count;
    }

    /// <summary>What may still be let in before the others are asked.</summary>
    private readonly record struct Room(long Jobs, long Bytes)
    {
        public bool MustAsk(int bytes) => Jobs < 1 || Bytes < bytes;

        public Room Less(int bytes) => new(Jobs - 1, Bytes - bytes);

        public static Room Of(Quotas quotas, long open, Usage total, DateTimeOffset now)
        {
            var jobs = Math.Min(
                quotas.OpenJobs is { } most ? most - open : long.MaxValue,
                quotas.SubmissionsPerMinute is { } submissions ? submissions - total.SubmissionsAt(now) : long.MaxValue);
            var bytes = quotas.PayloadBytesPerDay is { } day ? day - total.At(now).Bytes : long.MaxValue;
            return new Room(Math.Max(1, jobs / Parts), Math.Max(bytes > 0 ? Submission.JobSubmission.MaxPayload : 0, bytes / Parts));
        }
    }
}

/// <param name="Quota">Which, as the API calls it.</param>
/// <param name="Limit">How much it allows.</param>
/// <param name="Used">How much is used.</param>
/// <param name="UntilRoom">After how long there is room again; of open jobs an estimate.</param>
internal sealed record Exceeded(string Quota, long Limit, long Used, TimeSpan UntilRoom);
