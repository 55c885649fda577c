using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Reflection;
using System.Text;

namespace BlackBox.Tests;

/// <summary>
/// The product as its users run it: a process, reached over HTTP only. Ready when it says so on its standard output; killed with SIGKILL or
/// stopped with SIGTERM.
/// </summary>
internal sealed class WeirProcess : IAsyncDisposable
{
    private static readonly TimeSpan StartLimit = TimeSpan.FromSeconds(180); // with shards four processes start at once; one that ends instead is told at once
    private static readonly TimeSpan StopLimit = TimeSpan.FromSeconds(60);

    /// <summary>The app as it is built.</summary>
    public static readonly string Functions =
        typeof(WeirProcess).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(one => one.Key == "Functions").Value!;

    // Runs of this suite that go on side by side begin at different places.
    private static int lastPort = Environment.ProcessId * 37 % 10_000;

    private readonly Process process;
    private readonly StringBuilder output;

    /// <summary>Of a front, the shards behind it: what happens to it happens to all of them.</summary>
    private readonly IReadOnlyList<WeirProcess> behind;

    private bool isDisposed;

    private WeirProcess(Process process, StringBuilder output, int port, IReadOnlyList<WeirProcess> behind)
    {
        this.process = process;
        this.output = output;
        this.behind = behind;
        Port = port;
        Http = new HttpClient(behind.Count > 0 ? new ShardProcesses.NoAnswer() : new SocketsHttpHandler()) { BaseAddress = new Uri($"http://127.0.0.1:{port}/"), Timeout = TimeSpan.FromSeconds(100) };
    }

    public HttpClient Http { get; }

    /// <summary>What it has printed so far.</summary>
    public string Output
    {
        get
        {
            lock (output)
                return output.ToString() + string.Concat(behind.Select(shard => shard.Output));
        }
    }

    public int ProcessId => process.Id;

    /// <summary>Whether the instance of this id, which holds its process's, is this app, or one of the shards behind it.</summary>
    public bool IsInstance(string id) => All.Any(one => id.Contains($"-{one.ProcessId}-", StringComparison.Ordinal));

    private IEnumerable<WeirProcess> All => [this, .. behind];

    public int Port { get; }

    public static Task<WeirProcess> StartAsync(DataFolder data, params (string Name, string Value)[] settings) => StartAsync(Functions, data.Path, settings);

    /// <param name="app">Functions.dll, or a copy of it that stands beside other settings.</param>
    /// <param name="data">The data directory, whatever is there.</param>
    /// <param name="settings">As environment variables.</param>
    public static Task<WeirProcess> StartAsync(string app, string data, params (string Name, string Value)[] settings) =>
        ShardProcesses.Wanted is { } shards ? ShardProcesses.StartAsync(shards, app, data, settings) : StartOneAsync(app, data, FreePort(), [], settings);

    /// <inheritdoc cref="StartAsync(string, string, ValueTuple{string, string}[])"/>
    public static async Task<WeirProcess> StartOneAsync(string app, string data, int port, IReadOnlyList<WeirProcess> behind, params (string Name, string Value)[] settings)
    {
        var start = new ProcessStartInfo("dotnet", [app, "--port", $"{port}", "--data", data])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = Path.GetDirectoryName(app),
        };
        foreach (var (name, value) in settings.Prepend(("Weir__Lease", "00:00:03")))
            start.Environment[name] = value;

        var output = new StringBuilder();
        var ready = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var process = new Process { StartInfo = start, EnableRaisingEvents = true };
        void Keep(string? line)
        {
            lock (output)
                output.AppendLine(line);
            if (line?.Contains("Weir runs at", StringComparison.Ordinal) == true)
                ready.TrySetResult();
        }
        process.OutputDataReceived += (_, data) => Keep(data.Data);
        process.ErrorDataReceived += (_, data) => Keep(data.Data);
        process.Exited += (_, _) =>
        {
            if (ready.Task.IsCompleted)
                return;
            process.WaitForExit(); // until its last words have come through
            ready.TrySetException(new EndedEarlyException($"Weir ended before it was ready:\n{output}"));
        };
        process.Start();
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();

        var started = new WeirProcess(process, output, port, behind);
        try
        {
            await ready.Task.WaitAsync(StartLimit);
            return started;
        }
        catch
        {
            await started.DisposeAsync();
            throw;
        }
    }

    /// <summary>kill -9</summary>
    public async Task KillAsync()
    {
        foreach (var one in All)
            one.process.Kill();
        foreach (var one in All)
            await one.process.WaitForExitAsync().WaitAsync(StopLimit);
    }

    /// <summary>It ended by itself. Of a front and its shards: one of them did, and then all.</summary>
    public async Task ExitedAsync()
    {
        await Task.WhenAny(All.Select(one => one.process.WaitForExitAsync())).WaitAsync(StopLimit);
        await KillAsync();
    }

    /// <summary>SIGTERM, as a deployment or a scale-in sends it.</summary>
    public async Task StopAsync()
    {
        await SignalAsync("TERM");
        foreach (var one in All)
            await one.process.WaitForExitAsync().WaitAsync(StopLimit);
    }

    /// <summary>STOP freezes it, as a paused virtual machine is; CONT lets it go on.</summary>
    public async Task SignalAsync(string signal)
    {
        using var kill = Process.Start("kill", [$"-{signal}", .. All.Select(one => $"{one.process.Id}")]);
        await kill.WaitForExitAsync().WaitAsync(StopLimit);
    }

    public async ValueTask DisposeAsync()
    {
        if (isDisposed)
            return; // a front that could not start takes its shards with it, and so does who started them
        isDisposed = true;
        if (!process.HasExited)
            process.Kill();
        await process.WaitForExitAsync().WaitAsync(StopLimit);
        foreach (var shard in behind)
            await shard.DisposeAsync();
        Http.Dispose();
        process.Dispose();
    }

    /// <summary>Below the range from which the system takes ports for outgoing connections, which could come first between our look and the start.</summary>
    internal static int FreePort()
    {
        for (var tries = 0; tries < 1_000; tries++)
        {
            var port = 20_000 + Interlocked.Increment(ref lastPort) % 10_000;
            try
            {
                using var listener = new TcpListener(IPAddress.Loopback, port);
                listener.Start();
                return port;
            }
            catch (SocketException)
            {
                // Somebody else's: the next one.
            }
        }
        throw new InvalidOperationException("No port from 20000 to 29999 is free.");
    }
}

/// <summary>A process ended before it was ready.</summary>
internal sealed class EndedEarlyException(string message) : InvalidOperationException(message);
