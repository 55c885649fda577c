using System.Text.Encodings.Web;
using System.Text.Json;

namespace Cli;

/// <summary>Answers are kept as they came: what a newer server adds is shown too.</summary>
internal static class Json
{
    /// <summary>Letters of all scripts as they are; control characters, which a terminal would obey, escaped. (Unsafe is it within HTML.)</summary>
    private static readonly JsonSerializerOptions Written = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, WriteIndented = true };

    private static readonly JsonSerializerOptions OnOneLine = new(Written) { WriteIndented = false };

    public static string Indented(this JsonElement value) => JsonSerializer.Serialize(value, Written);

    public static string Compact(this JsonElement value) => JsonSerializer.Serialize(value, OnOneLine);

    public static JsonElement Of(object value) => JsonSerializer.SerializeToElement(value, JsonSerializerOptions.Web);

    public static string? Text(this JsonElement value, string name) => value.Member(name) is { ValueKind: JsonValueKind.String } text ? text.GetString() : null;

    public static int Count(this JsonElement value, string name) => value.Member(name) is { ValueKind: JsonValueKind.Number } number && number.TryGetInt32(out var count) ? count : 0;

    public static bool Is(this JsonElement value, string name) => value.Member(name) is { ValueKind: JsonValueKind.True };

    /// <param name="path">Names with dots between them.</param>
    public static JsonElement? Member(this JsonElement value, string path)
    {
        foreach (var name in path.Split('.'))
        {
            if (value.ValueKind != JsonValueKind.Object || !value.TryGetProperty(name, out value))
                return null;
        }
        return value.ValueKind == JsonValueKind.Null ? null : value;
    }

    public static IReadOnlyList<JsonElement> Items(this JsonElement value, string name) => value.Member(name) is { ValueKind: JsonValueKind.Array } array ? [.. array.EnumerateArray()] : [];

    public static JsonElement Without(this JsonElement value, params string[] names) =>
        value.ValueKind == JsonValueKind.Object ? Of(value.EnumerateObject().Where(member => !names.Contains(member.Name)).ToDictionary(member => member.Name, object (member) => member.Value)) : value;

    /// <summary>Of what was accepted.</summary>
    public static string Id(this JsonElement accepted) => accepted.Text("id") ?? throw new NotReachableException("The server accepted it, and gave no id: is it a Weir?");
}
