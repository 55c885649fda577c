using System.Diagnostics;
using System.Globalization;
using System.Reflection;

namespace Azurite;

/// <summary>
/// Azurite 3.35.0, installed by npm beside this file at the first run and started once for all tests that share the fixture.
/// Without Node 20 its tests are skipped, but not in CI: there they fail.
/// </summary>
public sealed class AzuriteServer : IAsyncLifetime
{
    /// <summary>Azurite's own account and key, the same everywhere: https://learn.microsoft.com/azure/storage/common/storage-connect-azurite.</summary>
    public const string Account = "devstoreaccount1";
    public const string Key = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

    private static readonly string Folder =
        typeof(AzuriteServer).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(one => one.Key == "Azurite").Value!;
    private static readonly TimeSpan InstallLimit = TimeSpan.FromMinutes(5);
    private static readonly TimeSpan StartLimit = TimeSpan.FromSeconds(30);

    private Process? process;
    private string? whyNot;
    private int port;

    public Uri Endpoint
    {
        get
        {
            Require();
            return new Uri($"http://127.0.0.1:{port}/{Account}");
        }
    }

    public string ConnectionString => $"DefaultEndpointsProtocol=http;AccountName={Account};AccountKey={Key};TableEndpoint={Endpoint};";

    /// <summary>Where it keeps its data, so that it has them again after <see cref="StopAsync"/> and <see cref="StartAsync"/>; in memory if null.</summary>
    public string? Location { private get; init; }

    public async ValueTask InitializeAsync()
    {
        whyNot = await WhyNoNodeAsync() ?? await InstallAsync();
        if (whyNot is null)
            await StartAsync();
    }

    /// <summary>It answers no more, writes what it has to its location, and ends.</summary>
    public async Task StopAsync()
    {
        Require();
        using var kill = Start("kill", "-TERM", $"{process!.Id}");
        await process.WaitForExitAsync().WaitAsync(StartLimit);
    }

    /// <summary>Once more, on the same port.</summary>
    public async Task StartAsync()
    {
        process = Start("node", ["serve.mjs", $"{port}", .. Location is null ? Array.Empty<string>() : [Location]]);
        using var limit = new CancellationTokenSource(StartLimit);
        while (await process.StandardOutput.ReadLineAsync(limit.Token) is { } line)
        {
            if (!line.StartsWith("PORT ", StringComparison.Ordinal))
                continue;
            port = int.Parse(line.AsSpan(5), CultureInfo.InvariantCulture);
            return;
        }
        whyNot = $"Azurite did not start: {await process.StandardError.ReadToEndAsync(limit.Token)}";
    }

    public async ValueTask DisposeAsync()
    {
        if (process is null)
            return;
        process.Kill(entireProcessTree: true);
        await process.WaitForExitAsync();
        process.Dispose();
    }

    /// <summary>Runs one of the folder's scripts and returns its lines.</summary>
    public async Task<string[]> RunAsync(string script, params string[] arguments)
    {
        Require();
        var (exitCode, output, errors) = await RunToEndAsync("node", [script, .. arguments], StartLimit);
        return exitCode == 0 ? output.Split('\n', StringSplitOptions.RemoveEmptyEntries) : throw new InvalidOperationException($"{script} failed: {errors}");
    }

    private void Require()
    {
        if (whyNot is null)
            return;
        if (Environment.GetEnvironmentVariable("CI") == "true")
            Assert.Fail(whyNot);
        Assert.Skip(whyNot);
    }

    private static async Task<string?> WhyNoNodeAsync()
    {
        const string advice = "Azurite needs Node: install Node 20 or newer to run these tests.";
        try
        {
            var (_, output, _) = await RunToEndAsync("node", ["--version"], StartLimit);
            var major = int.Parse(output.TrimStart('v').Split('.')[0], CultureInfo.InvariantCulture);
            return major >= 20 ? null : $"{advice} Found {output.Trim()}.";
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return advice;
        }
    }

    /// <summary>
    /// Installs what the lock file names, once: a copy of the lock beside node_modules tells for which lock that is done. Only one
    /// process at a time, guarded by a lock that the operating system lets go of however the process ends.
    /// </summary>
    private static async Task<string?> InstallAsync()
    {
        var wanted = await File.ReadAllTextAsync(Path.Combine(Folder, "package-lock.json"));
        var done = Path.Combine(Folder, "node_modules", ".installed-lock.json");
        await using var guard = await GuardAsync();
        if (File.Exists(done) && await File.ReadAllTextAsync(done) == wanted)
            return null;

        var npm = OperatingSystem.IsWindows() ? "npm.cmd" : "npm";
        var (exitCode, _, errors) = await RunToEndAsync(npm, ["ci", "--ignore-scripts"], InstallLimit);
        if (exitCode != 0)
            return $"npm ci could not install Azurite: {errors}";
        await File.WriteAllTextAsync(done, wanted);
        return null;
    }

    private static async Task<FileStream> GuardAsync()
    {
        var waited = Stopwatch.StartNew();
        while (true)
        {
            try
            {
                return new FileStream(Path.Combine(Folder, "install.guard"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            }
            catch (IOException) when (waited.Elapsed < InstallLimit)
            {
                await Task.Delay(TimeSpan.FromMilliseconds(200));
            }
        }
    }

    private static async Task<(int ExitCode, string Output, string Errors)> RunToEndAsync(string program, string[] arguments, TimeSpan patience)
    {
        using var started = Start(program, arguments);
        started.StandardInput.Close();
        using var limit = new CancellationTokenSource(patience);
        try
        {
            var output = started.StandardOutput.ReadToEndAsync(limit.Token);
            var errors = started.StandardError.ReadToEndAsync(limit.Token);
            await started.WaitForExitAsync(limit.Token);
            return (started.ExitCode, await output, await errors);
        }
        catch (OperationCanceledException)
        {
            started.Kill(entireProcessTree: true);
            throw new TimeoutException($"{program} {string.Join(' ', arguments)} did not end within {patience}.");
        }
    }

    private static Process Start(string program, params string[] arguments) => Process.Start(new ProcessStartInfo(program, arguments)
    {
        WorkingDirectory = Folder,
        RedirectStandardInput = true,
        RedirectStandardOutput = true,
        RedirectStandardError = true,
    })!;
}
