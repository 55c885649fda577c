using System.Diagnostics;
using System.Globalization;
using System.Threading.Channels;

namespace Simulation.Mutants;

/// <summary>
/// Puts one bug after the other into Weir and lets the simulation look for it: it must be found within its bound, or a checker is missing. While
/// one is looked for the next is built.
/// </summary>
internal static class MutantHunt
{
    /// <summary>Two cores.</summary>
    private const int AtOnce = 2;

    /// <summary>The most that may go unfound.</summary>
    private const int MostUnfound = 1;

    /// <summary>A build takes seconds; a hunt mostly too, and the longest, 2,000 seeds, six minutes of an idle core.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(15);

    /// <param name="part">Only the bugs whose names contain one of these texts, between bars; null is all.</param>
    public static async Task<int> RunAsync(string? part)
    {
        var watch = Stopwatch.StartNew();
        var mutants = MutantList.All.Where(mutant => part is null || part.Split('|').Any(text => mutant.Name.Contains(text, StringComparison.OrdinalIgnoreCase))).ToArray();
        var folder = Directory.CreateTempSubdirectory("weir-mutants-").FullName;
        using var tree = SourceTree.Copy(folder);
        var places = Channel.CreateBounded<string>(AtOnce);
        for (var place = 0; place < AtOnce; place++)
        {
            var simulation = Path.Combine(folder, $"simulation-{place}");
            SourceTree.CopyFolder(AppContext.BaseDirectory, simulation);
            await places.Writer.WriteAsync(simulation);
        }

        var hunts = new List<Task<bool>>();
        foreach (var mutant in mutants)
        {
            var place = await places.Reader.ReadAsync();
            using var limit = new CancellationTokenSource(Patience);
            try
            {
                File.Copy(await tree.BuildAsync(mutant, limit.Token), Path.Combine(place, "Weir.dll"), overwrite: true);
                hunts.Add(HuntAsync(mutant, place, places.Writer));
            }
            catch (Exception failure) when (failure is InvalidOperationException or InvalidDataException or OperationCanceledException)
            {
                Console.WriteLine($"NOT FOUND: {failure.Message}");
                hunts.Add(Task.FromResult(false));
                await places.Writer.WriteAsync(place);
            }
        }
        var found = await Task.WhenAll(hunts);
        var unfound = found.Count(one => !one);
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{watch.Elapsed.TotalSeconds:0} s; {found.Length - unfound} of {found.Length} bugs found"));
        return unfound <= MostUnfound ? 0 : 1;
    }

    private static async Task<bool> HuntAsync(Mutant mutant, string place, ChannelWriter<string> free)
    {
        var watch = Stopwatch.StartNew();
        using var limit = new CancellationTokenSource(Patience);
        string how;
        var isFound = false;
        try
        {
            var (_, output) = await Command.RunAsync("dotnet", [Path.Combine(place, "Simulation.dll"), .. mutant.Arguments], limit.Token);
            var failure = output.Split('\n').FirstOrDefault(line => line.StartsWith(Hunting.Hunt.Failed, StringComparison.Ordinal));
            isFound = failure is not null;
            how = failure?[Hunting.Hunt.Failed.Length..] ?? $"NOT FOUND in {mutant.Hunt}{(output.Contains(" passed", StringComparison.Ordinal) ? "" : $": {output}")}";
        }
        catch (OperationCanceledException)
        {
            how = $"NOT FOUND: no end within {Patience}";
        }
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{mutant.Name} ({mutant.Hunt}, {watch.Elapsed.TotalSeconds:0} s): {how}"));
        await free.WriteAsync(place);
        return isFound;
    }
}
