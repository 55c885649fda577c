using System.Globalization;

namespace Dashboard.Drawing;

/// <summary>One line of a chart. A point without a value leaves a gap.</summary>
internal sealed record Line(string Name, string Tone, IReadOnlyList<double?> Values);

/// <summary>Lines over time as SVG figures: computed here, so that no script draws them and no style stands in the page.</summary>
internal sealed record Chart(IReadOnlyList<string> Labels, IReadOnlyList<Line> Lines, Func<double, string> Unit)
{
    public const double Width = 640;
    public const double Height = 150;

    private const int MostLabels = 8;
    private const double Left = 52;
    private const double Right = 8;
    private const double Top = 14;
    private const double Bottom = 26;

    /// <summary>The top of the scale: 1, 2 or 5 times a power of ten, above the largest value.</summary>
    public double Most { get; } = Round(Lines.SelectMany(line => line.Values).Max() ?? 0);

    public bool IsEmpty => Lines.All(line => line.Values.All(value => value is null or 0));

    public IEnumerable<(double Y, string Label)> Grid => new[] { 0, 0.5, 1 }.Select(share => (Y(Most * share), Unit(Most * share)));

    /// <summary>Few labels are all written; of many the first, the middle one and the last.</summary>
    public IEnumerable<(double X, string Anchor, string Label)> Axis =>
        Enumerable.Range(0, Labels.Count)
            .Where(at => Labels.Count <= MostLabels || at == 0 || at == (Labels.Count - 1) / 2 || at == Labels.Count - 1)
            .Select(at => (X(at), at == 0 ? "start" : at == Labels.Count - 1 ? "end" : "middle", Labels[at]));

    /// <summary>A path with a gap wherever a value is missing; a value alone between gaps is a dot.</summary>
    public string PathOf(Line line)
    {
        var path = new System.Text.StringBuilder();
        for (var at = 0; at < line.Values.Count; at++)
        {
            if (line.Values[at] is not { } value)
                continue;
            var begins = at == 0 || line.Values[at - 1] is null;
            path.Append(CultureInfo.InvariantCulture, $"{(begins ? 'M' : 'L')}{X(at):0.#} {Y(value):0.#}");
            if (begins && (at == line.Values.Count - 1 || line.Values[at + 1] is null))
                path.Append("h0.1");
        }
        return path.ToString();
    }

    private double X(int at) => Left + (Labels.Count <= 1 ? 0 : (Width - Left - Right) * at / (Labels.Count - 1));

    private double Y(double value) => Math.Round(Height - Bottom - (Height - Bottom - Top) * (Most <= 0 ? 0 : Math.Min(1, value / Most)), 1);

    private static double Round(double value)
    {
        if (value <= 0)
            return 1;
        var power = Math.Pow(10, Math.Floor(Math.Log10(value)));
        return new[] { 1, 2, 5, 10 }.Select(step => step * power).First(step => step >= value * 0.999);
    }
}
