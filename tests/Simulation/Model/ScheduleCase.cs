namespace Simulation.Model;

/// <summary>A request that was repeated until somebody answered it: done at some time between the two; and perhaps once more later, when a try got no answer.</summary>
internal readonly record struct Asked(DateTimeOffset First, DateTimeOffset Answered, bool IsSure);

/// <summary>A schedule as its client knows it.</summary>
internal sealed class ScheduleCase(string tenant, string name)
{
    public string Tenant => tenant;

    public string Name => name;

    /// <summary>Due at each multiple of so many seconds within a minute; or once.</summary>
    public int Every { get; init; }

    public DateTimeOffset? At { get; init; }

    public string Missed { get; init; } = "last";

    public string Overlap { get; init; } = "allow";

    public Asked? Put { get; set; }

    public Asked? Paused { get; set; }

    public Asked? Resumed { get; set; }

    public Asked? Removed { get; set; }

    /// <summary>When it was run by hand.</summary>
    public Asked? Ran { get; set; }

    /// <summary>The jobs that were asked for beside the occurrences.</summary>
    public HashSet<string> RunIds { get; } = new(StringComparer.Ordinal);

    /// <summary>When it is due, from one moment to another, both included.</summary>
    public IEnumerable<DateTimeOffset> Due(DateTimeOffset from, DateTimeOffset to)
    {
        if (At is { } once)
            return once >= from && once <= to ? [once] : [];
        return Enumerable.Range(0, (int)(to - from).TotalSeconds + 2).Select(second => new DateTimeOffset(from.Ticks - from.Ticks % TimeSpan.TicksPerSecond, TimeSpan.Zero).AddSeconds(second))
            .Where(time => time >= from && time <= to && time.Second % Every == 0);
    }

    public override string ToString() => $"schedule {name} of {tenant} ({(At is { } once ? $"at {once:HH:mm:ss}" : $"every {Every} s")}, missed {Missed}, overlap {Overlap})";
}
