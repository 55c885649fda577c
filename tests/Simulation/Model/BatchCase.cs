using System.Globalization;

namespace Simulation.Model;

/// <summary>A batch as its client knows it.</summary>
/// <param name="Sound">Which of its items are jobs; the others are refused.</param>
internal sealed record BatchCase(string Tenant, string Key, IReadOnlyList<bool> Sound, bool HasCompletion)
{
    /// <summary>Known from the 202 on.</summary>
    public string? Id { get; set; }

    public bool IsCancelled { get; set; }

    public int Refused => Sound.Count(sound => !sound);

    /// <summary>The summaries with which its completion job ran.</summary>
    public List<Weir.Batches.BatchSummary> Summaries { get; } = [];

    public string ItemOf(int index) => string.Create(CultureInfo.InvariantCulture, $"{Id}:{index}");

    public override string ToString() => $"batch {Key} ({Id}, {Sound.Count} items)";
}
