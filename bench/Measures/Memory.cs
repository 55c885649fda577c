using System.Diagnostics;

namespace Bench.Measures;

/// <summary>What waiting jobs take of the process's memory, and of the disk.</summary>
internal static class Memory
{
    public static async Task<Dictionary<string, double>> RunAsync(RunOptions run)
    {
        await using var app = await App.StartAsync(run.Data, runs: false);
        await Fill.Async(app, run.Type, 2_000, tenants: 1);
        var (heap, resident, disk) = Now(run.Data);
        await Fill.Async(app, run.Type, run.Jobs, tenants: 1);
        var (heapAfter, residentAfter, diskAfter) = Now(run.Data);
        return new()
        {
            ["jobs"] = run.Jobs,
            ["heap_mb"] = heapAfter - heap,
            ["resident_mb"] = residentAfter - resident,
            ["disk_mb"] = diskAfter - disk,
        };
    }

    private static (double Heap, double Resident, double Disk) Now(string data)
    {
        const double mb = 1024 * 1024;
        GC.Collect();
        GC.WaitForPendingFinalizers();
        var disk = Directory.EnumerateFiles(data).Sum(file => new FileInfo(file).Length);
        return (GC.GetTotalMemory(forceFullCollection: true) / mb, Usage.MemoryMb(Environment.ProcessId), disk / mb);
    }
}
