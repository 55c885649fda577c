using System.CommandLine;
using System.CommandLine.Help;
using Cli.Commands;

namespace Cli;

/// <summary>The whole command line.</summary>
internal static class WeirCommand
{
    public static async Task<int> RunAsync(IReadOnlyList<string> args, Surroundings surroundings, CancellationToken cancellation = default)
    {
        var globals = new Globals();
        var root = Build(globals, surroundings);
        // No response files: @ before a name is how a payload is read from a file.
        var parsed = root.Parse(args, new ParserConfiguration { ResponseFileTokenReplacer = null });
        if (parsed.Errors.Count > 0 && parsed.Action is not HelpAction)
        {
            using var wrong = new Run(parsed, surroundings, globals);
            return wrong.Fail(new UsageException($"{string.Join(" ", parsed.Errors.Select(error => error.Message).Distinct())} See {Path(parsed)} --help."));
        }
        return await parsed.InvokeAsync(new InvocationConfiguration { Output = surroundings.Out, Error = surroundings.Error, EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null }, cancellation);
    }

    private static Root Build(Globals globals, Surroundings surroundings)
    {
        var root = new Root(globals);
        var verbs = new Verbs(surroundings, globals);
        root.Add(JobCommands.Submit(verbs));
        root.Add(JobCommands.Get(verbs));
        root.Add(JobCommands.Watch(verbs));
        root.Add(JobCommands.List(verbs));
        root.Add(JobCommands.Cancel(verbs));
        root.Add(EventCommands.All(verbs));
        root.Add(DeadLetterCommands.All(verbs));
        root.Add(ReplayCommands.All(verbs));
        root.Add(BatchCommands.All(verbs));
        root.Add(ScheduleCommands.All(verbs));
        foreach (var one in LookCommands.All(verbs))
            root.Add(one);
        root.Add(ControlCommands.Controls(verbs));
        root.Add(DoctorCommand.Of(verbs));
        root.Add(CapacityCommand.Of(verbs));
        root.Add(LoadCommand.Of(verbs));
        foreach (var one in CompletionCommands.Of(verbs, root))
            root.Add(one);
        return root;
    }

    private static string Path(ParseResult parsed)
    {
        var names = new List<string>();
        for (var at = parsed.CommandResult; at is not null; at = at.Parent as System.CommandLine.Parsing.CommandResult)
            names.Insert(0, at.Command.Name);
        return string.Join(' ', names);
    }

    /// <summary>No RootCommand, which is called as its assembly is.</summary>
    private sealed class Root : Command
    {
        public Root(Globals globals) : base("weir", "Weir, from the command line: jobs, dead letters, batches, schedules, controls, capacity, load.")
        {
            Options.Add(new HelpOption { Recursive = true });
            Options.Add(new VersionOption());
            foreach (var option in globals.All)
                Options.Add(option);
        }
    }
}
