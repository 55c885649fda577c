using System.Globalization;
using Simulation.Faults;

namespace Simulation.Hunting;

/// <summary>What to hunt, from the command line.</summary>
/// <param name="From">The first seed.</param>
/// <param name="Seeds">How many.</param>
/// <param name="Minutes">When to stop even so.</param>
/// <param name="Profile">How much goes wrong.</param>
/// <param name="Replay">Show the whole history of the one seed.</param>
/// <param name="Hashes">Print the hash of each history: two runs must agree.</param>
/// <param name="Exhaustive">The scenarios instead of seeds: a strike after each effect.</param>
internal sealed record HuntOptions(int From, int Seeds, double Minutes, Profile Profile, bool Replay, bool Hashes, bool Exhaustive)
{
    /// <summary>How many processes share the seeds, each with a core to itself.</summary>
    public int Processes { get; init; } = 1;

    /// <summary>Stop at the first failure.</summary>
    public bool First { get; init; }

    /// <summary>What an idle hour costs, instead of a hunt.</summary>
    public bool Idle { get; init; }

    /// <summary>Only this scenario.</summary>
    public string? Scenario { get; init; }

    /// <summary>Of the freezes one in so many, another one each day.</summary>
    public int FreezeEach { get; init; } = 1;

    /// <summary>Only the strike after this effect of it, with its history.</summary>
    public (int Effect, Blow Blow)? Strike { get; init; }

    /// <summary>Deliberate bugs in src/Weir, which the simulation has to find.</summary>
    public bool Mutants { get; init; }

    /// <summary>Only the bugs with this in their name.</summary>
    public string? Only { get; init; }

    public const string Usage = """
        dotnet run -c Release --project tests/Simulation -- [options]
          --seed N        one world, with its history when it fails (--history: whatever happens)
          --seeds N       many; exit code 1 and the failing ones on the last line, else their count
          --from S        the first of them (default 1)
          --processes P   shared among so many processes, as many as there are cores
          --minutes M     stop after that long
          --profile P     mixed (default), calm, light, rough, storm
          --hashes        print the hash of each history
          --exhaustive    every scenario with a kill, a lost answer and a freeze after each of its effects
          --scenario NAME only this one
          --freeze-each N  a freeze after each N-th effect only, after others each day
          --strike N:BLOW  only the strike after its N-th effect (Kill, LoseAnswer or Freeze), with its history
          --idle          count what an app does in an hour without jobs
          --first         stop at the first failure
          --mutants       put one deliberate bug after the other into src/Weir: the simulation has to find each (--only "TEXT|TEXT": those with one of them in their name)
        Without any of them it runs this project's tests.
        """;

    public static bool IsAskedFor(string[] args) => args.Any(arg => arg is "--seed" or "--seeds" or "--exhaustive" or "--minutes" or "--mutants" or "--idle" or "--usage");

    /// <exception cref="FormatException">An argument is unknown or no number.</exception>
    public static HuntOptions Read(string[] args)
    {
        var options = new HuntOptions(From: 1, Seeds: 1, Minutes: double.MaxValue, Profile.Mixed, Replay: false, Hashes: false, Exhaustive: false);
        for (var i = 0; i < args.Length; i++)
        {
            options = args[i] switch
            {
                "--seed" => options with { From = Whole(args, ++i), Seeds = 1 },
                "--seeds" => options with { Seeds = Whole(args, ++i) },
                "--from" => options with { From = Whole(args, ++i) },
                "--processes" => options with { Processes = Whole(args, ++i) is > 0 and <= 64 and var processes ? processes : throw new FormatException($"'{args[i]}' processes are none, or too many; expected 1 to 64.") },
                "--minutes" => options with { Minutes = Whole(args, ++i), Seeds = options.Seeds == 1 ? int.MaxValue : options.Seeds },
                "--profile" => options with { Profile = Enum.TryParse<Profile>(Value(args, ++i), ignoreCase: true, out var profile) ? profile : throw new FormatException($"'{args[i]}' is no profile.") },
                "--history" => options with { Replay = true },
                "--hashes" => options with { Hashes = true },
                "--exhaustive" => options with { Exhaustive = true },
                "--idle" => options with { Idle = true },
                "--scenario" => options with { Scenario = Value(args, ++i) },
                "--freeze-each" => options with { FreezeEach = Math.Max(1, Whole(args, ++i)) },
                "--strike" => options with { Strike = StrikeOf(Value(args, ++i)) },
                "--first" => options with { First = true },
                "--mutants" => options with { Mutants = true },
                "--only" => options with { Only = Value(args, ++i) },
                var other => throw new FormatException($"'{other}' is no argument."),
            };
        }
        return options;
    }

    private static (int, Blow) StrikeOf(string text) =>
        text.Split(':') is [var effect, var blow] && int.TryParse(effect, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && Enum.TryParse<Blow>(blow, ignoreCase: true, out var known)
            ? (number, known)
            : throw new FormatException($"'{text}' is no strike; expected a number and a blow, such as 27:Freeze.");

    private static string Value(string[] args, int index) => index < args.Length ? args[index] : throw new FormatException($"{args[index - 1]} needs a value.");

    private static int Whole(string[] args, int index) =>
        int.TryParse(Value(args, index), NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : throw new FormatException($"'{args[index]}' is no whole number.");
}
