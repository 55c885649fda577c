namespace BlackBox.Tests;

/// <summary>A data directory of its own for a test; gone with it.</summary>
internal sealed class DataFolder : IDisposable
{
    public string Path { get; } = Directory.CreateTempSubdirectory("weir-").FullName;

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
