using System.Diagnostics;
using System.Reflection;

namespace Browser.Tests;

/// <summary>Node, npm and Chromium. Without them the tests that need them are skipped, but not in CI: there they fail.</summary>
internal static class NodeTools
{
    private static readonly TimeSpan InstallLimit = TimeSpan.FromMinutes(5);
    private static readonly string[] Browsers = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
    private static readonly Lazy<Task<string?>> Installed = new(InstallBrowserToolsAsync);

    public static string Folder { get; } = Metadata("Browser");

    public static string Vendor { get; } = Metadata("Vendor");

    public static string? Chromium { get; } = Environment.GetEnvironmentVariable("WEIR_CHROMIUM") ?? Find(Browsers);

    /// <summary>Returns only when there is everything that drives a browser.</summary>
    public static async Task RequireBrowserAsync()
    {
        await RequireNodeAsync();
        Require(Chromium is null ? "The dashboard's tests need Chromium: apt-get install chromium, or name it in WEIR_CHROMIUM." : await Installed.Value);
    }

    public static Task RequireNodeAsync()
    {
        Require(Find("node") is null || Find("npm") is null ? "The dashboard's tests need Node 20 or newer, with npm." : null);
        return Task.CompletedTask;
    }

    /// <summary>What a program prints; fails when it fails, with what it said.</summary>
    public static async Task<string> RunAsync(string folder, TimeSpan limit, string program, params string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments) { WorkingDirectory = folder, RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment["PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD"] = "1";
        using var process = Process.Start(start)!;
        var (output, errors) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        try
        {
            await process.WaitForExitAsync().WaitAsync(limit);
        }
        catch (TimeoutException)
        {
            process.Kill(entireProcessTree: true);
            Assert.Fail($"{program} {string.Join(' ', arguments)} had not ended after {limit}.");
        }
        Assert.True(process.ExitCode == 0, $"{program} {string.Join(' ', arguments)} ended with {process.ExitCode}:\n{await output}\n{await errors}");
        return await output;
    }

    private static void Require(string? whyNot)
    {
        if (whyNot is null)
            return;
        if (Environment.GetEnvironmentVariable("CI") == "true")
            Assert.Fail(whyNot);
        Assert.Skip(whyNot);
    }

    /// <summary>Once for each lock: a copy of it beside node_modules tells for which that is done.</summary>
    private static async Task<string?> InstallBrowserToolsAsync()
    {
        var wanted = await File.ReadAllTextAsync(Path.Combine(Folder, "package-lock.json"));
        var done = Path.Combine(Folder, "node_modules", ".installed-lock.json");
        if (File.Exists(done) && await File.ReadAllTextAsync(done) == wanted)
            return null;
        await RunAsync(Folder, InstallLimit, "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund");
        await File.WriteAllTextAsync(done, wanted);
        return null;
    }

    private static string? Find(params string[] names) =>
        (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator).SelectMany(folder => names.Select(name => Path.Combine(folder, name))).FirstOrDefault(File.Exists);

    private static string Metadata(string key) => Path.GetFullPath(typeof(NodeTools).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(one => one.Key == key).Value!);
}
