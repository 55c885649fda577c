using System.CommandLine;

namespace Cli;

/// <summary>Options that every command has.</summary>
internal sealed class Globals
{
    /// <summary>What dotnet run --project src/Functions listens on.</summary>
    public const string LocalServer = "http://localhost:7071";

    public Option<string?> Server { get; } = new("--server", "-s") { Description = $"The server's address; WEIR_SERVER, else {LocalServer}.", HelpName = "URL", Recursive = true };

    public Option<string?> Key { get; } = new("--key") { Description = "An API key; better in WEIR_KEY, since others on this machine can read command lines.", HelpName = "KEY", Recursive = true };

    public Option<string?> Tenant { get; } = new("--tenant") { Description = "For which tenant, if the key is for all; WEIR_TENANT.", HelpName = "NAME", Recursive = true };

    public Option<bool> Json { get; } = new("--json") { Description = "One JSON document in place of tables.", Recursive = true };

    public IEnumerable<Option> All => [Server, Key, Tenant, Json];
}
