using System.Text.Json;
using System.Text.RegularExpressions;

namespace Infra.Tests;

/// <summary>compose.yaml, azure.yaml and the workflows: their form, and that what they name is there. None of them can be run here.</summary>
public sealed class YamlTests
{
    private static readonly string[] Workflows = ["deploy.yml", "deploy-environment.yml"];

    [Fact]
    public void Compose_mounts_files_that_are_there_and_depends_on_services_that_are_there()
    {
        var compose = Grammar.Yaml("compose.yaml");
        var services = compose.GetProperty("services").EnumerateObject().ToArray();
        var names = services.Select(service => service.Name).ToHashSet();
        var volumes = compose.GetProperty("volumes").EnumerateObject().Select(volume => volume.Name).ToHashSet();

        var missing =
            from service in services
            from mount in Strings(service.Value, "volumes")
            let source = mount.Split(':')[0]
            where source.StartsWith("./", StringComparison.Ordinal) ? !File.Exists(Repository.Full(source)) : !volumes.Contains(source)
            select $"  {service.Name} mounts {source}";
        var unknown =
            from service in services
            from other in Strings(service.Value, "depends_on")
            where !names.Contains(other)
            select $"  {service.Name} depends on {other}";

        Expect.None(missing.Concat(unknown), "compose.yaml names what is not there:");
        Assert.All(services, service => Assert.Matches(@"^[\w./-]+:[\w.-]+$", service.Value.GetProperty("image").GetString()));
    }

    [Fact]
    public void Nothing_of_compose_can_be_reached_from_other_machines()
    {
        var ports = Grammar.Yaml("compose.yaml").GetProperty("services").EnumerateObject().SelectMany(service => Strings(service.Value, "ports")).ToArray();
        Assert.NotEmpty(ports);
        Assert.All(ports, port => Assert.StartsWith("127.0.0.1:", port));
        Assert.Equal(ports.Length, ports.Distinct().Count());
    }

    /// <summary>One list for all: the emulator reads the very file that Bicep and the local broker read.</summary>
    [Fact]
    public void The_emulator_reads_the_one_list_of_entities()
    {
        var emulator = Grammar.Yaml("compose.yaml").GetProperty("services").GetProperty("servicebus");
        Assert.Contains("./infra/servicebus.json:/ServiceBus_Emulator/ConfigFiles/Config.json:ro", Strings(emulator, "volumes"));
    }

    /// <summary>https://learn.microsoft.com/azure/service-bus-messaging/overview-emulator: what it takes is narrower than what Azure takes.</summary>
    [Fact]
    public void The_list_stays_within_the_limits_of_the_emulator()
    {
        var entities = InfraFolder.Real.Entities;
        Assert.Equal("sbemulatorns", entities.GetProperty("Name").GetString());
        var all = entities.GetProperty("Queues").EnumerateArray().Concat(entities.GetProperty("Topics").EnumerateArray())
            .Concat(entities.GetProperty("Topics").EnumerateArray().SelectMany(topic => topic.GetProperty("Subscriptions").EnumerateArray()))
            .SelectMany(entity => entity.GetProperty("Properties").EnumerateObject());
        Assert.All(all, property =>
        {
            switch (property.Name)
            {
                case "MaxDeliveryCount":
                    Assert.InRange(property.Value.GetInt32(), 1, 10);
                    break;
                case "LockDuration" or "DuplicateDetectionHistoryTimeWindow":
                    Assert.InRange(System.Xml.XmlConvert.ToTimeSpan(property.Value.GetString()!), TimeSpan.FromSeconds(5), TimeSpan.FromMinutes(5));
                    break;
                case "DefaultMessageTimeToLive":
                    Assert.InRange(System.Xml.XmlConvert.ToTimeSpan(property.Value.GetString()!), TimeSpan.FromMinutes(5), TimeSpan.FromHours(1));
                    break;
            }
        });
    }

    [Fact]
    public void The_sample_settings_lead_to_what_compose_starts()
    {
        var values = JsonElement.Parse(File.ReadAllText(Repository.Full("local.settings.sample.json"))).GetProperty("Values");
        Assert.Contains("UseDevelopmentEmulator=true", values.GetProperty(Weir.AzureConnections.ServiceBus).GetString());
        Assert.Equal("UseDevelopmentStorage=true", values.GetProperty(Weir.AzureConnections.Storage).GetString());
        var ports = Grammar.Yaml("compose.yaml").GetProperty("services").EnumerateObject().SelectMany(service => Strings(service.Value, "ports")).Select(port => port.Split(':')[^1]);
        Assert.All(new[] { "5672", "10000", "10001", "10002" }, port => Assert.Contains(port, ports));
    }

    [Fact]
    public void Every_file_that_a_workflow_or_azd_runs_is_there()
    {
        var texts = Workflows.Select(file => $".github/workflows/{file}").Append("azure.yaml").Append("infra/before-provision.sh").Append("infra/after-provision.sh").Select(file => (file, File.ReadAllText(Repository.Full(file))));
        var missing =
            from text in texts
            from Match name in Regex.Matches(text.Item2, @"(?<![\w./-])(?:\./)?((?:infra|src|\.ci|\.github)/[\w./-]*\w)")
            where !File.Exists(Repository.Full(name.Groups[1].Value)) && !Directory.Exists(Repository.Full(name.Groups[1].Value))
            select $"  {text.file}: {name.Groups[1].Value}";
        Expect.None(missing, "These are not there:");
    }

    [Fact]
    public void Production_comes_after_staging_and_staging_after_the_tests()
    {
        var jobs = Grammar.Yaml(".github/workflows/deploy.yml").GetProperty("jobs");
        Assert.Equal("staging", jobs.GetProperty("production").GetProperty("needs").GetString());
        Assert.Equal("package", jobs.GetProperty("staging").GetProperty("needs").GetString());
        Assert.Contains(jobs.GetProperty("package").GetProperty("steps").EnumerateArray(), step => step.TryGetProperty("run", out var run) && run.GetString() == ".ci/run");
        Assert.Single(Grammar.Yaml(".github/workflows/deploy.yml").GetProperty("on").GetProperty("workflow_dispatch").GetProperty("inputs").EnumerateObject());
    }

    /// <summary>What a workflow hands to Bicep and to the scripts is what they read, and every wait there has an end.</summary>
    [Fact]
    public void The_workflow_gives_what_is_asked_for()
    {
        var deploy = Grammar.Yaml(".github/workflows/deploy-environment.yml").GetProperty("jobs").GetProperty("deploy");
        var asked = InfraFolder.Real.ParameterFiles.SelectMany(file => Regex.Matches(file.Tree.Text, @"readEnvironmentVariable\('(\w+)'")).Select(match => match.Groups[1].Value).ToArray();
        var missing =
            from step in deploy.GetProperty("steps").EnumerateArray()
            where step.TryGetProperty("run", out _)
            let run = step.GetProperty("run").GetString()!
            let wanted = (run.Contains("--parameters", StringComparison.Ordinal) ? asked : []).Concat(
                Regex.Matches(run, @"infra/\w+\.mjs").SelectMany(script => Regex.Matches(File.ReadAllText(Repository.Full(script.Value)), @"process\.env\.(\w+)")).Select(match => match.Groups[1].Value))
            from name in wanted.Distinct().Except(Variables(deploy)).Except(Variables(step))
            select $"  {step.GetProperty("name").GetString()}: {name}";
        Expect.None(missing, "The workflow does not give:");
        // An action of others sees the environment of its job.
        Assert.DoesNotContain("secrets.", deploy.GetProperty("env").GetRawText());
        Assert.All(
            Workflows.SelectMany(file => Grammar.Yaml($".github/workflows/{file}").GetProperty("jobs").EnumerateObject()).Where(job => job.Value.TryGetProperty("steps", out _)),
            job => Assert.True(job.Value.TryGetProperty("timeout-minutes", out _), job.Name));
    }

    private static IEnumerable<string> Variables(JsonElement of) => of.TryGetProperty("env", out var variables) ? variables.EnumerateObject().Select(variable => variable.Name) : [];

    private static IEnumerable<string> Strings(JsonElement of, string name) =>
        of.TryGetProperty(name, out var array) ? array.EnumerateArray().Select(item => item.GetString()!) : [];
}
