using System.Diagnostics;
using System.Text.Json;
using Bench.Measures;

namespace Bench;

/// <summary>The process of one run: measures, checks, and prints its figures as one line of JSON.</summary>
internal static class Child
{
    private const string Mark = "RESULT ";

    private static readonly TimeSpan Longest = TimeSpan.FromMinutes(10);

    public static async Task<int> RunAsync(RunOptions run)
    {
        var figures = await (run.Measure switch
        {
            "submit" => Submit.RunAsync(run),
            "bulk" => Submit.RunBulkAsync(run),
            "drain" => Drain.RunAsync(run),
            "instance" => Drain.RunInstanceAsync(run),
            "latency" => Latency.RunAsync(run),
            "memory" => Memory.RunAsync(run),
            "operations" => Operations.RunAsync(run),
            "start" => Start.RunAsync(run),
            "floor" => Floor.RunAsync(run),
            _ => throw new ArgumentException($"There is no measure '{run.Measure}'."),
        });
        Console.WriteLine(Mark + JsonSerializer.Serialize(figures));
        return 0;
    }

    /// <summary>Runs one in a process of its own, with a data directory of its own that is deleted after it.</summary>
    public static async Task<Dictionary<string, double>> StartAsync(RunOptions run)
    {
        try
        {
            using var process = Process.Start(CommandOf(run))!;
            var errors = process.StandardError.ReadToEndAsync();
            using var limit = new CancellationTokenSource(Longest);
            using var end = limit.Token.Register(() => process.Kill(entireProcessTree: true));
            Dictionary<string, double>? figures = null;
            while (await process.StandardOutput.ReadLineAsync() is { } line)
            {
                if (line.StartsWith(Mark, StringComparison.Ordinal))
                    figures = JsonSerializer.Deserialize<Dictionary<string, double>>(line[Mark.Length..]);
                else if (line.Contains("fail:", StringComparison.Ordinal) || line.Contains("crit:", StringComparison.Ordinal))
                    Console.Error.WriteLine(line);
            }
            await process.WaitForExitAsync();
            return figures ?? throw new InvalidOperationException($"The run ended with {process.ExitCode} and no figure.\n{await errors}");
        }
        finally
        {
            if (run.Instance == 0 && Directory.Exists(run.Data))
                Directory.Delete(run.Data, recursive: true);
        }
    }

    /// <summary>This program again, also when it was started as <c>dotnet Bench.dll</c>.</summary>
    public static ProcessStartInfo CommandOf(RunOptions run) => new(Path.Combine(AppContext.BaseDirectory, "Bench"), ["run", .. run.ToArguments()])
    {
        RedirectStandardOutput = true,
        RedirectStandardError = true,
        RedirectStandardInput = true,
    };
}
