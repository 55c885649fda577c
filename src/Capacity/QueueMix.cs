using System.Globalization;
using Capacity.Simulation;

namespace Capacity;

/// <summary>How jobs are shared among the queues: critical=1,default=5,bulk=4.</summary>
public static class QueueMix
{
    public const string Expected = "mix is weights by queue, such as critical=1,default=5,bulk=4: each queue at most once, no weight negative, and not all of them 0.";

    public static bool TryRead(string text, out IReadOnlyList<(Priority Priority, double Weight)> mix)
    {
        var read = new List<(Priority Priority, double Weight)>();
        mix = read;
        foreach (var part in text.Split(','))
        {
            if (part.Split('=') is not [var name, var weight]
                || !double.TryParse(weight, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var number) || number is < 0 or > 1_000_000
                || Named(name.Trim()) is not { } priority || read.Any(one => one.Priority == priority))
                return false;
            read.Add((priority, number));
        }
        return read.Any(one => one.Weight > 0);
    }

    private static Priority? Named(string name) => name switch
    {
        "critical" => Priority.Critical,
        "default" => Priority.Default,
        "bulk" => Priority.Bulk,
        _ => null,
    };
}
