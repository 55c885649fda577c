using System.Text.Json;

namespace Infra.Tests;

/// <summary>
/// The bodies of resources against their official types (facts/resource-schemas.json): properties that exist, required ones, literals of
/// the right kind. Values that are computed are taken to fit.
/// </summary>
internal static class PropertyChecks
{
    /// <summary>What Bicep itself reads, on any resource.</summary>
    private static readonly string[] OfBicep = ["parent", "scope", "dependsOn"];

    /// <summary>Properties that exist and that the published types lack: Bicep warns (BCP037) and goes on.</summary>
    private static readonly string[] Unpublished = ["siteUpdateStrategy"];

    public static IEnumerable<string> Check(InfraFolder infra) =>
        from file in infra.Files
        from resource in file.Resources
        where Facts.Schemas.Resources.ContainsKey(resource.What)
        from complaint in Object(file, resource.Body, Facts.Schemas.Objects[Facts.Schemas.Resources[resource.What].GetProperty("ref").GetString()!], whole: true, OfBicep)
        select $"  {infra.Name(file)}: {resource.Symbol} {complaint}";

    private static IEnumerable<string> Object(BicepFile file, Node body, JsonElement schema, bool whole, params string[] further)
    {
        var known = Members(schema, body);
        var given = body.Properties;
        foreach (var (name, value) in given.Where(property => !further.Contains(property.Key) && !Unpublished.Contains(property.Key)))
        {
            var isMade = name.Contains("${", StringComparison.Ordinal);
            if (!isMade && known.TryGetValue(name, out var property))
            {
                foreach (var complaint in Value(file, value, property.Type))
                    yield return complaint.StartsWith('(') ? $"{name} {complaint}" : $"{name}.{complaint}";
            }
            else if (schema.TryGetProperty("a", out var any))
            {
                foreach (var complaint in Value(file, value, any))
                    yield return $"{name}.{complaint}";
            }
            else
            {
                yield return $"(line {value.Row}) has no property '{name}'; it has {string.Join(", ", known.Keys.Order(StringComparer.Ordinal))}.";
            }
        }
        foreach (var missing in known.Where(property => whole && property.Value.Required && !given.ContainsKey(property.Key)).Select(property => property.Key))
            yield return $"(line {body.Row}) needs the property '{missing}'.";
    }

    private static IEnumerable<string> Value(BicepFile file, Node value, JsonElement type)
    {
        switch (value.Type)
        {
            case "parenthesized_expression":
                return Value(file, value.Nodes[0], type);
            case "ternary_expression":
                return Value(file, value.At("consequence")!, type).Concat(Value(file, value.At("alternative")!, type));
            case "identifier" when file.Variable(value.Text) is { } variable && variable.Type is "object" or "array" or "for_statement" or "ternary_expression" or "string" or "number" or "boolean":
                return Value(file, file.Variable(value.Text)!, type);
            case "call_expression" when value.At("function")!.Text == "union":
                return value.At("arguments")!.Nodes.SelectMany(part => Part(file, part, type));
            case "call_expression" when value.At("function")!.Text == "concat":
                return value.At("arguments")!.Nodes.SelectMany(part => Value(file, part, type));
            case "for_statement":
                return IsArray(type, out var each) ? Value(file, value.Nodes[^1], each) : [Wrong(value, "an array", type)];
            case "array":
                return IsArray(type, out var item) ? value.Nodes.SelectMany(one => Value(file, one, item)) : Fits(type, "any") ? [] : [Wrong(value, "an array", type)];
            case "object":
                return type.ValueKind == JsonValueKind.Object && type.TryGetProperty("ref", out var key) ? Object(file, value, Facts.Schemas.Objects[key.GetString()!], whole: true)
                    : Fits(type, "any") ? [] : [Wrong(value, "an object", type)];
            case "string":
                return value.Text.Contains("${", StringComparison.Ordinal) ? Fits(type, "string", "any") || type.ValueKind == JsonValueKind.Array ? [] : [Wrong(value, "a string", type)]
                    : Fits(type, "string", "any") || IsLiteral(type, value.Unquoted) ? [] : [Wrong(value, $"'{value.Unquoted}'", type)];
            case "number":
                return Fits(type, "int", "any") ? [] : [Wrong(value, "a number", type)];
            case "boolean":
                return Fits(type, "bool", "any") ? [] : [Wrong(value, "true or false", type)];
            default:
                return []; // computed
        }
    }

    /// <summary>What union() puts together: each part alone need not have everything.</summary>
    private static IEnumerable<string> Part(BicepFile file, Node part, JsonElement type)
    {
        var value = part.Type == "identifier" ? file.Variable(part.Text) : part;
        if (value?.Type == "ternary_expression")
            return Part(file, value.At("consequence")!, type).Concat(Part(file, value.At("alternative")!, type));
        return value?.Type == "object" && type.ValueKind == JsonValueKind.Object && type.TryGetProperty("ref", out var key) ? Object(file, value, Facts.Schemas.Objects[key.GetString()!], whole: false) : [];
    }

    /// <summary>An object's members; where one of them decides about the others, those too.</summary>
    private static Dictionary<string, (JsonElement Type, bool Required)> Members(JsonElement schema, Node body)
    {
        var members = new Dictionary<string, (JsonElement, bool)>(StringComparer.Ordinal);
        Add(schema);
        if (schema.TryGetProperty("d", out var discriminator) && body.Path(discriminator.GetString()!)?.Unquoted is { } chosen && schema.GetProperty("e").TryGetProperty(chosen, out var element))
            Add(Facts.Schemas.Objects[element.GetProperty("ref").GetString()!]);
        return members;

        void Add(JsonElement from)
        {
            foreach (var property in from.GetProperty("p").EnumerateObject())
                members[property.Name] = (property.Value[0], property.Value.GetArrayLength() > 1);
        }
    }

    private static bool IsArray(JsonElement type, out JsonElement item)
    {
        item = default;
        return type.ValueKind == JsonValueKind.Object && type.TryGetProperty("array", out item);
    }

    private static bool Fits(JsonElement type, params string[] kinds) => type.ValueKind == JsonValueKind.String && kinds.Contains(type.GetString());

    /// <summary>Where the types allow "any other string" beside the known ones ("*"), a literal must be a known one all the same: it is more likely misspelt than new.</summary>
    private static bool IsLiteral(JsonElement type, string text) => type.ValueKind == JsonValueKind.Array && type.EnumerateArray().Any(one => one.GetString() == text);

    private static string Wrong(Node value, string got, JsonElement type) => $"(line {value.Row}) is {got}, and takes {(type.ValueKind == JsonValueKind.String ? type.GetString() : type.GetRawText())}.";
}
