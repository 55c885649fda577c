using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace Infra.Tests;

/// <summary>One of infra/alerts/alerts.json.</summary>
internal sealed record Alert(string Name, string Expression, string Operator, double Threshold, string For, string Severity, string Meaning, string Runbook, AlertLogs? Logs, AlertCase Fires, AlertCase Quiet)
{
    public const string File = "infra/alerts/alerts.json";
    public const string RulesFile = "infra/alerts/prometheus-rules.yaml";

    private static readonly JsonSerializerOptions Web = new(JsonSerializerDefaults.Web) { UnmappedMemberHandling = System.Text.Json.Serialization.JsonUnmappedMemberHandling.Disallow };

    public static IReadOnlyList<Alert> All { get; } = JsonSerializer.Deserialize<Alert[]>(System.IO.File.ReadAllText(Repository.Full(File)), Web)!;

    public string Condition => FormattableString.Invariant($"({Expression}) {Operator} {Threshold}");

    public Dictionary<string, string> Annotations => new() { ["summary"] = Meaning, ["runbook"] = Runbook };

    /// <summary>All of them as rules for Prometheus.</summary>
    public static string Rules()
    {
        var text = new StringBuilder("# Made of alerts.json: change that one, then\n#   WEIR_WRITE_INFRA=1 dotnet test --project tests/Infra --filter-class \"*.AlertTests\"\ngroups:\n  - name: weir\n    rules:\n");
        foreach (var alert in All)
        {
            text.Append("      - alert: ").Append(alert.Name).Append("\n        expr: ").Append(Quoted(alert.Condition)).Append("\n        for: ").Append(alert.For)
                .Append("\n        labels:\n          severity: ").Append(alert.Severity).Append("\n        annotations:\n");
            foreach (var (name, value) in alert.Annotations)
                text.Append("          ").Append(name).Append(": ").Append(Quoted(value)).Append('\n');
        }
        return text.ToString();
    }

    /// <summary>What promtool is to try: each alert fires over its series, and over those of its counterpart it does not. YAML takes JSON as it is.</summary>
    public static string Tests(string rulesFile) => JsonSerializer.Serialize(new Dictionary<string, object>
    {
        ["rule_files"] = new[] { rulesFile },
        ["evaluation_interval"] = "1m",
        ["tests"] = All.SelectMany(alert => new[] { alert.Test(alert.Fires, fires: true), alert.Test(alert.Quiet, fires: false) }).ToArray(),
    });

    private object Test(AlertCase given, bool fires) => new Dictionary<string, object>
    {
        ["name"] = $"{Name} {(fires ? "fires" : "stays quiet")}",
        ["interval"] = "1m",
        ["input_series"] = given.Series.Select(series => new { series = series.Key, values = series.Value }).ToArray(),
        ["alert_rule_test"] = new[]
        {
            new
            {
                eval_time = given.At ?? "20m",
                alertname = Name,
                exp_alerts = fires
                    ? [new { exp_labels = new Dictionary<string, string>(given.Labels ?? []) { ["severity"] = Severity }, exp_annotations = Annotations }]
                    : Array.Empty<object>(),
            },
        },
    };

    private static string Quoted(string text) => $"'{text.Replace("'", "''", StringComparison.Ordinal)}'";
}

/// <summary>How often which events are in the log, within a window, when the alert is to fire in Azure.</summary>
internal sealed record AlertLogs(int[] Events, string Contains, int MoreThan, string Window);

/// <param name="Series">By their names with labels: their values, a minute apart, as promtool writes them.</param>
/// <param name="At">When it is looked; 20 minutes after the beginning unless said.</param>
/// <param name="Labels">Those of the alert that fires, beside its severity.</param>
internal sealed record AlertCase(Dictionary<string, string> Series, string? At, Dictionary<string, string>? Labels);

/// <summary>The metrics that a query in PromQL names, and those that there are.</summary>
internal static partial class Metrics
{
    /// <summary>docs/telemetry.md has them, which a test of its own holds to the code; a histogram has three names.</summary>
    public static HashSet<string> Known { get; } = [.. Row().Matches(File.ReadAllText(Repository.Full("docs/telemetry.md")))
        .SelectMany(row => row.Groups[2].Value == "histogram" ? new[] { "_bucket", "_sum", "_count" }.Select(suffix => row.Groups[1].Value + suffix) : [row.Groups[1].Value])];

    public static IEnumerable<string> In(string query) => Name().Matches(query).Select(name => name.Value);

    public static bool IsKnown(string metric) => Known.Contains(metric);

    [GeneratedRegex(@"^\| `weir\.[\w.]+` \| `(\w+)` \| (\w+) \|", RegexOptions.Multiline)]
    private static partial Regex Row();

    [GeneratedRegex(@"\bweir_\w+")]
    private static partial Regex Name();
}
