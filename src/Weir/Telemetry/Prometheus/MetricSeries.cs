using System.Globalization;
using System.Text;

namespace Weir.Telemetry.Prometheus;

/// <summary>The numbers of one set of labels.</summary>
internal sealed class MetricSeries(ReadOnlySpan<KeyValuePair<string, object?>> tags, int bounds, MetricSeries? next)
{
    private readonly KeyValuePair<string, object?>[] tags = tags.ToArray();

    /// <summary>How many were at most each bound and above the one before; the last for those above all.</summary>
    private readonly long[] buckets = new long[bounds + 1];

    /// <summary>Another one whose tags have the same hash.</summary>
    public MetricSeries? Next => next;

    /// <summary>The look that saw it last.</summary>
    public long Look { get; set; }

    /// <summary>Of a histogram the sum.</summary>
    public double Value { get; set; }

    public long Count { get; private set; }

    public IReadOnlyList<long> Buckets => buckets;

    public static int HashOf(ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        var hash = new HashCode();
        foreach (var tag in tags)
            hash.Add(tag.Value);
        return hash.ToHashCode();
    }

    public bool Has(ReadOnlySpan<KeyValuePair<string, object?>> others)
    {
        if (others.Length != tags.Length)
            return false;
        for (var index = 0; index < tags.Length; index++)
        {
            if (tags[index].Key != others[index].Key || !Equals(tags[index].Value, others[index].Value))
                return false;
        }
        return true;
    }

    public void Add(double value, double[] upTo)
    {
        var bucket = 0;
        while (bucket < upTo.Length && value > upTo[bucket])
            bucket++;
        buckets[bucket]++;
        Count++;
        Value += value;
    }

    public void Add(MetricSeries other)
    {
        for (var bucket = 0; bucket < buckets.Length; bucket++)
            buckets[bucket] += other.buckets[bucket];
        Count += other.Count;
        Value += other.Value;
    }

    /// <summary>As they stand between the braces, by name.</summary>
    public string Labels(Func<string, string, string> rename)
    {
        var text = new StringBuilder();
        foreach (var (name, value) in tags.Select(tag => (Name: PrometheusNames.Label(tag.Key), tag.Value)).OrderBy(tag => tag.Name, StringComparer.Ordinal))
            text.Append(text.Length == 0 ? "" : ",").Append(name).Append("=\"").Append(PrometheusNames.Escape(rename(name, Convert.ToString(value, CultureInfo.InvariantCulture) ?? ""), quotes: true)).Append('"');
        return text.ToString();
    }
}
