using System.CommandLine;

namespace Cli.Commands;

/// <summary>completion bash|zsh|pwsh prints what a shell has to run; complete answers the shell.</summary>
internal static class CompletionCommands
{
    public static IEnumerable<Command> Of(Verbs verbs, Command root)
    {
        var shell = new Argument<string>("shell") { Description = "bash, zsh or pwsh." };
        shell.AcceptOnlyFromAmong("bash", "zsh", "pwsh");
        yield return verbs.Of("completion", "Prints the shell's part of completion, such as: source <(weir completion bash)", [shell], (run, _) =>
        {
            run.Screen.Raw(Scripts[run.Get(shell)]);
            return Task.FromResult(ExitCode.Ok);
        });

        var position = new Option<int?>("--position") { Description = "Of the cursor in the line." };
        var line = new Argument<string>("line") { Description = "What has been typed." };
        var complete = verbs.Of("complete", "Answers a shell.", [position, line], (run, _) =>
        {
            var text = run.Get(line);
            var at = Math.Clamp(run.Get(position) ?? text.Length, 0, text.Length);
            // The line begins with the command's own name, which is no argument of it.
            var rest = text.IndexOf(' ', StringComparison.Ordinal) is >= 0 and var space ? space + 1 : text.Length;
            foreach (var item in root.Parse(text[Math.Min(rest, at)..at]).GetCompletions(Math.Max(0, at - rest)))
                run.Screen.Raw(item.Label + "\n");
            return Task.FromResult(ExitCode.Ok);
        });
        complete.Hidden = true;
        yield return complete;
    }

    private static readonly Dictionary<string, string> Scripts = new(StringComparer.Ordinal)
    {
        ["bash"] = """
            _weir() {
              local IFS=$'\n'
              COMPREPLY=($(weir complete --position "$COMP_POINT" -- "$COMP_LINE" 2>/dev/null))
            }
            complete -F _weir weir

            """,
        ["zsh"] = """
            _weir() {
              local -a items
              items=("${(@f)$(weir complete --position "$CURSOR" -- "$BUFFER" 2>/dev/null)}")
              compadd -a items
            }
            compdef _weir weir

            """,
        ["pwsh"] = """
            Register-ArgumentCompleter -Native -CommandName weir -ScriptBlock {
              param($word, $tree, $position)
              weir complete --position $position -- "$tree" 2>$null | ForEach-Object { [System.Management.Automation.CompletionResult]::new($_) }
            }

            """,
    };
}
