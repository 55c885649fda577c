using System.Diagnostics;

namespace Simulation.Proof;

/// <summary>A hunt in a process of its own: a world holds the thread pool to one worker, which the test runner would not survive; and two run at once.</summary>
internal static class HuntProcess
{
    private static readonly TimeSpan Bound = TimeSpan.FromMinutes(15);

    public static async Task<(int ExitCode, string[] Lines)> RunAsync(params string[] args)
    {
        var start = new ProcessStartInfo(Environment.ProcessPath!, args) { RedirectStandardOutput = true, RedirectStandardError = true };
        if (Path.GetFileNameWithoutExtension(Environment.ProcessPath) == "dotnet")
            start.ArgumentList.Insert(0, typeof(HuntProcess).Assembly.Location);
        using var process = Process.Start(start) ?? throw new InvalidOperationException("The simulation could not be started.");
        using var limit = new CancellationTokenSource(Bound);
        try
        {
            var output = process.StandardOutput.ReadToEndAsync(limit.Token);
            var errors = process.StandardError.ReadToEndAsync(limit.Token);
            await process.WaitForExitAsync(limit.Token);
            return (process.ExitCode, (await output + await errors).Split('\n', StringSplitOptions.RemoveEmptyEntries));
        }
        finally
        {
            if (!process.HasExited)
                process.Kill(entireProcessTree: true);
        }
    }

    /// <summary>Two halves of a range at once, on the two cores that CI has.</summary>
    public static async Task<string[]> FailuresAsync(int from, int seeds, params string[] more)
    {
        var half = seeds / 2;
        var halves = await Task.WhenAll(Hunt(from, half), Hunt(from + half, seeds - half));
        return [.. halves.Where(one => one.ExitCode != 0).SelectMany(one => one.Lines)];

        Task<(int ExitCode, string[] Lines)> Hunt(int first, int count) => RunAsync(["--from", $"{first}", "--seeds", $"{count}", .. more]);
    }
}
