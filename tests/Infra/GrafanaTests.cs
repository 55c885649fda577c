using System.Text.Json;

namespace Infra.Tests;

/// <summary>Grafana's dashboard asks for metrics and labels that there are, in queries that Prometheus understands; and the local Grafana finds it.</summary>
public sealed class GrafanaTests
{
    private const string File = "infra/grafana/weir.json";

    /// <summary>Of the probe that is run each minute.</summary>
    private static readonly string[] OfOthers = ["weir_synthetic_check_success", "weir_synthetic_check_duration_seconds"];

    private static readonly JsonElement Dashboard = JsonElement.Parse(System.IO.File.ReadAllText(Repository.Full(File)));

    [Fact]
    public void Metrics_that_are_asked_for_are_there()
    {
        var names = Queries().Concat(Dashboard.GetProperty("templating").GetProperty("list").EnumerateArray().Select(variable => variable.GetProperty("definition").GetString()!)).SelectMany(Metrics.In).ToArray();
        Assert.True(names.Distinct().Count() > 20, "The dashboard has lost its queries.");
        Expect.None(names.Where(name => !Metrics.IsKnown(name) && !OfOthers.Contains(name)).Distinct().Select(name => $"  {name}"), "Not in docs/telemetry.md:");
    }

    [Fact]
    public void Prometheus_understands_every_query()
    {
        var rules = Queries().Select((query, index) => new { record = $"query:{index}", expr = query.Replace("$__rate_interval", "5m", StringComparison.Ordinal) });
        var (exit, output) = Promtool.RunOn("queries.yaml", JsonSerializer.Serialize(new { groups = new[] { new { name = "grafana", rules } } }), "check", "rules");
        Assert.True(exit == 0, output);
    }

    [Fact]
    public void Every_panel_says_what_it_shows_and_asks_the_source_that_is_provisioned()
    {
        var source = Grammar.Yaml("infra/local/grafana.yaml").GetProperty("datasources")[0].GetProperty("uid").GetString();
        Assert.All(Panels(), panel =>
        {
            Assert.NotEqual("", panel.GetProperty("description").GetString());
            Assert.All(panel.GetProperty("targets").EnumerateArray(), target => Assert.Equal(source, target.GetProperty("datasource").GetProperty("uid").GetString()));
        });
        Assert.Equal(Panels().Count(), Panels().Select(panel => panel.GetProperty("title").GetString()).Distinct().Count());
    }

    [Fact]
    public void Compose_brings_it_to_where_grafana_looks()
    {
        var mounts = Grammar.Yaml("compose.yaml").GetProperty("services").GetProperty("grafana").GetProperty("volumes").EnumerateArray().Select(mount => mount.GetString()!.Split(':')).ToDictionary(parts => parts[0], parts => parts[1]);
        var folder = Grammar.Yaml("infra/local/dashboards.yaml").GetProperty("providers")[0].GetProperty("options").GetProperty("path").GetString();
        Assert.Equal($"{folder}/weir.json", mounts[$"./{File}"]);
        Assert.StartsWith("/etc/grafana/provisioning/dashboards/", mounts["./infra/local/dashboards.yaml"]);
    }

    [Fact]
    public void Prometheus_takes_the_local_configuration()
    {
        // The rules lie elsewhere in the container.
        var text = System.IO.File.ReadAllText(Repository.Full("infra/local/prometheus.yaml")).Replace("/etc/prometheus/weir-rules.yaml", Repository.Full(Alert.RulesFile), StringComparison.Ordinal);
        var (exit, output) = Promtool.RunOn("prometheus.yaml", text, "check", "config");
        Assert.True(exit == 0 && output.Contains($"{Alert.All.Count} rules found", StringComparison.Ordinal), output);
    }

    private static IEnumerable<JsonElement> Panels() => Dashboard.GetProperty("panels").EnumerateArray().Where(panel => panel.GetProperty("type").GetString() != "row");

    private static IEnumerable<string> Queries() => Panels().SelectMany(panel => panel.GetProperty("targets").EnumerateArray()).Select(target => target.GetProperty("expr").GetString()!);
}
