namespace Cli;

/// <summary>What a script can tell from <c>$?</c>; part of the contract (docs/cli.md): add, never change.</summary>
internal static class ExitCode
{
    public const int Ok = 0;

    /// <summary>The server refused, or the job that was waited for did not succeed.</summary>
    public const int Failed = 1;

    /// <summary>The command line makes no sense, or a file that it names cannot be read.</summary>
    public const int Usage = 2;

    /// <summary>No server answered, or it was no Weir.</summary>
    public const int NotReachable = 3;

    public const int NotFound = 4;

    /// <summary>401 or 403.</summary>
    public const int NotAllowed = 5;

    /// <summary>429 or 503: the same command may succeed later.</summary>
    public const int TryLater = 6;

    /// <summary>What was waited for had not come when the time was over.</summary>
    public const int NotYet = 7;

    /// <summary>Ctrl+C, as shells have it.</summary>
    public const int Interrupted = 130;
}
