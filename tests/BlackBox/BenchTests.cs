using System.Diagnostics;
using System.Reflection;
using System.Text.Json;

namespace BlackBox.Tests;

/// <summary>The benchmarks of bench/ measure and check, with a handful of jobs: what is measured seldom must not rot.</summary>
public sealed class BenchTests
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(2);

    [Theory]
    [InlineData("bench.once")]
    [InlineData("bench.retried")]
    public async Task A_drain_is_measured_and_each_job_has_ended_as_it_should(string type)
    {
        using var data = new DataFolder();
        var program = typeof(BenchTests).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(one => one.Key == "Bench").Value!;
        using var process = Process.Start(new ProcessStartInfo("dotnet", [program, "run", "Measure=drain", $"Type={type}", "Jobs=200", $"Data={data.Path}"]) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        using var limit = new CancellationTokenSource(Limit);
        using var end = limit.Token.Register(() => process.Kill(entireProcessTree: true));
        var errors = process.StandardError.ReadToEndAsync();
        var output = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();

        var problem = $"It ended with {process.ExitCode}.\n{output}\n{await errors}";
        Assert.True(process.ExitCode == 0, problem);
        var figures = JsonElement.Parse(output.Split('\n').Single(line => line.StartsWith("RESULT ", StringComparison.Ordinal))["RESULT ".Length..]);
        Assert.Equal(200, figures.GetProperty("jobs").GetInt32());
        Assert.True(figures.GetProperty("jobs_per_s").GetDouble() > 0);
    }
}
