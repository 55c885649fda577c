using System.Diagnostics;
using System.Globalization;

namespace Bench;

/// <summary>What this process has used: processor time, and bytes that it had written to the disk.</summary>
internal readonly record struct Usage(double CpuSeconds, long BytesWritten)
{
    public static Usage Now()
    {
        using var process = Process.GetCurrentProcess();
        return new Usage(process.TotalProcessorTime.TotalSeconds, Written("/proc/self/io", "write_bytes:"));
    }

    /// <summary>Resident memory of a process in MB.</summary>
    public static double MemoryMb(int process) => Written($"/proc/{process}/status", "VmRSS:") / 1024.0;

    public Usage Since(Usage before) => new(CpuSeconds - before.CpuSeconds, BytesWritten - before.BytesWritten);

    private static long Written(string file, string name)
    {
        var line = File.Exists(file) ? File.ReadLines(file).FirstOrDefault(line => line.StartsWith(name, StringComparison.Ordinal)) : null;
        return line is null ? 0 : long.Parse(line[name.Length..].Replace("kB", "", StringComparison.Ordinal).Trim(), CultureInfo.InvariantCulture);
    }
}
