using System.Collections.Frozen;
using System.Security.Cryptography;
using Microsoft.AspNetCore.Http;

namespace Dashboard;

/// <summary>The files that pages load: embedded in the assembly, and addressed by their content, so that a browser may keep them for good.</summary>
internal static class AssetFiles
{
    private static readonly FrozenDictionary<string, (byte[] Content, string Hash)> Files = Read();

    public static string Styles { get; } = Address("weir.css");

    public static string Icon { get; } = Address("weir.svg");

    /// <summary>In the order in which they run.</summary>
    public static IReadOnlyList<string> Scripts { get; } = [Address("htmx.min.js"), Address("idiomorph-ext.min.js"), Address("weir.js")];

    /// <summary>What all scripts of a page weigh, as they are sent.</summary>
    public static int ScriptBytes { get; } = Files.Where(file => file.Key.EndsWith(".js", StringComparison.Ordinal)).Sum(file => file.Value.Content.Length);

    /// <param name="path">hash/name.</param>
    public static IResult? Find(string path, HttpResponse response)
    {
        if (path.Split('/') is not [var hash, var name] || !Files.TryGetValue(name, out var file))
            return null;
        response.Headers.CacheControl = hash == file.Hash ? "public, max-age=31536000, immutable" : "no-store";
        return Results.Bytes(file.Content, TypeOf(name));
    }

    private static string Address(string name) => $"/dashboard/assets/{Files[name].Hash}/{name}";

    private static string TypeOf(string name) => Path.GetExtension(name) switch
    {
        ".css" => "text/css; charset=utf-8",
        ".svg" => "image/svg+xml",
        _ => "text/javascript; charset=utf-8",
    };

    private static FrozenDictionary<string, (byte[] Content, string Hash)> Read()
    {
        var assembly = typeof(AssetFiles).Assembly;
        return assembly.GetManifestResourceNames().ToFrozenDictionary(name => name, name =>
        {
            using var stream = assembly.GetManifestResourceStream(name)!;
            var content = new byte[stream.Length];
            stream.ReadExactly(content);
            return (content, Convert.ToHexStringLower(SHA256.HashData(content))[..12]);
        }, StringComparer.Ordinal);
    }
}
