using System.Globalization;

namespace Bench;

/// <summary>What was asked for on the command line.</summary>
/// <param name="Parts">Which parts of the plan.</param>
/// <param name="Json">Where the figures go, or null.</param>
/// <param name="Peers">The peers' results.json, for ratios, or null.</param>
/// <param name="Beside">The directory of the peers' benchmark, which is then run between Weir's runs, or null.</param>
/// <param name="Data">Where the runs keep their data, on the disk that is measured.</param>
/// <param name="Runs">How often each measure is made.</param>
internal sealed record Command(string[] Parts, string? Json, string? Peers, string? Beside, string Data, int Runs)
{
    public const string Usage = """
        dotnet run -c Release --project bench -- all|submit|drain|latency|retries|operations|growth|start|floor[,…]
            [--json FILE] [--peers results.json | --beside PEERS] [--data DIRECTORY] [--runs 3]
        """;

    public static Command? Parse(string[] args, out string? wrong)
    {
        wrong = Usage;
        var command = new Command([], null, null, null, Path.Combine(Directory.GetCurrentDirectory(), ".bench"), 3);
        for (var i = 0; i < args.Length; i++)
        {
            if (!args[i].StartsWith("--", StringComparison.Ordinal) && command.Parts.Length == 0)
                command = command with { Parts = args[i].Split(',') };
            else if (i + 1 < args.Length && With(command, args[i], args[++i]) is { } next)
                command = next;
            else
                return null;
        }
        return command.Parts.Length > 0 && command.Parts.All(Plan.Parts.Contains) ? command : null;
    }

    public bool Asks(Row row) => Parts.Contains("all") || Parts.Contains(row.Part);

    private static Command? With(Command command, string option, string value) => option switch
    {
        "--json" => command with { Json = value },
        "--peers" => command with { Peers = value },
        "--beside" when File.Exists(Path.Combine(value, "run.sh")) => command with { Beside = Path.GetFullPath(value) },
        "--data" => command with { Data = Path.GetFullPath(value) },
        "--runs" when int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var runs) && runs is >= 1 and <= 100 => command with { Runs = runs },
        _ => null,
    };
}
