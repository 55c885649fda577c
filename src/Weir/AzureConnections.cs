using Azure.Core;
using Azure.Data.Tables;
using Azure.Identity;
using Azure.Messaging.ServiceBus;
using Azure.Messaging.ServiceBus.Administration;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;

namespace Weir;

/// <summary>
/// The clients that Weir stands on, from the settings that the Functions host itself uses for the same connections
/// (https://learn.microsoft.com/azure/azure-functions/functions-reference#configure-an-identity-based-connection).
/// </summary>
public static class AzureConnections
{
    /// <summary>The connection under which triggers and senders find Service Bus.</summary>
    public const string ServiceBus = "ServiceBus";

    /// <summary>The connection of the storage account.</summary>
    public const string Storage = "AzureWebJobsStorage";

    /// <summary>Adds one client of each kind; they are thread-safe and kept for the process's life.</summary>
    public static IServiceCollection AddAzureConnections(this IServiceCollection services, IConfiguration configuration)
    {
        services.AddSingleton(_ => ServiceBusOf(configuration));
        services.AddSingleton(_ => AdministrationOf(configuration));
        services.AddSingleton(_ => TablesOf(configuration));
        return services;
    }

    private static ServiceBusClient ServiceBusOf(IConfiguration configuration)
    {
        if (configuration[ServiceBus] is { Length: > 0 } connectionString)
            return new ServiceBusClient(connectionString);
        if (configuration[$"{ServiceBus}:fullyQualifiedNamespace"] is { Length: > 0 } space)
            return new ServiceBusClient(space, Identity(configuration, ServiceBus));
        throw Missing(ServiceBus, "fullyQualifiedNamespace");
    }

    /// <summary>Reads the queues' depth; its identity needs the role Azure Service Bus Data Owner for that.</summary>
    private static ServiceBusAdministrationClient AdministrationOf(IConfiguration configuration)
    {
        if (configuration[ServiceBus] is { Length: > 0 } connectionString)
            return new ServiceBusAdministrationClient(connectionString);
        if (configuration[$"{ServiceBus}:fullyQualifiedNamespace"] is { Length: > 0 } space)
            return new ServiceBusAdministrationClient(space, Identity(configuration, ServiceBus));
        throw Missing(ServiceBus, "fullyQualifiedNamespace");
    }

    private static TableServiceClient TablesOf(IConfiguration configuration)
    {
        if (configuration[Storage] is { Length: > 0 } connectionString)
            return new TableServiceClient(connectionString);
        if (configuration[$"{Storage}:tableServiceUri"] is { Length: > 0 } uri)
            return new TableServiceClient(new Uri(uri), Identity(configuration, Storage));
        if (configuration[$"{Storage}:accountName"] is { Length: > 0 } account)
            return new TableServiceClient(new Uri($"https://{account}.table.core.windows.net"), Identity(configuration, Storage));
        throw Missing(Storage, "accountName");
    }

    private static TokenCredential Identity(IConfiguration configuration, string connection) =>
        configuration[$"{connection}:clientId"] is { Length: > 0 } clientId
            ? new ManagedIdentityCredential(ManagedIdentityId.FromUserAssignedClientId(clientId))
            : new DefaultAzureCredential();

    private static InvalidOperationException Missing(string connection, string setting) =>
        new($"The connection '{connection}' is not configured: set {connection} to a connection string, or {connection}__{setting} to use an identity.");
}
