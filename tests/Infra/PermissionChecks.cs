namespace Infra.Tests;

/// <summary>The operations that the app and its host do, against the roles that Bicep gives: each is permitted, and nothing else is.</summary>
internal static class PermissionChecks
{
    /// <summary>Azure's clients, and what a call of their methods needs. A client that is not here fails the test.</summary>
    private static readonly (string Client, string Method, string[] Needs)[] Operations =
    [
        ("ServiceBusSender", "Send", ["queues:send", "topics:send"]),
        ("ServiceBusSender", "Schedule", ["queues:send"]),
        ("ServiceBusSender", "Cancel", ["queues:send"]),
        ("ServiceBusSender", "", []),
        ("ServiceBusReceiver", "", ["queues:listen"]),
        ("ServiceBusSessionReceiver", "", ["queues:listen"]),
        ("ServiceBusAdministrationClient", "", ["queues:manage"]),
        ("ServiceBusClient", "", []),
        ("TableClient", "", ["storage:tables"]),
        ("TableServiceClient", "", ["storage:tables"]),
        ("DurableTaskClient", "", ["storage:blobs", "storage:queues", "storage:tables"]),
    ];

    private static readonly string[] ClientEndings = ["Client", "Sender", "Receiver", "Processor"];

    /// <summary>What the app does, and what the host does for it.</summary>
    public static IReadOnlySet<string> Needed { get; } = new HashSet<string>(
    [
        .. from call in App.AzureCalls
           from operation in Operations
           where call.StartsWith($"{operation.Client}.{operation.Method}", StringComparison.Ordinal)
           from need in operation.Needs
           select need,
        // The host: keys, leases of timers, the package; queue lengths, from which it scales; and its telemetry.
        "storage:blobs",
        .. App.ServiceBusTriggers.SelectMany(trigger => trigger.QueueName is null ? new[] { "topics:listen" } : ["queues:listen", "queues:manage"]),
        .. App.Functions.Any(function => App.GroupOf(function) == "durable") ? new[] { "storage:blobs", "storage:queues", "storage:tables" } : [],
        "insights:publish",
    ], StringComparer.Ordinal);

    public static IEnumerable<string> UnknownClients() =>
        from client in App.AzureCalls.Select(call => call.Split('.')[0]).Distinct()
        where ClientEndings.Any(ending => client.EndsWith(ending, StringComparison.Ordinal)) && Operations.All(operation => operation.Client != client)
        select $"  {client}: say in PermissionChecks what its methods need.";

    public static IEnumerable<string> Check(InfraFolder infra)
    {
        foreach (var (key, id) in infra.Roles)
        {
            if (Facts.Roles.GetValueOrDefault(key)?.Id != id)
                yield return $"  roles.json: {key} is not {id}, but {Facts.Roles.GetValueOrDefault(key)?.Id ?? "no role that is known"}.";
        }

        var given = Assignments(infra).ToArray();
        foreach (var wrong in given.Where(one => one.Complaint is not null))
            yield return $"  {wrong.Where}: {wrong.Complaint}";
        var permitted = given.SelectMany(one => one.Permits).ToHashSet(StringComparer.Ordinal);
        foreach (var missing in Needed.Except(permitted).Order(StringComparer.Ordinal))
            yield return $"  The app needs {missing}, and no role gives it.";
        foreach (var much in permitted.Except(Needed).Order(StringComparer.Ordinal))
            yield return $"  A role gives {much}, and nothing needs it.";
        foreach (var one in given)
        {
            if (one.Permits.All(permit => given.Any(other => other != one && other.Permits.Contains(permit))))
                yield return $"  {one.Where}: without this assignment everything is permitted as well.";
        }
    }

    private static IEnumerable<Assignment> Assignments(InfraFolder infra) =>
        from file in infra.Files
        from resource in file.Resources
        where resource.ResourceType == "Microsoft.Authorization/roleAssignments"
        select Read(infra.Name(file), file, resource);

    private static Assignment Read(string name, BicepFile file, BicepFile.Declared resource)
    {
        var role = resource.Body.Path("properties", "roleDefinitionId")?.WithAllBelow.Where(node => node.Text.StartsWith("roles.", StringComparison.Ordinal)).Select(node => node.Text["roles.".Length..]).FirstOrDefault() ?? "";
        var scope = resource.Body.Path("scope")?.Text.Split('[')[0];
        var target = file.Resources.FirstOrDefault(one => one.Symbol == scope)?.ResourceType;
        var kind = target switch
        {
            "Microsoft.ServiceBus/namespaces/queues" => "queues",
            "Microsoft.ServiceBus/namespaces/topics" => "topics",
            "Microsoft.Storage/storageAccounts" => "storage",
            "Microsoft.Insights/components" => "insights",
            _ => null,
        };
        var complaint = kind is null ? $"its scope is {target ?? "not a resource of this file"}; roles are given on queues, topics, a storage account or Application Insights only"
            : !Facts.Roles.ContainsKey(role) ? $"'{role}' is no role that is known"
            : resource.Body.Path("properties", "principalType")?.Unquoted != "ServicePrincipal" ? "without principalType 'ServicePrincipal' it fails while the identity is new"
            : resource.Body.Path("name")?.Text.StartsWith("guid(", StringComparison.Ordinal) != true ? "its name must be a guid() of scope, principal and role"
            : null;
        var permits = complaint is null ? Facts.Roles[role].Permits.Select(permit => $"{kind}:{permit}") : [];
        return new($"{name}, {resource.Symbol}", [.. permits], complaint);
    }

    private sealed record Assignment(string Where, string[] Permits, string? Complaint);
}
