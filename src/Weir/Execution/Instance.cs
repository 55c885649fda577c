using System.Globalization;

namespace Weir.Execution;

/// <summary>This process among those that run jobs. Its id is the owner of leases, so no two processes ever share one, a restarted one included.</summary>
internal sealed record Instance(string Id)
{
    public static Instance New(Random chance) =>
        new(string.Create(CultureInfo.InvariantCulture, $"{Environment.MachineName}-{Environment.ProcessId}-{chance.Next(0x1000000):x6}"));
}
