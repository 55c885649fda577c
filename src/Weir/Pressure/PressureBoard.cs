namespace Weir.Pressure;

/// <summary>The last reading, as this instance knows it, and what it has accepted itself since: a surge is seen before the next one.</summary>
internal sealed class PressureBoard(TimeProvider clock)
{
    /// <summary>Older than this it tells nothing: then all is accepted, as if nothing were known.</summary>
    private static readonly TimeSpan Trusted = TimeSpan.FromSeconds(90);

    private readonly long[] accepted = new long[Enum.GetValues<Queue>().Length];
    private DateTimeOffset usedAt;
    private TaskCompletionSource asked = NewSignal();
    private TaskCompletionSource renewed = NewSignal();

    public PressureReading Reading { get; private set; } = PressureReading.None;

    /// <summary>When somebody wanted to know for the last time.</summary>
    public DateTimeOffset AskedAt { get; private set; }

    /// <summary>Ends when somebody wants to know sooner than the watch would look.</summary>
    public Task Asked => Volatile.Read(ref asked).Task;

    /// <summary>Ends with the next reading.</summary>
    public Task Renewed => Volatile.Read(ref renewed).Task;

    public bool IsKnown => Reading.PolledAt + Trusted > clock.GetUtcNow();

    public void Use(PressureReading reading)
    {
        if (reading.PolledAt == Reading.PolledAt)
            return;
        // It may be some seconds old when it comes here: what was accepted since is not in it.
        var now = clock.GetUtcNow();
        var since = usedAt < now ? Math.Clamp((now - reading.PolledAt) / (now - usedAt), 0, 1) : 0;
        (Reading, usedAt) = (reading, now);
        for (var queue = 0; queue < accepted.Length; queue++)
            Interlocked.Exchange(ref accepted[queue], (long)(AcceptedSince((Queue)queue) * since));
        Interlocked.Exchange(ref renewed, NewSignal()).TrySetResult();
    }

    /// <summary>How many wait by now, about: those of the reading, those accepted since (the other instances are taken to have accepted as many each), less those started since.</summary>
    public double DepthOf(Queue queue, DateTimeOffset now)
    {
        var found = Reading.Of(queue);
        var since = Math.Clamp((now - Reading.PolledAt).TotalSeconds, 0, Trusted.TotalSeconds);
        return Math.Max(0, found.Depth + Interlocked.Read(ref accepted[(int)queue]) * Reading.Takers - (found.Drain.PerSecond ?? 0) * since);
    }

    public void Accepted(Queue queue, int jobs) => Interlocked.Add(ref accepted[(int)queue], jobs);

    public long AcceptedSince(Queue queue) => Interlocked.Read(ref accepted[(int)queue]);

    /// <param name="urgently">Whether the watch is to look now rather than at its time.</param>
    public void Ask(bool urgently)
    {
        AskedAt = clock.GetUtcNow();
        if (urgently)
            Volatile.Read(ref asked).TrySetResult();
    }

    /// <summary>The watch looks now.</summary>
    public void Answer()
    {
        if (Asked.IsCompleted)
            Volatile.Write(ref asked, NewSignal());
    }

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
