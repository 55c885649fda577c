namespace Bench;

/// <summary>One row of the report.</summary>
/// <param name="Part">The part of the plan it belongs to.</param>
/// <param name="Name">As the report names it.</param>
/// <param name="Run">What each of its runs is told.</param>
/// <param name="Peer">The peer's figure that it is compared with: results.json's measure and figure.</param>
internal sealed record Row(string Part, string Name, RunOptions Run, string? Peer = null);

/// <summary>Everything that is measured.</summary>
internal static class Plan
{
    public static readonly string[] Parts = ["all", "floor", "submit", "drain", "latency", "retries", "operations", "growth", "start"];

    public static readonly Row[] Rows =
    [
        new("floor", "floor", new() { Measure = "floor" }),

        new("submit", "a. one by one, in process", new() { Measure = "submit" }, "a"),
        new("submit", "a. one by one, HTTP", new() { Measure = "submit", Http = true }, "a"),
        new("submit", "b. bulk of 500, in process", new() { Measure = "bulk", Jobs = 40_000 }, "b"),
        new("submit", "b. bulk of 500, HTTP", new() { Measure = "bulk", Jobs = 40_000, Http = true }, "b"),

        new("drain", "c. drain, AtLeastOnce", new() { Measure = "drain", Type = BenchJobs.Least }, "c"),
        new("drain", "f. drain, EffectivelyOnce", new() { Measure = "drain" }, "f"),

        new("latency", "d. end to end at 300/s, in process", new() { Measure = "latency" }, "d"),
        new("latency", "d. end to end at 300/s, HTTP", new() { Measure = "latency", Http = true }, "d"),

        new("retries", "e. a fifth fails once", new() { Measure = "drain", Type = BenchJobs.Retried, Jobs = 10_000 }, "e"),

        new("growth", "memory of 100,000 waiting", new() { Measure = "memory", Jobs = 100_000 }),
        .. new[] { 1_000, 1_000_000 }.Select(waiting => new Row("growth", $"one by one, {waiting:N0} waiting", new() { Measure = "submit", Waiting = waiting })),
        .. new[] { 1_000, 20_000, 100_000, 1_000_000 }.Select(waiting => new Row("growth", $"drain, {waiting:N0} waiting", new() { Measure = "drain", Waiting = waiting, Jobs = Math.Min(waiting, 20_000) })),
        .. new[] { 1, 100, 10_000 }.Select(tenants => new Row("growth", $"drain, 10,000 jobs of {tenants:N0} tenants", new() { Measure = "drain", Tenants = tenants, Jobs = 10_000 })),
        .. new[] { 2, 4 }.Select(instances => new Row("growth", $"drain, {instances} instances", new() { Measure = "drain", Instances = instances })),

        new("start", "start and idle", new() { Measure = "start" }),
    ];
}
