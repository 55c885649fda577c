using System.Data.Common;
using AzureLocal.Storage;

namespace AzureLocal.ServiceBus;

/// <summary>The broker that a connection string names, kept open until this is disposed.</summary>
internal sealed class LocalBroker : IDisposable
{
    private readonly Store store;

    private LocalBroker(Store store)
    {
        this.store = store;
        Broker = AzureLocal.ServiceBus.Broker.Of(store, TimeProvider.System);
    }

    public IBroker Broker { get; }

    public static LocalBroker Open(string connectionString) => new(Store.Open(Directory(connectionString)));

    public static NotSupportedException NoNetwork(string address) => new(
        $"This build has a Service Bus of its own and no network client, so it cannot reach '{address}': build with -p:AzurePackages=true for that. "
        + "It takes the emulator's connection string (UseDevelopmentEmulator=true), or DataDirectory=<path>.");

    public void Dispose() => store.Dispose();

    private static string Directory(string connectionString)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(connectionString);
        var parts = new DbConnectionStringBuilder();
        try
        {
            parts.ConnectionString = connectionString;
        }
        catch (ArgumentException malformed)
        {
            throw new FormatException("The connection string could not be parsed: either it was malformed or contains no well-known tokens.", malformed);
        }
        if (parts.TryGetValue("DataDirectory", out var path))
            return (string)path;
        if (parts.TryGetValue("UseDevelopmentEmulator", out var emulator) && bool.TryParse((string)emulator, out var yes) && yes)
            return DataDirectory.Current;
        throw NoNetwork(parts.TryGetValue("Endpoint", out var endpoint) ? (string)endpoint : "a connection string without an endpoint");
    }
}
