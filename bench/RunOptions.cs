using System.Globalization;
using System.Reflection;

namespace Bench;

/// <summary>One run, as its process is told it.</summary>
internal sealed record RunOptions
{
    public string Measure { get; init; } = "";

    public string Data { get; init; } = "";

    /// <summary>The job type; see <see cref="Jobs"/>.</summary>
    public string Type { get; init; } = BenchJobs.Once;

    public bool Http { get; init; }

    /// <summary>Jobs that the figure is taken from.</summary>
    public int Jobs { get; init; } = 20_000;

    /// <summary>Jobs that wait when the measured part begins; those of the figure are among them.</summary>
    public int Waiting { get; init; }

    public int Tenants { get; init; } = 1;

    public int Instances { get; init; } = 1;

    /// <summary>Of a further instance of a drain: its number.</summary>
    public int Instance { get; init; }

    public IEnumerable<string> ToArguments() => typeof(RunOptions).GetProperties()
        .Select(property => $"{property.Name}={Convert.ToString(property.GetValue(this), CultureInfo.InvariantCulture)}");

    public static RunOptions Parse(string[] args)
    {
        var options = new RunOptions();
        foreach (var argument in args)
        {
            var property = typeof(RunOptions).GetProperty(argument[..argument.IndexOf('=')], BindingFlags.Public | BindingFlags.Instance)!;
            property.SetValue(options, Convert.ChangeType(argument[(argument.IndexOf('=') + 1)..], property.PropertyType, CultureInfo.InvariantCulture));
        }
        return options;
    }
}
