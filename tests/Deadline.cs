using System.Collections.Concurrent;
using System.Diagnostics;
using System.Reflection;
using System.Runtime.CompilerServices;
using Xunit.v3;

[assembly: Deadline]

/// <summary>
/// Ends a test module that hangs, and names the tests that hung. Compiled into every test project: the runner's own --timeout
/// only asks the tests to stop, and waits for ever for one that does not.
/// </summary>
[AttributeUsage(AttributeTargets.Assembly)]
internal sealed class DeadlineAttribute : BeforeAfterTestAttribute
{
    /// <summary>Several times what the slowest module needs, and less than .ci/run waits for all of them.</summary>
    private static readonly TimeSpan Bound = TimeSpan.FromMinutes(20);

    private static readonly ConcurrentDictionary<string, string> UnderWay = new();
    private static Timer? timer;

    public override void Before(MethodInfo methodUnderTest, IXunitTest test) => UnderWay[test.UniqueID] = test.TestDisplayName;

    public override void After(MethodInfo methodUnderTest, IXunitTest test) => UnderWay.TryRemove(test.UniqueID, out _);

    [ModuleInitializer]
    internal static void Start()
    {
        if (!Debugger.IsAttached)
            timer = new Timer(_ => End(), null, Bound, Timeout.InfiniteTimeSpan);
    }

    /// <summary>For a module that has been asked for something else than its tests, and has a bound of its own for that.</summary>
    internal static void Lift() => timer?.Dispose();

    private static void End()
    {
        timer?.Dispose();
        Console.Error.WriteLine($"Ended after {Bound.TotalMinutes} minutes. Tests that had not ended:");
        foreach (var test in UnderWay.Values.Order(StringComparer.Ordinal))
            Console.Error.WriteLine($"  {test}");
        Environment.Exit(3);
    }
}
