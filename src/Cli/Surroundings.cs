namespace Cli;

/// <summary>What a command has of the process that it runs in; a test gives it others.</summary>
/// <param name="In">Payloads that are given as "-".</param>
/// <param name="Out">The answer: a table, or one JSON document.</param>
/// <param name="Error">What went wrong, and progress.</param>
/// <param name="Variable">An environment variable.</param>
/// <param name="IsTerminal">Somebody looks at it: colours, live progress, the width of the window.</param>
internal sealed record Surroundings(TextReader In, TextWriter Out, TextWriter Error, Func<string, string?> Variable, TimeProvider Clock, Random Chance, bool IsTerminal)
{
    public static Surroundings OfProcess() =>
        new(Console.In, Console.Out, Console.Error, Environment.GetEnvironmentVariable, TimeProvider.System, new Random(), !Console.IsOutputRedirected && !Console.IsErrorRedirected);
}
