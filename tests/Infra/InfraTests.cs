using System.Text.Json;

namespace Infra.Tests;

/// <summary>infra/ would deploy what the app needs, as far as that can be known without Azure and without a Bicep compiler.</summary>
public sealed class InfraTests
{
    [Fact]
    public void Every_file_parses() => Expect.None(FileChecks.Syntax(InfraFolder.Real), "Not Bicep:");

    [Fact]
    public void Every_name_is_declared_and_used() => Expect.None(FileChecks.Names(InfraFolder.Real), "Names:");

    [Fact]
    public void Modules_get_what_they_take() => Expect.None(FileChecks.Modules(InfraFolder.Real), "Modules:");

    [Fact]
    public void Files_that_are_named_are_there() => Expect.None(FileChecks.Files(InfraFolder.Real), "Files:");

    [Fact]
    public void Resource_types_exist_in_their_version() => Expect.None(FileChecks.ResourceTypes(InfraFolder.Real), "Resource types:");

    [Fact]
    public void Resources_have_the_properties_of_their_types() => Expect.None(PropertyChecks.Check(InfraFolder.Real), "Properties:");

    [Fact]
    public void Queues_and_topics_are_those_of_the_code() => Expect.None(AgreementChecks.Entities(InfraFolder.Real), "Entities:");

    [Fact]
    public void Functions_are_grouped_by_their_triggers()
    {
        if (Environment.GetEnvironmentVariable("WEIR_WRITE_INFRA") == "1")
            WriteGroups();
        Expect.None(AgreementChecks.Groups(InfraFolder.Anew()), "infra/functions.json:");
    }

    [Fact]
    public void Every_function_runs_in_one_pool() => Expect.None(AgreementChecks.Pools(InfraFolder.Real), "Pools:");

    [Fact]
    public void Every_setting_is_read() => Expect.None(AgreementChecks.Settings(InfraFolder.Real), "Settings:");

    [Fact]
    public void Every_operation_is_permitted_and_nothing_more()
    {
        Expect.None(PermissionChecks.UnknownClients(), "Clients of Azure:");
        Expect.None(PermissionChecks.Check(InfraFolder.Real), "Roles:");
    }

    [Fact]
    public void Doors_that_the_security_page_calls_shut_are_shut() => Expect.None(SecurityChecks.Check(InfraFolder.Real), "Security:");

    [Fact]
    public void A_front_has_the_settings_that_the_code_reads_and_no_way_to_a_shards_data() => Expect.None(FrontChecks.Check(InfraFolder.Real), "Front:");

    private static void WriteGroups()
    {
        string[] order = ["critical", "default", "bulk", "timers", "durable"];
        var groups = App.Functions.Where(function => App.GroupOf(function) is not null).ToLookup(function => App.GroupOf(function)!, function => function.Name);
        var lines = order.Union(groups.Select(group => group.Key)).Select(group => $"  \"{group}\": [{string.Join(", ", groups[group].Order(StringComparer.Ordinal).Select(name => JsonSerializer.Serialize(name)))}]");
        File.WriteAllText(Repository.Full("infra/functions.json"), $"{{\n{string.Join(",\n", lines)}\n}}\n");
    }
}
