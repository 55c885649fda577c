using System.Text.Json;

namespace Cli.Tests;

/// <summary>Members and kinds of a document, without its values: {id:text, counts:{n:number}}.</summary>
internal static class Shape
{
    public static string Of(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Object => $"{{{string.Join(", ", value.EnumerateObject().OrderBy(member => member.Name, StringComparer.Ordinal).Select(member => $"{member.Name}:{Of(member.Value)}"))}}}",
        JsonValueKind.Array => $"[{string.Join("|", value.EnumerateArray().Select(Of).Distinct())}]",
        JsonValueKind.String => "text",
        JsonValueKind.Number => "number",
        JsonValueKind.True or JsonValueKind.False => "flag",
        _ => "nothing",
    };
}
