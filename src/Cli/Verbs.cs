using System.CommandLine;
using System.Text.Json;

namespace Cli;

/// <summary>Makes commands whose failures all end the same way: said on the stream of errors (or as JSON), and told by the exit code.</summary>
internal sealed class Verbs(Surroundings surroundings, Globals globals)
{
    public Surroundings Surroundings => surroundings;

    public Command Of(string name, string description, IEnumerable<Symbol> symbols, Func<Run, CancellationToken, Task<int>> body)
    {
        var command = new Command(name, description);
        foreach (var symbol in symbols)
        {
            if (symbol is Argument argument)
                command.Arguments.Add(argument);
            else
                command.Options.Add((Option)symbol);
        }
        command.SetAction(async (parsed, cancellation) =>
        {
            using var run = new Run(parsed, surroundings, globals);
            try
            {
                return await body(run, cancellation);
            }
            catch (Exception failure) when (failure is UsageException or NotReachableException or RefusedException || (failure is OperationCanceledException && cancellation.IsCancellationRequested))
            {
                return run.Fail(failure);
            }
            catch (JsonException strange)
            {
                return run.Fail(new NotReachableException($"The server's answer is not as expected: {strange.Message}", strange));
            }
        });
        return command;
    }

    public static Command Group(string name, string description, params Command[] commands)
    {
        var group = new Command(name, description);
        foreach (var command in commands)
            group.Subcommands.Add(command);
        return group;
    }

    public static Argument<string> Id(string description = "The job's id.") => new("id") { Description = description };

    public static Option<string?> Text(string name, string description, string helpName = "TEXT") => new(name) { Description = description, HelpName = helpName };

    public static Option<int?> Whole(string name, string description) => new(name) { Description = description, HelpName = "N" };

    public static Option<bool> Flag(string name, string description) => new(name) { Description = description };

    public static Option<string?> Choice(string name, string description, params string[] values)
    {
        var option = Text(name, $"{description}: {string.Join(", ", values)}.", "NAME");
        option.AcceptOnlyFromAmong(values);
        return option;
    }
}
