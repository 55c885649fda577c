using System.Text.RegularExpressions;

namespace Infra.Tests;

/// <summary>
/// The list of alerts: Prometheus' rules are made of it and sound, each alert fires and stays quiet when it should, and what it names is there. Needs promtool (Debian: prometheus) for what Prometheus itself has to say; without it
/// those tests are skipped.
/// </summary>
public sealed partial class AlertTests
{
    /// <summary>Of the probe that is run each minute; they are there where it runs.</summary>
    private static readonly string[] OfProbe = ["weir_synthetic_check_success", "weir_synthetic_check_duration_seconds"];

    [Fact]
    public void Prometheus_rules_are_those_of_the_list()
    {
        if (Environment.GetEnvironmentVariable("WEIR_WRITE_INFRA") == "1")
            File.WriteAllText(Repository.Full(Alert.RulesFile), Alert.Rules());
        Assert.Equal(Alert.Rules(), File.ReadAllText(Repository.Full(Alert.RulesFile)));
    }

    [Fact]
    public void Prometheus_takes_the_rules()
    {
        var (exit, output) = Promtool.Run("check", "rules", Repository.Full(Alert.RulesFile));
        Assert.True(exit == 0 && output.Contains($"SUCCESS: {Alert.All.Count} rules found", StringComparison.Ordinal), output);
    }

    [Fact]
    public void Each_alert_fires_and_stays_quiet_in_its_counterpart()
    {
        var (exit, output) = Promtool.RunOn("tests.yaml", Alert.Tests(Repository.Full(Alert.RulesFile)), "test", "rules");
        Assert.True(exit == 0, output);
    }

    [Fact]
    public void An_alert_that_would_not_fire_is_found()
    {
        var (exit, output) = Promtool.RunOn("tests.yaml", Alert.Tests(Repository.Full(Alert.RulesFile)).Replace("\"0x5 1x3 2x20\"", "\"0x30\"", StringComparison.Ordinal), "test", "rules");
        Assert.True(exit != 0 && output.Contains("WeirPressureSaturated", StringComparison.Ordinal), output);
    }

    [Fact]
    public void Metrics_that_are_asked_for_are_there()
    {
        var unknown = Alert.All.SelectMany(alert => Metrics.In(alert.Expression).Concat(alert.Fires.Series.Keys.SelectMany(Metrics.In)).Select(metric => (alert.Name, Metric: metric)))
            .Where(one => !Metrics.IsKnown(one.Metric) && !OfProbe.Contains(one.Metric)).Select(one => $"  {one.Name}: {one.Metric}");
        Expect.None(unknown, "Not in docs/telemetry.md:");
    }

    [Fact]
    public void Each_alert_has_a_page_that_names_it_and_says_what_to_do_with_commands_that_there_are()
    {
        var known = Commands();
        var complaints = new List<string>();
        foreach (var alert in Alert.All)
        {
            if (!File.Exists(Repository.Full(alert.Runbook)))
            {
                complaints.Add($"  {alert.Name}: {alert.Runbook} is not there.");
                continue;
            }
            var page = File.ReadAllText(Repository.Full(alert.Runbook));
            if (!page.Contains(alert.Name, StringComparison.Ordinal))
                complaints.Add($"  {alert.Runbook} does not name {alert.Name}.");
            var commands = Command().Matches(page).Select(command => command.Groups[1].Value.Split(' ')).ToArray();
            if (commands.Length == 0)
                complaints.Add($"  {alert.Runbook} has no command.");
            complaints.AddRange(commands.Where(words => !known.Contains(words[0]) && !known.Contains(string.Join(' ', words.Take(2)))).Select(words => $"  {alert.Runbook}: docs/cli.md has no 'weir {string.Join(' ', words)}'."));
        }
        Expect.None(complaints.Distinct(), "Runbooks:");
    }

    [Fact]
    public void Events_that_are_looked_for_in_the_log_are_written_by_the_code()
    {
        var written = Repository.Files(".cs", "src/Weir").SelectMany(file => Event().Matches(File.ReadAllText(Repository.Full(file)))).Select(match => int.Parse(match.Groups[1].Value, null)).ToHashSet();
        var missing = Alert.All.SelectMany(alert => (alert.Logs?.Events ?? []).Where(number => !written.Contains(number)).Select(number => $"  {alert.Name}: {number}"));
        Expect.None(missing, "No such event:");
        var texts = Repository.Files(".cs", "src/Weir").Select(file => File.ReadAllText(Repository.Full(file))).ToArray();
        Assert.Contains(texts, text => text.Contains("The pressure of queue {Queue} is {Level}", StringComparison.Ordinal)); // what "is Saturated" is looked for in
    }

    [Fact]
    public void The_list_is_well_formed() => Assert.All(Alert.All, alert =>
    {
        Assert.Matches("^Weir[A-Z][A-Za-z]+$", alert.Name);
        Assert.Contains(alert.Severity, new[] { "critical", "warning" });
        Assert.Contains(alert.Operator, new[] { ">", ">=", "<" });
        Assert.Matches(@"^\d+m$", alert.For);
        Assert.EndsWith(".", alert.Meaning);
        Assert.Matches(@"^[\w ]*$", alert.Logs?.Contains ?? ""); // it stands in a query, between quotes
    });

    /// <summary>Those in the table of docs/cli.md, where a row names a group once: `dead-letters list`, `groups`.</summary>
    private static HashSet<string> Commands()
    {
        var known = new HashSet<string>();
        foreach (var row in File.ReadLines(Repository.Full("docs/cli.md")).Where(line => line.StartsWith("| `", StringComparison.Ordinal)))
        {
            var names = Name().Matches(row.Split('|')[1]).Select(name => name.Groups[1].Value.Split(' ').TakeWhile(word => word.All(letter => char.IsAsciiLetterLower(letter) || letter == '-')).ToArray()).ToArray();
            var group = names[0].Length == 2 ? names[0][0] : null;
            known.UnionWith(names.Select(words => words.Length == 1 && group is not null ? $"{group} {words[0]}" : string.Join(' ', words)));
        }
        return known;
    }

    [GeneratedRegex("`([^`]+)`")]
    private static partial Regex Name();

    [GeneratedRegex(@"^ {4,}weir ((?:[a-z-]+)(?: [a-z-]+)?)", RegexOptions.Multiline)]
    private static partial Regex Command();

    [GeneratedRegex(@"LoggerMessage\((\d+),")]
    private static partial Regex Event();
}

internal static class Promtool
{
    public static (int Exit, string Output) Run(params string[] arguments)
    {
        var folders = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator);
        if (!folders.Any(folder => File.Exists(Path.Combine(folder, "promtool"))))
            Assert.Skip("promtool is not installed (apt-get install prometheus).");
        return Repository.Run("promtool", arguments);
    }

    public static (int Exit, string Output) RunOn(string name, string text, params string[] arguments)
    {
        var folder = Directory.CreateTempSubdirectory("weir-promtool-");
        try
        {
            var file = Path.Combine(folder.FullName, name);
            File.WriteAllText(file, text);
            return Run([.. arguments, file]);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }
}
