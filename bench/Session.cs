using System.Text.Json;

namespace Bench;

/// <summary>Makes the runs of a plan, one process after the other, and reports medians.</summary>
internal sealed class Session(Command command)
{
    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true };

    public async Task<int> RunAsync()
    {
        var results = new List<Result>();
        var failed = 0;
        foreach (var row in Plan.Rows.Where(row => command.What == "all" || command.What == row.Part))
        {
            var runs = new List<Dictionary<string, double>>();
            for (var number = 1; number <= command.Runs; number++)
            {
                try
                {
                    runs.Add(await Child.StartAsync(row.Run with { Data = Path.Combine(command.Data, $"run-{Environment.ProcessId}") }));
                    Console.Error.WriteLine($"{DateTime.Now:HH:mm:ss} {row.Name}: {string.Join(", ", runs[^1].Select(figure => $"{figure.Key} {figure.Value:0.##}"))}");
                }
                catch (InvalidOperationException failure)
                {
                    failed++;
                    Console.Error.WriteLine($"{row.Name}: {failure.Message}");
                }
            }
            if (runs.Count > 0)
                results.Add(Result.Of(row, runs));
        }
        Console.WriteLine(Report.Table(results, command.Peers));
        if (command.Json is { } file)
            File.WriteAllText(file, JsonSerializer.Serialize(new { When = DateTimeOffset.UtcNow, Cores = Environment.ProcessorCount, command.Runs, Failed = failed, Results = results }, Indented));
        return failed == 0 ? 0 : 1;
    }
}

/// <summary>The runs of one row, summed up.</summary>
internal sealed record Result(string Part, string Name, int Runs, string? Peer, Dictionary<string, Spread> Figures)
{
    public static Result Of(Row row, List<Dictionary<string, double>> runs) => new(row.Part, row.Name, runs.Count, row.Peer,
        runs[0].Keys.ToDictionary(name => name, name => Spread.Of([.. runs.Select(run => run[name]).Order()])));
}

internal sealed record Spread(double Median, double Min, double Max)
{
    public static Spread Of(double[] sorted) => new(sorted[sorted.Length / 2], sorted[0], sorted[^1]);
}
