using System.Text.Json;
using System.Text.RegularExpressions;

namespace Infra.Tests;

/// <summary>What no compiler would say: whether infra/ and the app agree on entities, functions, pools and settings.</summary>
internal static class AgreementChecks
{
    /// <summary>Queues and topics: the code's names are the list's, sessions are where triggers expect them, and Bicep takes every property over.</summary>
    public static IEnumerable<string> Entities(InfraFolder infra)
    {
        var listed = infra.Queues.Concat(infra.Topics).ToHashSet(StringComparer.Ordinal);
        foreach (var name in App.EntityNames.Except(listed))
            yield return $"  The code uses '{name}', which infra/servicebus.json does not list.";
        foreach (var name in listed.Except(App.EntityNames))
            yield return $"  infra/servicebus.json lists '{name}', which Weir.Lanes.QueueNames does not name.";

        foreach (var queue in infra.Entities.GetProperty("Queues").EnumerateArray())
        {
            var name = queue.GetProperty("Name").GetString();
            var sessions = queue.GetProperty("Properties").TryGetProperty("RequiresSession", out var value) && value.GetBoolean();
            if (App.ServiceBusTriggers.Any(trigger => trigger.QueueName == name && trigger.IsSessionsEnabled != sessions))
                yield return $"  '{name}' {(sessions ? "has" : "has no")} sessions, and its trigger expects the contrary.";
            if (queue.GetProperty("Properties").TryGetProperty("DefaultMessageTimeToLive", out _))
                yield return $"  '{name}' has a time to live: the expiry of one message would take its whole session along.";
        }

        var bicep = infra["modules/servicebus.bicep"];
        foreach (var (kind, items) in new[] { ("queues", infra.Entities.GetProperty("Queues")), ("topics", infra.Entities.GetProperty("Topics")) })
        {
            foreach (var complaint in Properties(bicep, kind, items))
                yield return complaint;
        }
        var subscriptions = infra.Entities.GetProperty("Topics").EnumerateArray().SelectMany(topic => topic.GetProperty("Subscriptions").EnumerateArray()).ToArray();
        foreach (var complaint in Properties(bicep, "subscriptions", JsonSerializer.SerializeToElement(subscriptions)))
            yield return complaint;

        foreach (var file in infra.Files)
        {
            foreach (var name in listed.Where(name => file.Tree.WithAllBelow.Any(node => node.Type == "string" && node.Unquoted == name)))
                yield return $"  {infra.Name(file)} names '{name}' itself; the list is infra/servicebus.json.";
        }
    }

    /// <summary>infra/functions.json holds the app's functions by what triggers them.</summary>
    public static IEnumerable<string> Groups(InfraFolder infra)
    {
        var app = App.Functions.Select(function => (function.Name, Group: App.GroupOf(function))).Where(function => function.Group is not null).ToHashSet();
        var listed = infra.Groups.SelectMany(group => group.Value, (group, name) => (name, (string?)group.Key)).ToHashSet();
        foreach (var (name, group) in app.Except(listed))
            yield return $"  {name} is missing in '{group}' (WEIR_WRITE_INFRA=1 writes the file anew).";
        foreach (var (name, group) in listed.Except(app))
            yield return $"  {name} is in '{group}', and the app has no such function there (WEIR_WRITE_INFRA=1 writes the file anew).";
        // A hyphen or a dot in the name would make the switch AzureWebJobs.<name>.Disabled one that cannot be set.
        foreach (var function in App.Functions.Where(function => !Regex.IsMatch(function.Name, "^[A-Za-z][A-Za-z0-9_]*$")))
            yield return $"  {function.Name} cannot be disabled: a setting's name has letters, digits, dots and underscores only.";
    }

    /// <summary>Each group runs in exactly one pool of each environment, and what a pool says of itself can be had.</summary>
    public static IEnumerable<string> Pools(InfraFolder infra)
    {
        var main = infra["main.bicep"];
        foreach (var file in infra.ParameterFiles)
        {
            var name = infra.Name(file);
            foreach (var unknown in file.Variables.Select(node => node.Nodes[0].Text).Where(parameter => !main.Parameters.ContainsKey(parameter)))
                yield return $"  {name} sets '{unknown}', which main.bicep does not take.";
            foreach (var missing in main.Parameters.Where(parameter => parameter.Value.IsRequired && file.Variable(parameter.Key) is null))
                yield return $"  {name} does not set '{missing.Key}', which main.bicep needs.";

            var pools = file.Variable("pools")?.Nodes.Where(node => node.Type == "object").ToArray() ?? [];
            var runs = pools.SelectMany(pool => Strings(pool.Path("runs"))).ToArray();
            foreach (var group in infra.Groups.Keys.Where(group => runs.Count(one => one == group) != 1))
                yield return $"  {name}: '{group}' runs in {runs.Count(one => one == group)} pools; it must run in one.";
            foreach (var unknown in runs.Except(infra.Groups.Keys))
                yield return $"  {name}: a pool runs '{unknown}', and infra/functions.json has no such group.";
            foreach (var pool in pools)
            {
                foreach (var complaint in Pool(infra, file, pool))
                    yield return $"  {name}: {complaint}";
            }
            if (IsTrue(file, "isolated") && file.Variable("serviceBusSku")?.Unquoted != "Premium")
                yield return $"  {name}: isolated needs serviceBusSku Premium.";
            // What takes jobs in is deployed last, so that nothing of a new contract comes before those who know it.
            if (pools.Length > 1 && file.Variable("frontPool") is { } front && front.Unquoted != pools[^1].Path("name")?.Unquoted)
                yield return $"  {name}: the front pool must be the last of the pools.";
        }
    }

    /// <summary>Every setting that Bicep makes is read by somebody, and what the app needs to connect is there.</summary>
    public static IEnumerable<string> Settings(InfraFolder infra)
    {
        var app = infra["modules/app.bicep"];
        var settings = SettingNames(app).ToArray();
        foreach (var setting in settings.Where(setting => !IsRead(setting, infra)))
            yield return $"  modules/app.bicep sets {setting}, which nothing reads.";
        foreach (var setting in settings.Intersect(Facts.Settings.ForbiddenOnFlex))
            yield return $"  modules/app.bicep sets {setting}, which Flex Consumption refuses.";
        foreach (var setting in new[] { Weir.AzureConnections.ServiceBus, Weir.AzureConnections.Storage }.Intersect(settings))
            yield return $"  modules/app.bicep gives {setting} a connection string; connections are by identity.";

        var connections = App.ServiceBusTriggers.Select(trigger => $"{trigger.Connection}__fullyQualifiedNamespace").Append($"{Weir.AzureConnections.Storage}__accountName");
        foreach (var missing in connections.Distinct().Except(settings))
            yield return $"  modules/app.bicep does not set {missing}, which the app's triggers need.";
        var placeholders = App.Functions.SelectMany(function => function.Bindings).SelectMany(Texts).Append(File.ReadAllText(Repository.Full("host.json")))
            .SelectMany(text => Regex.Matches(text, "%([A-Za-z_][A-Za-z0-9_]*)%")).Select(match => match.Groups[1].Value);
        foreach (var missing in placeholders.Distinct().Except(settings))
            yield return $"  modules/app.bicep does not set {missing}, which a trigger or host.json names as %{missing}%.";

        foreach (var file in infra.Files.Where(file => Regex.IsMatch(file.Tree.Text, @"\blist(Keys|AccountSas|ServiceSas)?\(|AccountKey=|SharedAccessKey")))
            yield return $"  {infra.Name(file)} handles a key or a connection string; connections are by identity.";
        foreach (var file in infra.ParameterFiles)
        {
            foreach (var setting in file.Variable("extraSettings")?.Properties.Keys.Where(setting => !IsRead(setting, infra)) ?? [])
                yield return $"  {infra.Name(file)} sets {setting}, which nothing reads.";
        }
        if (!app.Tree.Text.Contains("'AzureWebJobs.${function}.Disabled'", StringComparison.Ordinal))
            yield return "  modules/app.bicep does not disable the functions of other pools.";
    }

    private static IEnumerable<string> Pool(InfraFolder infra, BicepFile file, Node pool)
    {
        var name = pool.Path("name")!.Unquoted;
        if (!Regex.IsMatch(name, "^[a-z][a-z0-9]{1,7}$"))
            yield return $"the pool's name '{name}' is not 2 to 8 letters and digits.";
        if (pool.Path("instanceMemoryMB")?.Text is not ("512" or "2048" or "4096"))
            yield return $"pool {name}: an instance has 512, 2048 or 4096 MB.";
        if (!int.TryParse(pool.Path("maximumInstanceCount")?.Text, out var most) || most is < 40 or > 1_000)
            yield return $"pool {name}: maximumInstanceCount is 40 to 1,000.";
        var own = Strings(pool.Path("runs")).SelectMany(group => infra.Groups.GetValueOrDefault(group, [])).ToHashSet(StringComparer.Ordinal);
        foreach (var ready in pool.Path("alwaysReady")!.Nodes)
        {
            var what = ready.Path("name")!.Unquoted;
            if (!(what == "http" || (what == "durable" && Strings(pool.Path("runs")).Contains("durable")) || (what.StartsWith("function:", StringComparison.Ordinal) && own.Contains(what["function:".Length..]))))
                yield return $"pool {name} keeps instances ready for '{what}', which it does not run.";
            if (IsTrue(file, "zoneRedundant") && int.Parse(ready.Path("instanceCount")!.Text) < 2)
                yield return $"pool {name}: in several zones at least 2 instances are ready for '{what}'.";
        }
    }

    private static IEnumerable<string> Properties(BicepFile bicep, string symbol, JsonElement items)
    {
        var resource = bicep.Resources.SingleOrDefault(one => one.Symbol == symbol);
        var made = resource?.Body.Path("properties")?.Properties;
        foreach (var property in items.EnumerateArray().SelectMany(item => item.GetProperty("Properties").EnumerateObject()).Select(property => property.Name).Distinct())
        {
            var name = char.ToLowerInvariant(property[0]) + property[1..];
            if (made?.GetValueOrDefault(name)?.Text.EndsWith($".Properties.{property}", StringComparison.Ordinal) != true)
                yield return $"  modules/servicebus.bicep: {symbol} do not take {property} from the list.";
        }
        // A property that only some entities have would have to be read with .? there.
        var every = items.EnumerateArray().Select(item => item.GetProperty("Properties").EnumerateObject().Select(property => property.Name).ToHashSet()).ToArray();
        foreach (var name in every.SelectMany(names => names).Distinct().Where(name => !every.All(names => names.Contains(name))))
            yield return $"  infra/servicebus.json: not all of its {symbol} say {name}.";
    }

    private static bool IsRead(string setting, InfraFolder infra)
    {
        var path = setting.Replace("__", ":", StringComparison.Ordinal);
        var section = path.Split(':')[0];
        return App.Reads(Regex.Replace(path, @"\$\{[^}]*\}", "name"))
            || Facts.Settings.Known.Contains(setting)
            || (path.StartsWith("AzureFunctionsJobHost:", StringComparison.Ordinal) && Facts.Settings.OfHostJson.Contains(path["AzureFunctionsJobHost:".Length..]))
            || (ConnectionsIn(infra).Contains(section) && path.Split(':') is [_, var part] && Facts.Settings.OfAConnection.Contains(part));
    }

    /// <summary>The connections of the code, and those that a setting of host.json names.</summary>
    private static IEnumerable<string> ConnectionsIn(InfraFolder infra) =>
    [
        Weir.AzureConnections.ServiceBus, Weir.AzureConnections.Storage,
        .. infra["modules/app.bicep"].Tree.WithAllBelow
            .Where(node => node.Type == "object_property" && node.Nodes[0].Text.EndsWith("__connectionName", StringComparison.Ordinal))
            .Select(node => node.Nodes[^1].Unquoted),
    ];

    /// <summary>The keys of the variables that the settings are made of; ${…} stands for what is put in.</summary>
    private static IEnumerable<string> SettingNames(BicepFile app)
    {
        var made = app.Resources.Single(resource => resource.ResourceType == "Microsoft.Web/sites/config").Body.Path("properties")!;
        var parts = made.WithAllBelow.Where(node => node.Type == "identifier" && app.Variable(node.Text) is not null).Select(node => app.Variable(node.Text)!);
        foreach (var part in parts)
        {
            foreach (var setting in part.WithAllBelow.Where(node => node.Type == "object_property").Select(node => node.Nodes[0].Unquoted))
                yield return setting;
            foreach (var made2 in part.WithAllBelow.Where(node => node.Type == "string" && node.Unquoted.StartsWith("Weir__", StringComparison.Ordinal)))
                yield return made2.Unquoted;
        }
    }

    private static IEnumerable<string> Texts(Attribute attribute) =>
        attribute.GetType().GetProperties().Where(property => property.PropertyType == typeof(string) && property.GetIndexParameters() is []).Select(property => property.GetValue(attribute) as string).OfType<string>();

    private static IEnumerable<string> Strings(Node? array) => array?.Of("string").Select(node => node.Unquoted) ?? [];

    private static bool IsTrue(BicepFile file, string parameter) => file.Variable(parameter)?.Text == "true";
}
