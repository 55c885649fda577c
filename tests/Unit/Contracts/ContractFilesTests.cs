using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using Jobs;
using Weir;
using Weir.Catalog;

namespace Unit.Tests.Contracts;

/// <summary>
/// The folder contracts/ holds the schema of each job type in each version that is served, so that a change of a contract shows in a review, and one
/// that breaks clients does not pass. <c>WEIR_WRITE_CONTRACTS=1 dotnet test --project tests/Unit --filter-class "*.ContractFilesTests"</c> writes what is
/// new and what breaks nothing.
/// </summary>
public sealed class ContractFilesTests
{
    private const string Switch = "WEIR_WRITE_CONTRACTS";
    private const string Command = $"{Switch}=1 dotnet test --project tests/Unit --filter-class \"*.{nameof(ContractFilesTests)}\"";

    private static readonly JsonSerializerOptions Readable = new() { WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private static readonly string Folder = Path.Combine(Root(), "contracts");

    private static readonly IReadOnlyList<(string File, JobType Type, JsonObject Schema)> Generated =
    [
        .. from type in new JobCatalog(typeof(JobsServices).Assembly.GetTypes().Where(type => type.IsDefined(typeof(JobAttribute), inherit: false))).Types
           from version in type.Versions
           select ($"{type.Name}.v{version}.json", type, type.Schema(version)),
    ];

    [Fact]
    public void Each_contract_is_committed_as_it_is_and_no_change_of_it_breaks_a_client()
    {
        Directory.CreateDirectory(Folder);
        var writes = Environment.GetEnvironmentVariable(Switch) == "1";
        var wrong = Generated.Select(one => WrongWith(one.File, one.Type, one.Schema, writes)).OfType<string>().ToArray();
        Assert.True(wrong.Length == 0, string.Join("\n\n", wrong));
    }

    [Fact]
    public void No_file_is_left_of_a_version_that_is_not_served_any_more()
    {
        var stray = Directory.GetFiles(Folder).Select(file => Path.GetFileName(file)!).Except(Generated.Select(one => one.File)).ToArray();
        Assert.True(stray.Length == 0,
            $"contracts/ has {string.Join(", ", stray)}, but this build serves no such version: every client that still sends it is refused with versionTooOld, and jobs that wait in it become "
            + "dead letters. Bring the record back with [ContractVersion(n)] and an IUpcast; or, when nobody sends it any more, delete the file.");
    }

    private static string? WrongWith(string file, JobType type, JsonObject schema, bool writes)
    {
        var path = Path.Combine(Folder, file);
        var committed = File.Exists(path) ? JsonNode.Parse(File.ReadAllText(path)) : null;
        if (JsonNode.DeepEquals(committed, schema))
            return null;
        if (committed is not null && BreakingChange.Between(committed, schema) is { Count: > 0 } breaks)
            return BreakingSentence(file, type, breaks);
        if (!writes)
            return $"contracts/{file} {(committed is null ? "is missing" : "is not what the contract says; nothing in the change breaks a client")}. Run: {Command}";

        File.WriteAllText(path, schema.ToJsonString(Readable) + "\n");
        return null;
    }

    private static string BreakingSentence(string file, JobType type, IReadOnlyList<string> breaks) =>
        $"The contract of '{type.Name}' has changed against contracts/{file} in a way that breaks those who use it:\n  "
        + string.Join("\n  ", breaks)
        + $"\nGive it a new version: [Job(\"{type.Name}\", Version = {type.Version + 1})], keep the old record with [ContractVersion({type.Version})], and write an IUpcast from it "
        + "(docs/writing-a-job.md, \"Contracts and versions\").";

    private static string Root()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "Functions.sln")))
            folder = folder.Parent;
        return folder?.FullName ?? throw new DirectoryNotFoundException("Functions.sln is in none of the folders above the tests.");
    }
}
