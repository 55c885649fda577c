namespace AzureLocal.Storage;

/// <summary>
/// Where a connection string points that names no directory (<c>UseDevelopmentStorage=true</c>, <c>UseDevelopmentEmulator=true</c>):
/// the directory that the process was started with, <c>.weir</c> unless told otherwise.
/// </summary>
internal static class DataDirectory
{
    private static string current = ".weir";

    /// <summary>Set once, at start, by the host's <c>--data</c>.</summary>
    public static string Current
    {
        get => Volatile.Read(ref current);
        set => Volatile.Write(ref current, value);
    }
}
