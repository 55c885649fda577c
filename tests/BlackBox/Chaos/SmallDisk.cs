using System.Diagnostics;

namespace BlackBox.Tests.Chaos;

/// <summary>A disk of its own in memory, which can be filled and made read-only. Only root may mount one: elsewhere its tests are skipped.</summary>
internal sealed class SmallDisk : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("weir-disk-").FullName;
    private readonly bool isMounted;

    public SmallDisk(int megabytes)
    {
        var refusal = OperatingSystem.IsLinux() ? Run("mount", "-t", "tmpfs", "-o", $"size={megabytes}m", "tmpfs", folder) : "not Linux";
        isMounted = refusal is null;
        if (isMounted)
            return;
        Dispose();
        Assert.Skip($"No disk can be mounted here: {refusal}");
    }

    public string Data => Path.Combine(folder, "data");

    private string Filler => Path.Combine(folder, "filler");

    /// <summary>To the last byte.</summary>
    public void Fill()
    {
        using var filler = new FileStream(Filler, FileMode.OpenOrCreate, FileAccess.Write, FileShare.Read, bufferSize: 0);
        filler.Seek(0, SeekOrigin.End);
        foreach (var bytes in new[] { 1 << 20, 1 << 12 })
        {
            try
            {
                while (true)
                    filler.Write(new byte[bytes]);
            }
            catch (IOException)
            {
                // Full, for pieces of this size.
            }
        }
    }

    public void Free() => File.Delete(Filler);

    public void MakeReadOnly() => Assert.Null(Run("mount", "-o", "remount,ro", folder));

    public void Dispose()
    {
        if (isMounted)
            Run("umount", "-l", folder);
        Directory.Delete(folder, recursive: true);
    }

    /// <summary>Null when it succeeded.</summary>
    private static string? Run(string program, params string[] arguments)
    {
        try
        {
            using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardError = true })!;
            var errors = process.StandardError.ReadToEnd();
            process.WaitForExit(TimeSpan.FromSeconds(10));
            return process.ExitCode == 0 ? null : errors.Trim();
        }
        catch (System.ComponentModel.Win32Exception missing)
        {
            return missing.Message;
        }
    }
}
