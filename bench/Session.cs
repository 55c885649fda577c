using System.Text.Json;

namespace Bench;

/// <summary>Makes the runs of a plan, one process after the other, and reports medians.</summary>
internal sealed class Session(Command command)
{
    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true };

    private readonly Dictionary<Row, List<Dictionary<string, double>>> runs = [];
    private readonly Peers peers = new();
    private int failed;

    public async Task<int> RunAsync()
    {
        var rows = Plan.Rows.Where(command.Asks).ToList();
        if (command.Peers is { } results)
            peers.Read(results);
        var beside = command.Beside is { } benchmark ? Peers.CopyOf(benchmark, command.Data) : null;
        // What is compared is run alternately: the peers, Weir, the peers, Weir, …
        foreach (var compared in rows.GroupBy(row => row.Peer ?? row.Name))
        {
            for (var number = 1; number <= command.Runs; number++)
            {
                if (beside is not null && compared.First().Peer is { } measure)
                    await TryAsync($"peers, {measure}", () => peers.RunAsync(beside, measure));
                foreach (var row in compared)
                    await TryAsync(row.Name, () => RunAsync(row));
            }
        }
        Report(rows);
        return failed == 0 ? 0 : 1;
    }

    private async Task RunAsync(Row row)
    {
        var figures = await Child.StartAsync(row.Run with { Data = Path.Combine(command.Data, $"run-{Environment.ProcessId}") });
        if (!runs.TryGetValue(row, out var known))
            runs[row] = known = [];
        known.Add(figures);
        Console.Error.WriteLine($"{DateTime.Now:HH:mm:ss} {row.Name}: {string.Join(", ", figures.Select(figure => $"{figure.Key} {figure.Value:0.##}"))}");
    }

    private async Task TryAsync(string name, Func<Task> run)
    {
        try
        {
            await run();
        }
        catch (InvalidOperationException failure)
        {
            failed++;
            Console.Error.WriteLine($"{name}: {failure.Message}");
        }
    }

    private void Report(List<Row> rows)
    {
        var results = rows.Where(runs.ContainsKey).Select(row => Result.Of(row, runs[row])).ToList();
        Console.WriteLine(Bench.Report.Table(results, peers));
        if (command.Json is not { } file)
            return;
        var compared = results.Select(result => result.Peer).OfType<string>().Distinct().ToDictionary(measure => measure, measure => peers.Of(measure).ToDictionary(peer => peer.Peer, peer => peer.Value));
        File.WriteAllText(file, JsonSerializer.Serialize(
            new { When = DateTimeOffset.UtcNow, Cores = Environment.ProcessorCount, command.Runs, Failed = failed, Results = results, Peers = compared }, Indented));
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
