namespace AzureLocal.Storage;

/// <summary>
/// Tells the living processes of a data directory from the dead. Each holds an operating system lock on a file of its own,
/// which the system releases however the process ends, kill -9 included. A broker uses it as a server uses a dropped
/// connection: what a dead process had locked is free at once.
/// </summary>
internal sealed class ProcessRegistry : IDisposable
{
    private readonly string? folder;
    private readonly FileStream? ours;

    private ProcessRegistry(string id, string? folder, FileStream? ours) => (Id, this.folder, this.ours) = (id, folder, ours);

    /// <summary>This process's id in this directory: unlike a pid, never used again.</summary>
    public string Id { get; }

    public static ProcessRegistry Alone() => new("memory", null, null);

    public static ProcessRegistry Register(string directory)
    {
        var folder = Path.Combine(directory, "processes");
        Directory.CreateDirectory(folder);
        // Not drawn from injected chance: two processes with the same seed must still differ.
        var id = $"{Environment.ProcessId}-{Convert.ToHexStringLower(System.Security.Cryptography.RandomNumberGenerator.GetBytes(6))}";
        var ours = new FileStream(Path.Combine(folder, id), FileMode.CreateNew, FileAccess.ReadWrite, FileShare.None);
        return new ProcessRegistry(id, folder, ours);
    }

    /// <summary>Whether any other process uses this directory now. Costs a directory listing, and a try to open for each entry.</summary>
    public bool HasOthers() => folder is not null && Directory.EnumerateFiles(folder).Select(Path.GetFileName).Any(id => id != Id && IsAlive(id!));

    /// <summary>Whether the process that had this id still runs.</summary>
    public bool IsAlive(string id)
    {
        if (id == Id)
            return true;
        if (folder is null)
            return false;
        var file = Path.Combine(folder, id);
        try
        {
            using (new FileStream(file, FileMode.Open, FileAccess.ReadWrite, FileShare.None)) { }
            File.Delete(file);
            return false;
        }
        catch (FileNotFoundException)
        {
            return false;
        }
        catch (IOException)
        {
            return true; // locked by its owner
        }
    }

    public void Dispose()
    {
        if (ours is null)
            return;
        ours.Dispose();
        File.Delete(ours.Name);
    }
}
