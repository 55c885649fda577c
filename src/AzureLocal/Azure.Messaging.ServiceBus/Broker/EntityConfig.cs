namespace AzureLocal.ServiceBus;

/// <summary>Makes the entities that a file in the official emulator's Config.json format names.</summary>
internal static class EntityConfig
{
    public static Task ApplyAsync(IBroker broker, string path, CancellationToken cancellation = default) => throw new NotSupportedException(path);
}
