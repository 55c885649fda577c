using System.Globalization;

namespace BlackBox.Tests.Chaos;

/// <summary>
/// The clock of one instance steps, and that of the other does not. Needs libfaketime (Debian: faketime), which puts itself between the runtime and the system's
/// clock and reads its step from a file; without it these tests are skipped.
/// </summary>
public sealed class ClockTests
{
    private static readonly string? Library = new[] { "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1", "/usr/lib/aarch64-linux-gnu/faketime/libfaketime.so.1" }.FirstOrDefault(File.Exists);

    [Theory]
    [InlineData("+1h")]
    [InlineData("-1h")]
    public async Task An_instance_whose_clock_steps_an_hour_loses_nothing_and_does_nothing_twice(string step)
    {
        if (Library is null)
            Assert.Skip("libfaketime is not installed (apt-get install faketime).");
        using var data = new DataFolder();
        using var other = new DataFolder();
        var clock = Path.Combine(other.Path, "clock");
        await File.WriteAllTextAsync(clock, "+0");
        await using var sound = await WeirProcess.StartAsync(data);
        await using var stepping = await WeirProcess.StartAsync(
            data, ("LD_PRELOAD", Library), ("FAKETIME_TIMESTAMP_FILE", clock), ("FAKETIME_NO_CACHE", "1"), ("DONT_FAKE_MONOTONIC", "1"));

        var load = new MixedLoad("step", () => [sound, stepping]);
        var submitting = load.SubmitAsync(80, sleepMs: 50);
        await ChaosScale.UntilAsync(() => Task.FromResult(load.Accepted >= 20), "20 accepted");
        await File.WriteAllTextAsync(clock, step);
        await submitting;
        using (var shown = await stepping.Http.GetAsync("api/health/live"))
            Assert.True((shown.Headers.Date - DateTimeOffset.UtcNow)!.Value.Duration() > TimeSpan.FromMinutes(50), string.Create(CultureInfo.InvariantCulture, $"The clock did not step: {shown.Headers.Date}"));
        await load.AssertAllEndedAsync(sound.Http, ChaosScale.Limit, oneClock: false);
    }
}
