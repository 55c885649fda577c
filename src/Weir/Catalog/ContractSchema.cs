using System.ComponentModel.DataAnnotations;
using System.Globalization;
using System.Reflection;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Schema;
using System.Text.Json.Serialization.Metadata;

namespace Weir.Catalog;

/// <summary>
/// A contract as JSON Schema (2020-12): what <see cref="Contract{T}"/> checks, in the form that clients and their tools read. Shapes come
/// from System.Text.Json, which reads the payloads; rules from the validation attributes.
/// </summary>
internal static class ContractSchema
{
    private static readonly JsonSchemaExporterOptions Exporter = new() { TreatNullObliviousAsNonNullable = true, TransformSchemaNode = AddRules };

    public static JsonObject Of(string type, int version, Type contract)
    {
        var exported = ContractJson.Options.GetJsonSchemaAsNode(contract, Exporter).AsObject();
        var schema = new JsonObject
        {
            ["$schema"] = "https://json-schema.org/draft/2020-12/schema",
            ["$id"] = $"urn:weir:contract:{type}:{version}",
            ["title"] = $"{type}, version {version}",
        };
        foreach (var (name, value) in exported)
            schema[name] = value?.DeepClone();
        return schema;
    }

    private static JsonNode AddRules(JsonSchemaExporterContext context, JsonNode node)
    {
        if (node is not JsonObject schema)
            return node;

        // A payload itself is never null, whatever its type allows.
        if (context.Path.IsEmpty && schema["type"] is JsonArray types)
            schema["type"] = types.Select(one => one!.GetValue<string>()).First(one => one != "null");
        if (context.PropertyInfo is { } property)
        {
            foreach (var rule in Attributes(property.AttributeProvider).Concat(Attributes(property.AssociatedParameter?.AttributeProvider)))
                Add(rule, schema, context.TypeInfo);
        }
        return schema;
    }

    private static void Add(ValidationAttribute rule, JsonObject schema, JsonTypeInfo type)
    {
        var size = type.Kind switch { JsonTypeInfoKind.Enumerable => "Items", JsonTypeInfoKind.Dictionary => "Properties", _ => "Length" };
        switch (rule)
        {
            case StringLengthAttribute length:
                Bound(schema, "minLength", length.MinimumLength);
                schema["maxLength"] = length.MaximumLength;
                break;
            case LengthAttribute length:
                Bound(schema, $"min{size}", length.MinimumLength);
                schema[$"max{size}"] = length.MaximumLength;
                break;
            case MinLengthAttribute length:
                Bound(schema, $"min{size}", length.Length);
                break;
            case MaxLengthAttribute { Length: >= 0 } length:
                schema[$"max{size}"] = length.Length;
                break;
            case RangeAttribute range:
                schema[range.MinimumIsExclusive ? "exclusiveMinimum" : "minimum"] = Number(range.Minimum);
                schema[range.MaximumIsExclusive ? "exclusiveMaximum" : "maximum"] = Number(range.Maximum);
                break;
            case RegularExpressionAttribute pattern:
                schema["pattern"] = pattern.Pattern;
                break;
            case EmailAddressAttribute:
                schema["format"] = "email";
                break;
            case UrlAttribute:
                schema["format"] = "uri";
                break;
            case RequiredAttribute or DataTypeAttribute:
                break; // what these say, the shape says already, or nothing checks
            default:
                // A rule of the author's own: no keyword says it, so that it is at least seen, and its removal or arrival too.
                schema["x-rules"] ??= new JsonArray();
                schema["x-rules"]!.AsArray().Add(rule.GetType().Name);
                break;
        }
    }

    private static void Bound(JsonObject schema, string name, int least)
    {
        if (least > 0)
            schema[name] = least;
    }

    private static JsonNode Number(object bound) =>
        JsonNode.Parse(Convert.ToString(bound, CultureInfo.InvariantCulture) is { } text && decimal.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out _) ? text : JsonSerializer.Serialize(bound.ToString()))!;

    private static IEnumerable<ValidationAttribute> Attributes(ICustomAttributeProvider? provider) =>
        provider?.GetCustomAttributes(typeof(ValidationAttribute), inherit: true).Cast<ValidationAttribute>() ?? [];
}
