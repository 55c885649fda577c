using System.Globalization;

namespace Cli;

/// <summary>A path with a query; what is null is left out.</summary>
internal static class Query
{
    public static string Of(string path, params (string Name, object? Value)[] values)
    {
        var parts = values.Where(one => one.Value is not null).Select(one => $"{one.Name}={Uri.EscapeDataString(Convert.ToString(one.Value, CultureInfo.InvariantCulture)!)}").ToArray();
        return parts.Length == 0 ? path : $"{path}?{string.Join('&', parts)}";
    }

    /// <summary>A part of a path that somebody typed.</summary>
    public static string Part(string text) => text is "." or ".." or "" ? throw new UsageException($"'{text}' is no id and no name.") : Uri.EscapeDataString(text);
}
