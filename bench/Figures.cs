namespace Bench;

/// <summary>The figures of a run, by name.</summary>
internal static class Figures
{
    public static Dictionary<string, double> Of(int jobs, double seconds, Usage used, params (string Name, double Value)[] beside)
    {
        var figures = new Dictionary<string, double>
        {
            ["jobs"] = jobs,
            ["seconds"] = seconds,
            ["jobs_per_s"] = jobs / seconds,
            ["cpu_s_per_10000"] = used.CpuSeconds * 10_000 / jobs,
            ["bytes_per_job"] = (double)used.BytesWritten / jobs,
        };
        foreach (var (name, value) in beside)
            figures[name] = value;
        return figures;
    }

    public static double Percentile(double[] sorted, double percent) =>
        sorted.Length == 0 ? 0 : sorted[Math.Min(sorted.Length - 1, (int)Math.Ceiling(percent / 100 * sorted.Length) - 1)];
}
