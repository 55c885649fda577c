using System.Text.Json;

namespace Cli;

/// <summary>The command line makes no sense.</summary>
internal sealed class UsageException(string message) : Exception(message);

/// <summary>Nobody answered, or somebody who is no Weir.</summary>
internal sealed class NotReachableException(string message, Exception? inner = null) : Exception(message, inner);

/// <summary>The server answered with a problem.</summary>
internal sealed class RefusedException(int status, JsonElement problem, TimeSpan? retryAfter) : Exception($"{status}")
{
    public int Status => status;

    public JsonElement Problem => problem;

    public TimeSpan? RetryAfter => retryAfter;

    public string Code => problem.Text("code") ?? "unknown";

    public int ExitCode => status switch
    {
        401 or 403 => Cli.ExitCode.NotAllowed,
        404 => Cli.ExitCode.NotFound,
        422 when Code == "unknownType" => Cli.ExitCode.NotFound,
        429 or 503 => Cli.ExitCode.TryLater,
        _ => Cli.ExitCode.Failed,
    };
}
