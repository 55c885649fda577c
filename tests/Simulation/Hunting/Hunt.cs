using System.Diagnostics;
using System.Globalization;
using System.Reflection;
using Simulation.Exhaustive;
using Simulation.Faults;
using Simulation.Kernel;
using Simulation.Mutants;
using Simulation.World;

namespace Simulation.Hunting;

/// <summary>Runs seeds one after the other and says which of them break a promise, and how.</summary>
internal static class Hunt
{
    /// <summary>How the line begins that says what failed.</summary>
    public const string Failed = "FAILED ";

    private const int LinesOfHistory = 80;

    public static int Run(string[] args)
    {
        try
        {
            var options = HuntOptions.Read(args);
            if (options.Mutants)
                return MutantHunt.RunAsync(options.Only).GetAwaiter().GetResult();
            if (options.Processes > 1)
                return HuntProcess.ShareOutAsync(options, args, CancellationToken.None).GetAwaiter().GetResult();
            OneThread.Prepare();
            if (options.Idle)
                return IdleHour.Run();
            return options.Exhaustive ? RunScenarios(options) : RunSeeds(options);
        }
        catch (FormatException wrong)
        {
            Console.Error.WriteLine($"{wrong.Message}\n{HuntOptions.Usage}");
            return 2;
        }
    }

    private static int RunSeeds(HuntOptions options)
    {
        var watch = Stopwatch.StartNew();
        var failed = new List<int>();
        var count = 0;
        long steps = 0, jobs = 0, effects = 0;
        var time = TimeSpan.Zero;
        for (; count < options.Seeds && watch.Elapsed.TotalMinutes < options.Minutes; count++)
        {
            var seed = options.From + count;
            var verdict = SimulatedWorld.Run(seed, options.Profile, keepHistory: options.Hashes || options.Replay);
            (steps, jobs, effects, time) = (steps + verdict.Steps, jobs + verdict.Jobs, effects + verdict.Effects, time + verdict.Time);
            if (options.Hashes)
                Console.WriteLine($"{seed} {verdict.History.Hash()} {verdict.History.Lines.Count}");
            if (options.Replay)
                Write(verdict.History.Lines);
            if (verdict.Broken is null)
                continue;
            failed.Add(seed);
            Report(options, verdict);
            if (options.First)
                break;
        }
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{watch.Elapsed.TotalSeconds:0.0} s; {jobs} jobs, {effects} effects, {steps} steps, {time.TotalHours:0.0} hours of their time"));
        Console.WriteLine(new Summary(count, failed));
        return failed.Count == 0 ? 0 : 1;
    }

    private static int RunScenarios(HuntOptions options)
    {
        if (options is { Scenario: { } name, Strike: { } strike })
            return Replay(Scenario.All.FirstOrDefault(scenario => scenario.Name == name) ?? throw new FormatException($"There is no scenario '{name}'."), strike);

        var watch = Stopwatch.StartNew();
        var failed = new List<string>();
        var runs = 0;
        var today = (int)(DateTimeOffset.UtcNow - DateTimeOffset.UnixEpoch).TotalDays;
        foreach (var scenario in Scenario.All.Where(scenario => options.Scenario is null || scenario.Name == options.Scenario))
        {
            var result = scenario.Run(options.First, effect => (effect + today) % options.FreezeEach == 0);
            runs += result.Runs;
            failed.AddRange(result.Failures);
            Console.WriteLine($"{scenario.Name}: {result.Effects} effects, {result.Runs} runs, {result.Failures.Count} failed");
        }
        foreach (var failure in failed)
            Console.WriteLine($"{Failed}{failure}");
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{watch.Elapsed.TotalSeconds:0.0} s"));
        Console.WriteLine(failed.Count == 0 ? $"{runs} runs passed" : $"{failed.Count} of {runs} runs failed");
        return failed.Count == 0 ? 0 : 1;
    }

    private static int Replay(Scenario scenario, (int, Blow) strike)
    {
        var verdict = scenario.RunOnce(strike, keepHistory: true);
        Write(verdict.History.Lines);
        Console.WriteLine(verdict.Broken is { } broken ? $"{Failed}{scenario.Name}: {broken}" : "1 run passed");
        return verdict.Broken is null ? 0 : 1;
    }

    /// <summary>The same world again, with its history, unless that was kept already.</summary>
    private static void Report(HuntOptions options, Verdict verdict)
    {
        if (!verdict.History.IsKept)
            verdict = SimulatedWorld.Run(verdict.Seed, options.Profile, keepHistory: true);
        Console.WriteLine($"{Failed}seed {verdict.Seed} breaks {verdict.Broken?.ToString() ?? "nothing when it is run again: the simulation itself is not deterministic"}");
        Write(verdict.History.Around(verdict.Broken?.Names ?? [], LinesOfHistory));
        Console.WriteLine($"commit {Commit()}; again: dotnet run -c Release --project tests/Simulation -- --seed {verdict.Seed} --profile {options.Profile} --history");
    }

    private static void Write(IEnumerable<string> lines)
    {
        foreach (var line in lines)
            Console.WriteLine($"  {line}");
    }

    /// <summary>The SDK puts the commit behind the version.</summary>
    private static string Commit() =>
        typeof(Hunt).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion.Split('+') is [_, var commit] ? commit : "unknown";
}
