namespace Simulation.Mutants;

/// <summary>A deliberate bug: what to find in one file of src/Weir, and what to put in its place.</summary>
/// <param name="Name">Names the bug.</param>
/// <param name="Breaks">The promise that it breaks.</param>
/// <param name="File">Below src/Weir.</param>
/// <param name="Find">Occurs there exactly once.</param>
/// <param name="Replace">Takes its place, and compiles.</param>
internal sealed record Mutant(string Name, string Breaks, string File, string Find, string Replace)
{
    /// <summary>It must be found within so many seeds of the default profile, from 1 on.</summary>
    public int Seeds { get; init; } = 60;

    /// <summary>Instead of seeds: the scenario that must find it, with a kill and a lost answer after each of its effects.</summary>
    public string? Scenario { get; init; }

    /// <summary>Instead of seeds of the default profile: seeds in which nothing goes wrong, so that more is known of how everything must end.</summary>
    public bool InCalm { get; init; }

    public string Hunt => Scenario is not null ? $"scenario '{Scenario}'" : $"{Seeds} seeds{(InCalm ? " of the calm profile" : "")}";

    public string[] Arguments => Scenario is not null ? ["--exhaustive", "--scenario", Scenario, "--first"]
        : InCalm ? ["--seeds", $"{Seeds}", "--profile", "calm", "--first"]
        : ["--seeds", $"{Seeds}", "--first"];

    /// <exception cref="InvalidDataException">The text is not there, or more than once.</exception>
    public string ApplyTo(string source)
    {
        var at = source.IndexOf(Find, StringComparison.Ordinal);
        if (at < 0 || source.IndexOf(Find, at + 1, StringComparison.Ordinal) >= 0)
            throw new InvalidDataException($"'{Name}': its text occurs {(at < 0 ? "nowhere" : "more than once")} in {File}.");
        return source.Replace(Find, Replace, StringComparison.Ordinal);
    }
}
