using System.Diagnostics.Metrics;

namespace Weir.Telemetry.Prometheus;

/// <summary>
/// Adds up in memory what the meter <c>Weir</c> and the runtime's tell, for whoever comes to fetch it: counts since the process began, times in buckets, and gauges as they are at that moment. It keeps so many series
/// and no more: what would be one more is dropped, and how often, is a metric itself.
/// </summary>
public sealed class MetricsCollection : IDisposable
{
    /// <summary>Some 200 bytes each, 500 with their buckets.</summary>
    internal const int MostSeries = 20_000;

    private const string Runtime = "System.Runtime";

    /// <summary>Of the runtime's what an operator asks for; all of them, by type of exception and generation, would be a hundred series more.</summary>
    private static readonly HashSet<string> OfRuntime =
    [
        "dotnet.gc.collections", "dotnet.gc.pause.time", "dotnet.gc.heap.total_allocated", "dotnet.gc.last_collection.heap.size", "dotnet.process.memory.working_set", "dotnet.process.cpu.time",
        "dotnet.monitor.lock_contentions",
    ];

    private readonly Gauges gauges;
    private readonly MeterListener listener = new();
    private readonly List<MetricFamily> families = [];
    private readonly Lock gate = new();
    private readonly Func<bool> mayAdd;
    private int series;
    private long dropped;
    private long look;
    private bool listens;

    internal MetricsCollection(Gauges gauges)
    {
        this.gauges = gauges;
        mayAdd = () => Volatile.Read(ref series) < MostSeries && Interlocked.Increment(ref series) <= MostSeries;
        listener.InstrumentPublished = Published;
        listener.SetMeasurementEventCallback<long>((_, value, tags, state) => Record(value, tags, state));
        listener.SetMeasurementEventCallback<double>((_, value, tags, state) => Record(value, tags, state));
        listener.SetMeasurementEventCallback<int>((_, value, tags, state) => Record(value, tags, state));
        gauges.Meter.CreateObservableCounter("weir.metrics.dropped", () => Interlocked.Read(ref dropped), "{measurement}", "Measurements that were thrown away because there were too many series.");
    }

    /// <summary>From now on. What happened before is not known.</summary>
    public void Listen()
    {
        lock (gate)
        {
            if (listens)
                return;
            listens = true;
        }
        listener.Start();
    }

    /// <summary>All of it in Prometheus' text format.</summary>
    /// <param name="rename">What a label's value (name, value) is for this reader; what becomes the same is added up.</param>
    internal string Write(Func<string, string, string> rename)
    {
        Listen();
        // One at a time: what a look has seen is told by its number.
        lock (gate)
        {
            look++;
            listener.RecordObservableInstruments();
            return PrometheusText.Write(families, look, rename);
        }
    }

    public void Dispose() => listener.Dispose();

    private void Published(Instrument instrument, MeterListener to)
    {
        var ours = instrument.Meter.Name == TelemetryNames.Meter && (instrument.Meter.Scope is null || ReferenceEquals(instrument.Meter.Scope, gauges));
        if (!ours && !(instrument.Meter.Name == Runtime && OfRuntime.Contains(instrument.Name)))
            return;
        if (MetricFamily.Of(instrument) is not { } family)
            return;
        lock (gate)
        {
            if (families.Any(one => one.Name == family.Name))
                return; // a second instrument of one name would be a second line of one series
            families.Add(family);
        }
        to.EnableMeasurementEvents(instrument, family);
    }

    private void Record(double value, ReadOnlySpan<KeyValuePair<string, object?>> tags, object? state)
    {
        if (state is MetricFamily family && !family.Record(value, tags, Volatile.Read(ref look), mayAdd))
            Interlocked.Increment(ref dropped);
    }
}
