namespace BlackBox.Tests.Chaos;

/// <summary>The app beside another servicebus.json, in which a session's lock lasts five seconds instead of a minute: a test can outlast it.</summary>
public sealed class AppCopy : IDisposable
{
    private const string Entities = "servicebus.json";

    private readonly string folder = Directory.CreateTempSubdirectory("weir-app-").FullName;

    public AppCopy()
    {
        // Links, but for what the runtime follows back to its folder.
        var original = Path.GetDirectoryName(WeirProcess.Functions)!;
        foreach (var file in Directory.EnumerateFileSystemEntries(original))
        {
            var copy = Path.Combine(folder, Path.GetFileName(file));
            if (Path.GetFileName(file).StartsWith("Functions.", StringComparison.Ordinal))
                File.Copy(file, copy);
            else if (Directory.Exists(file))
                Directory.CreateSymbolicLink(copy, file);
            else if (Path.GetFileName(file) != Entities)
                File.CreateSymbolicLink(copy, file);
        }
        var entities = File.ReadAllText(Path.Combine(original, Entities));
        Assert.Contains("\"LockDuration\": \"PT1M\"", entities);
        File.WriteAllText(Path.Combine(folder, Entities), entities.Replace("\"LockDuration\": \"PT1M\"", "\"LockDuration\": \"PT5S\"", StringComparison.Ordinal));
    }

    public string Functions => Path.Combine(folder, "Functions.dll");

    public void Dispose() => Directory.Delete(folder, recursive: true);
}
