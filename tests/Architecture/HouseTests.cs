using System.Text.RegularExpressions;

namespace Architecture.Tests;

/// <summary>What keeps the house tidy: where things are, what they are called, and what may not lie about.</summary>
public sealed class HouseTests(ITestOutputHelper output)
{
    /// <summary>
    /// A ratchet: by how many lines of code src/AzureLocal may exceed the rest of src/. The aim is 0, AzureLocal being the smaller
    /// half. It only ever goes down.
    /// </summary>
    private const int AzureLocalMayExceedTheRestBy = 3_300;

    private static readonly string[] MachinePaths = [$"/{"work"}/", $"/{"root"}/", $"api.{"nuget"}.org"];

    [Fact]
    public void Every_project_folder_says_what_it_is_for()
    {
        var missing =
            from project in Repository.Projects
            let file = $"{project.Folder}/README.md"
            where !File.Exists(Repository.Full(file))
            select $"  {file}";

        Expect.None(missing, "Write these (what it is for, its main types, how to test it):");
    }

    [Fact]
    public void Nothing_is_named_for_being_of_use_to_others()
    {
        var vague = new Regex("(?i:helper|manager|common)|[Uu]til(s|ity|ities)?(?![a-z])");
        var wrong = Repository.Files("").Where(file => vague.IsMatch(file)).Select(file => $"  {file}");
        Expect.None(wrong, "A name says what a thing does; these say only that it is useful:");
    }

    [Fact]
    public void The_solution_names_every_project_and_no_other()
    {
        var named = Regex.Matches(File.ReadAllText(Repository.Full("Functions.sln")), "\"([^\"]+\\.csproj)\"")
            .Select(match => match.Groups[1].Value.Replace('\\', '/'))
            .ToArray();
        var files = Repository.Projects.Select(project => project.File).ToArray();
        Expect.None(files.Except(named), "Add these with dotnet sln add:");
        Expect.None(named.Except(files), "Remove these with dotnet sln remove:");
    }

    [Fact]
    public void AzureLocal_does_not_outgrow_the_rest()
    {
        var lines = Repository.Files(".cs", "src")
            .ToLookup(file => file.StartsWith("src/AzureLocal/", StringComparison.Ordinal), file => SourceText.CodeLines(file).Count());
        var (azureLocal, rest) = (lines[true].Sum(), lines[false].Sum());
        var figures = $"Lines of code: src/AzureLocal {azureLocal}, the rest of src {rest}.";
        output.WriteLine(figures);
        Assert.True(azureLocal - rest <= AzureLocalMayExceedTheRestBy,
            $"{figures} That is {azureLocal - rest} more, and at most {AzureLocalMayExceedTheRestBy} are allowed.");
    }

    [Fact]
    public void No_tracked_file_knows_a_machine_or_a_registry()
    {
        var files = Repository.TrackedFiles();
        Assert.SkipWhen(files is null, "Not a git checkout.");

        var wrong =
            from file in files
            where File.Exists(Repository.Full(file)) // tracked, and deleted in the work tree
            from line in File.ReadLines(Repository.Full(file)).Index()
            where MachinePaths.Any(line.Item.Contains) || (IsLockFile(file) && line.Item.Contains("\"resolved\": \"http"))
            select $"  {file}:{line.Index + 1}: {line.Item.Trim()[..Math.Min(line.Item.Trim().Length, 120)]}";

        Expect.None(wrong, "Machine paths and registry hosts (npm's omit-lockfile-registry-resolved keeps hosts out of a lock file):");
    }

    [Fact]
    public void No_test_is_switched_off()
    {
        var wrong =
            from file in Repository.Files(".cs", "tests")
            from line in SourceText.CodeLines(file)
            where Regex.IsMatch(line.Text, @"\bSkip\s*=")
            select $"  {file}:{line.Number}";

        Expect.None(wrong, "A test that does not run proves nothing: mend it or delete it.");
    }

    private static bool IsLockFile(string file) => Path.GetFileName(file) is "package-lock.json" or "npm-shrinkwrap.json";
}
