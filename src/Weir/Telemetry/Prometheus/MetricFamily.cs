using System.Diagnostics.Metrics;

namespace Weir.Telemetry.Prometheus;

internal enum FamilyKind
{
    Counter,
    Gauge,
    Histogram,
}

/// <summary>One instrument as Prometheus sees it: its name, and its series by their labels. Recording into a series that is known allocates nothing.</summary>
internal sealed class MetricFamily
{
    private static readonly double[] UsualBounds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

    private readonly Dictionary<int, MetricSeries> series = [];
    private readonly double[] bounds;
    private readonly bool sums;
    private readonly Lock gate = new();

    private MetricFamily(Instrument instrument, FamilyKind kind)
    {
        (Kind, Name, Help) = (kind, PrometheusNames.Of(instrument, kind), instrument.Description ?? "");
        bounds = kind != FamilyKind.Histogram ? [] : instrument is Histogram<double> { Advice.HistogramBucketBoundaries: { } advised } ? [.. advised] : UsualBounds;
        IsObservable = instrument.IsObservable;
        sums = !instrument.IsObservable && instrument is not (Gauge<long> or Gauge<double> or Gauge<int>);
    }

    public string Name { get; }

    public string Help { get; }

    public FamilyKind Kind { get; }

    public bool IsObservable { get; }

    public IReadOnlyList<double> Bounds => bounds;

    /// <summary>Null for an instrument of a kind that is not known here.</summary>
    public static MetricFamily? Of(Instrument instrument)
    {
        var type = instrument.GetType();
        if (!type.IsGenericType)
            return null;
        var kind = type.GetGenericTypeDefinition();
        return kind == typeof(Counter<>) || kind == typeof(ObservableCounter<>) ? new MetricFamily(instrument, FamilyKind.Counter)
            : kind == typeof(Histogram<>) ? new MetricFamily(instrument, FamilyKind.Histogram)
            : kind == typeof(UpDownCounter<>) || kind == typeof(ObservableUpDownCounter<>) || kind == typeof(Gauge<>) || kind == typeof(ObservableGauge<>) ? new MetricFamily(instrument, FamilyKind.Gauge)
            : null;
    }

    /// <param name="value">What was measured.</param>
    /// <param name="tags">Its tags, in the same order whenever they are the same.</param>
    /// <param name="look">The look that is under way; an observable series that a look did not see is not there any more.</param>
    /// <param name="mayAdd">Asked before a series is added.</param>
    /// <returns>False when it was dropped.</returns>
    public bool Record(double value, ReadOnlySpan<KeyValuePair<string, object?>> tags, long look, Func<bool> mayAdd)
    {
        var hash = MetricSeries.HashOf(tags);
        lock (gate)
        {
            series.TryGetValue(hash, out var first);
            var found = first;
            while (found is not null && !found.Has(tags))
                found = found.Next;
            if (found is null)
            {
                if (!mayAdd())
                    return false;
                series[hash] = found = new MetricSeries(tags, bounds.Length, first);
            }
            found.Look = look;
            if (Kind == FamilyKind.Histogram)
                found.Add(value, bounds);
            else
                found.Value = sums ? found.Value + value : value;
            return true;
        }
    }

    /// <summary>What there is now. Series whose labels are the same after <paramref name="rename"/> are one: they are added up.</summary>
    public IReadOnlyList<(string Labels, MetricSeries Series)> Snapshot(long look, Func<string, string, string> rename)
    {
        var all = new SortedDictionary<string, MetricSeries>(StringComparer.Ordinal);
        lock (gate)
        {
            foreach (var first in series.Values)
            {
                for (var one = first; one is not null; one = one.Next)
                {
                    if (IsObservable && one.Look != look)
                        continue;
                    var labels = one.Labels(rename);
                    if (!all.TryGetValue(labels, out var sum))
                        all.Add(labels, sum = new MetricSeries([], bounds.Length, next: null));
                    sum.Add(one);
                }
            }
        }
        return [.. all.Select(one => (one.Key, one.Value))];
    }
}
