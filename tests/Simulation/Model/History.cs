using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Simulation.Model;

/// <summary>
/// What happened in a world, line by line. Kept only when somebody will read it: a hunt runs without, and a seed that fails runs again with it.
/// </summary>
internal sealed class History(bool isKept)
{
    /// <summary>Some 200 MB; a world with more has gone wild.</summary>
    private const int MostLines = 1_000_000;

    private readonly List<string> lines = [];

    public bool IsKept => isKept;

    public IReadOnlyList<string> Lines => lines;

    public void Add(DateTimeOffset at, string who, string what)
    {
        if (isKept && lines.Count < MostLines)
            lines.Add(string.Create(CultureInfo.InvariantCulture, $"{at:HH:mm:ss.fff} {who,-6} {what}"));
    }

    /// <summary>The lines that speak of any of these, and what was done to the world as a whole, the last of them first to be kept.</summary>
    public IReadOnlyList<string> Around(IReadOnlyCollection<string> names, int most)
    {
        var about = lines.Where(line => line.Contains("***", StringComparison.Ordinal) || names.Any(name => line.Contains(name, StringComparison.Ordinal))).ToArray();
        return about.Length <= most ? about : about[^most..];
    }

    public string Hash() => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(string.Join('\n', lines))));
}
