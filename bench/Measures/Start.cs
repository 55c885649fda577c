using System.Diagnostics;
using System.Net.Sockets;

namespace Bench.Measures;

/// <summary>The app's own program, started warm: how long until it answers, and what it takes while nothing happens.</summary>
internal static class Start
{
    private static readonly TimeSpan Settling = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan Idle = TimeSpan.FromSeconds(30);

    public static async Task<Dictionary<string, double>> RunAsync(RunOptions run)
    {
        using (await AnswerAsync(run, await Task.FromResult(Sockets.FreePort()))) // once before, so that the files are in the page cache and the directory is made
        {
        }
        var start = TimeProvider.System.GetTimestamp();
        using var app = await AnswerAsync(run, Sockets.FreePort());
        var answered = TimeProvider.System.GetElapsedTime(start);
        await Task.Delay(Settling);
        var before = app.Process.TotalProcessorTime;
        await Task.Delay(Idle);
        app.Process.Refresh();
        return new()
        {
            ["start_ms"] = answered.TotalMilliseconds,
            ["idle_cpu_percent"] = (app.Process.TotalProcessorTime - before) / Idle * 100,
            ["idle_mb"] = Usage.MemoryMb(app.Process.Id),
        };
    }

    private static async Task<Running> AnswerAsync(RunOptions run, int port)
    {
        var functions = Path.Combine(AppContext.BaseDirectory, "Functions.dll");
        var process = Process.Start(new ProcessStartInfo("dotnet", [functions, "--port", $"{port}", "--data", run.Data]) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        _ = process.StandardOutput.ReadToEndAsync();
        _ = process.StandardError.ReadToEndAsync();
        for (var start = TimeProvider.System.GetTimestamp(); ; await Task.Delay(2))
        {
            try
            {
                using var connection = await Connection.OpenAsync(port);
                var (status, _) = await connection.PostAsync("/api/jobs", "application/json", "{}"u8.ToArray());
                Check.That(status == 400, $"the app answers: {status}");
                return new Running(process);
            }
            catch (SocketException) when (TimeProvider.System.GetElapsedTime(start) < TimeSpan.FromSeconds(30))
            {
                // It does not listen yet.
            }
        }
    }

    private sealed record Running(Process Process) : IDisposable
    {
        public void Dispose()
        {
            Process.Kill();
            Process.WaitForExit();
            Process.Dispose();
        }
    }
}
