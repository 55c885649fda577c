using System.Text.Json;

namespace Cli.Tests;

/// <summary>What a command printed, and its exit code.</summary>
internal sealed record CommandRun(int ExitCode, string Out, string Error)
{
    /// <summary>Longer than the longest load that a test is asked for.</summary>
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(15);

    /// <summary>The one document on the standard output; fails when there is another.</summary>
    public JsonElement Json => JsonElement.Parse(Out);

    public static Task<CommandRun> OfAsync(params string[] args) => OfAsync(args, new Dictionary<string, string>(), "");

    public static async Task<CommandRun> OfAsync(string[] args, IReadOnlyDictionary<string, string> variables, string input, CancellationToken cancellation = default)
    {
        using StringWriter output = new(), error = new();
        var surroundings = new Surroundings(new StringReader(input), output, error, variables.GetValueOrDefault, TimeProvider.System, new Random(1), IsTerminal: false);
        var code = await WeirCommand.RunAsync(args, surroundings, cancellation).WaitAsync(Limit, CancellationToken.None);
        return new CommandRun(code, output.ToString(), error.ToString());
    }

    public CommandRun Expect(int exitCode)
    {
        Assert.True(ExitCode == exitCode, $"Expected exit code {exitCode}, got {ExitCode}.\n{Out}\n{Error}");
        return this;
    }
}
