using System.Globalization;
using System.Text.Json;

namespace BlackBox.Tests.Chaos;

/// <summary>
/// How much of it: once, and briefly, in each run; <c>WEIR_CHAOS_ROUNDS=50</c> is a hunt of that many rounds of every scenario that has rounds.
/// A module ends itself after ten minutes, so a hunt runs one class at a time.
/// </summary>
internal static class ChaosScale
{
    public static int Rounds { get; } =
        int.TryParse(Environment.GetEnvironmentVariable("WEIR_CHAOS_ROUNDS"), NumberStyles.None, CultureInfo.InvariantCulture, out var rounds) && rounds > 0 ? rounds : 1;

    /// <summary>Longer than any fault here lasts, several times.</summary>
    public static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    /// <summary>What may not change any more once a job is final.</summary>
    public static string Ending(this JsonElement job) => $"{job.State()} at {job.Text("finishedAt")} after {job.GetProperty("attempts")}";

    public static async Task UntilAsync(Func<Task<bool>> condition, string what)
    {
        var end = TimeProvider.System.GetTimestamp();
        while (!await condition())
        {
            Assert.True(TimeProvider.System.GetElapsedTime(end) < Limit, $"Not within {Limit.TotalSeconds} s: {what}");
            await Task.Delay(50);
        }
    }
}
