using System.Xml.Linq;

namespace Architecture.Tests;

/// <summary>What src/AzurePackages.targets knows: the packages that a project may name, and what stands in for each.</summary>
internal static class AzurePackageList
{
    public const string File = "src/AzurePackages.targets";

    private static readonly XElement[] Known = [.. XDocument.Load(Repository.Full(File)).Descendants("KnownAzurePackage")];

    public static IReadOnlyDictionary<string, string> Published { get; } = Attribute("Published");

    public static IReadOnlyDictionary<string, string> Local { get; } = Attribute("Local");

    private static Dictionary<string, string> Attribute(string name) => Known.ToDictionary(
        element => (string)element.Attribute("Include")!,
        element => (string)element.Attribute(name)!,
        StringComparer.Ordinal);
}
