using Microsoft.Extensions.Configuration;
using Weir.Shards;

namespace Infra.Tests;

/// <summary>The front of several shards: its settings are those that the code reads, it runs nothing, and nothing of a shard is open to its identity.</summary>
internal static class FrontChecks
{
    /// <summary>What the front's identity is for: itself, its own account, and telemetry.</summary>
    private static readonly string[] OfTheFront = ["front", "frontStorage", "monitoring"];

    public static IEnumerable<string> Check(InfraFolder infra) => Settings(infra).Concat(Wiring(infra["main.bicep"]));

    /// <summary>Two shards as Bicep would write them, read by the class that reads them in the app.</summary>
    private static IEnumerable<string> Settings(InfraFolder infra)
    {
        var made = infra["modules/app.bicep"].Variables.Select(variable => variable.Nodes[^1])
            .Where(value => value.Type == "call_expression" && value.At("function")!.Text == "toObject" && value.Text.Contains("Weir__Shards__", StringComparison.Ordinal))
            .Select(value => value.At("arguments")!.Nodes).ToArray();
        var settings = new Dictionary<string, string?>(StringComparer.Ordinal);
        foreach (var (n, shard) in new[] { (0, new Shard("a", "https://a.example", Closed: false)), (1, new Shard("b", "https://b.example/weir", Closed: true)) })
        {
            foreach (var arguments in made)
                settings[LambdaBody(arguments[1]).Unquoted.Replace("__", ":", StringComparison.Ordinal).Replace("${i}", $"{n}", StringComparison.Ordinal)] = ValueOf(LambdaBody(arguments[2]).Text.Trim('(', ')'), shard);
        }
        string read;
        try
        {
            read = string.Join(", ", new ShardMap(new ConfigurationBuilder().AddInMemoryCollection(settings).Build()).All.Select(shard => $"{shard.Name} {shard.Address} {shard.Closed}"));
        }
        catch (InvalidOperationException refused)
        {
            read = refused.Message;
        }
        if (read != "a https://a.example False, b https://b.example/weir True")
            yield return $"  modules/app.bicep: the code does not read from its settings the shards that it was given: {read}";
    }

    private static IEnumerable<string> Wiring(BicepFile main)
    {
        foreach (var module in main.Modules)
        {
            var uses = module.Body.WithAllBelow.Where(node => node.Type == "identifier").Select(node => node.Text).ToHashSet(StringComparer.Ordinal);
            if (uses.Contains("frontIdentity") && !OfTheFront.Contains(module.Symbol))
                yield return $"  main.bicep: {module.Symbol} is opened to the front's identity, which needs nothing of a shard.";
            if (module.Symbol is "front" or "frontStorage" && uses.Contains("identity"))
                yield return $"  main.bicep: {module.Symbol} has the pools' identity, to which a shard is open.";
        }
        var given = main.Modules.Where(module => module.What == "modules/app.bicep").ToDictionary(module => module.Symbol, module => module.Body.Path("params")!.Properties);
        foreach (var (name, expected) in new[] { ("shards", "shards"), ("serviceBusHost", "''"), ("webhookSecret", "''"), ("durableStorageName", "''"), ("probe", "false"), ("pool", "shardFront"), ("storageName", "frontStorage!.outputs.name") })
        {
            if (given["front"].GetValueOrDefault(name)?.Text != expected)
                yield return $"  main.bicep: the front's {name} must be {expected}.";
        }
        if (given["apps"].GetValueOrDefault("shards")?.Text != "[]")
            yield return "  main.bicep: the pools' apps have shards, so they would be fronts and run nothing.";
        if (main.Variable("shardFront")?.Path("runs")?.Text != "[]")
            yield return "  main.bicep: the front runs functions, each of which would fail.";
    }

    private static Node LambdaBody(Node lambda) => lambda.Nodes[^1];

    private static string ValueOf(string expression, Shard shard) => expression switch
    {
        "shards[i].name" => shard.Name,
        "shards[i].url" => shard.Address,
        "shards[i].?closed == true ? 'true' : 'false'" => shard.Closed ? "true" : "false",
        _ => $"({expression})",
    };
}
