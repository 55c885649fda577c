using System.Collections.Concurrent;

namespace Weir.Telemetry;

/// <summary>Lets the first so many different names through; all that come later are one, so that whoever can invent names cannot fill memory with them.</summary>
internal sealed class BoundedNames(int most)
{
    public const string Other = "(other)";

    private readonly ConcurrentDictionary<string, string> known = new(StringComparer.Ordinal);
    private int count;

    public string Of(string name)
    {
        if (known.TryGetValue(name, out var same))
            return same;
        if (Volatile.Read(ref count) >= most || !known.TryAdd(name, name))
            return known.GetValueOrDefault(name, Other);
        Interlocked.Increment(ref count); // two at the limit may both come in: a few more do no harm
        return name;
    }
}
