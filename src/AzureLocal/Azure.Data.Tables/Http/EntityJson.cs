using System.Buffers;
using System.Globalization;
using System.Text.Json;

namespace Azure.Data.Tables;

/// <summary>
/// Entities as OData JSON with minimal metadata: what JSON has no type for is a string, and a property
/// <c>name@odata.type</c> beside it says which.
/// </summary>
internal static class EntityJson
{
    private const string TypeSuffix = "@odata.type";

    public static ReadOnlyMemory<byte> Write(TableEntity entity)
    {
        var buffer = new ArrayBufferWriter<byte>(1_024);
        using var json = new Utf8JsonWriter(buffer);
        json.WriteStartObject();
        json.WriteString(TableEntity.PartitionKeyName, entity.PartitionKey);
        json.WriteString(TableEntity.RowKeyName, entity.RowKey);
        foreach (var (name, value) in entity.Properties)
        {
            if (value is not null && !TableEntity.IsSystemName(name))
                Write(json, name, value);
        }
        json.WriteEndObject();
        json.Flush();
        return buffer.WrittenMemory;
    }

    public static TableEntity Read(JsonElement json)
    {
        Dictionary<string, string>? types = null;
        var entity = new TableEntity();
        foreach (var property in json.EnumerateObject())
        {
            if (property.Name.EndsWith(TypeSuffix, StringComparison.Ordinal))
                (types ??= []).Add(property.Name[..^TypeSuffix.Length], property.Value.GetString()!);
        }
        foreach (var property in json.EnumerateObject())
        {
            var name = property.Name;
            if (IsAnnotation(name) || property.Value.ValueKind == JsonValueKind.Null)
                continue;
            var type = name == TableEntity.TimestampName ? "Edm.DateTime" : types?.GetValueOrDefault(name);
            entity.Put(name, Value(property.Value, type));
        }
        return entity;
    }

    private static bool IsAnnotation(string name) =>
        name != TableEntity.ETagName && (name.EndsWith(TypeSuffix, StringComparison.Ordinal) || name.StartsWith("odata.", StringComparison.Ordinal));

    private static void Write(Utf8JsonWriter json, string name, object value)
    {
        switch (value)
        {
            case string text:
                json.WriteString(name, text);
                break;
            case int number:
                json.WriteNumber(name, number);
                break;
            case bool truth:
                json.WriteBoolean(name, truth);
                break;
            case long number:
                json.WriteString(name + TypeSuffix, "Edm.Int64");
                json.WriteString(name, number.ToString(CultureInfo.InvariantCulture));
                break;
            case double number:
                json.WriteString(name + TypeSuffix, "Edm.Double");
                if (double.IsFinite(number))
                    json.WriteNumber(name, number);
                else
                    json.WriteString(name, number.ToString(CultureInfo.InvariantCulture));
                break;
            case DateTimeOffset time:
                json.WriteString(name + TypeSuffix, "Edm.DateTime");
                json.WriteString(name, EdmText.Of(time));
                break;
            case DateTime time:
                json.WriteString(name + TypeSuffix, "Edm.DateTime");
                json.WriteString(name, EdmText.Of(new DateTimeOffset(time)));
                break;
            case Guid guid:
                json.WriteString(name + TypeSuffix, "Edm.Guid");
                json.WriteString(name, guid);
                break;
            case byte[] bytes:
                json.WriteString(name + TypeSuffix, "Edm.Binary");
                json.WriteBase64String(name, bytes);
                break;
            case BinaryData data:
                json.WriteString(name + TypeSuffix, "Edm.Binary");
                json.WriteBase64String(name, data);
                break;
            default:
                throw new NotSupportedException($"Property '{name}' is a {value.GetType()}, which the table service has no type for.");
        }
    }

    private static object Value(JsonElement json, string? type) => json.ValueKind switch
    {
        JsonValueKind.True => true,
        JsonValueKind.False => false,
        JsonValueKind.Number when type is "Edm.Double" => json.GetDouble(),
        JsonValueKind.Number => json.TryGetInt32(out var number) ? (object)number : json.GetDouble(),
        JsonValueKind.String => type switch
        {
            null or "Edm.String" => json.GetString()!,
            "Edm.Int64" => long.Parse(json.GetString()!, CultureInfo.InvariantCulture),
            "Edm.DateTime" => EdmText.Time(json.GetString()!),
            "Edm.Guid" => json.GetGuid(),
            "Edm.Binary" => json.GetBytesFromBase64(),
            "Edm.Double" => double.Parse(json.GetString()!, CultureInfo.InvariantCulture),
            _ => throw new NotSupportedException($"The service sent a value of the type {type}."),
        },
        _ => throw new NotSupportedException($"The service sent a value of the JSON kind {json.ValueKind}."),
    };
}
