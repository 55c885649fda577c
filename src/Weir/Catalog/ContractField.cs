using System.ComponentModel.DataAnnotations;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace Weir.Catalog;

/// <summary>What is to be known of a contract's property. Found by reflection once for each type: a submission's check would spend most of its time on it.</summary>
internal sealed class ContractField
{
    private static readonly ConditionalWeakTable<JsonTypeInfo, ContractField[]> Known = [];

    private readonly byte[] utf8Name;

    private ContractField(JsonTypeInfo owner, JsonPropertyInfo property)
    {
        utf8Name = Encoding.UTF8.GetBytes(property.Name);
        Property = property;
        AllowsNull = property.AssociatedParameter?.IsNullable ?? (property.IsSetNullable && (!property.PropertyType.IsValueType || Nullable.GetUnderlyingType(property.PropertyType) is not null));
        IsReadAsItsType = (property.Set is not null || property.AssociatedParameter is not null) && !property.IsExtensionData
            && property.CustomConverter is null && property.NumberHandling is null && owner.NumberHandling is null;
        Rules = [.. Attributes(property.AttributeProvider), .. Attributes(property.AssociatedParameter?.AttributeProvider)];
    }

    public JsonPropertyInfo Property { get; }

    public string Name => Property.Name;

    public JsonTypeInfo Type => field ??= ContractJson.Options.GetTypeInfo(Property.PropertyType);

    public bool AllowsNull { get; }

    /// <summary>Whether reading the whole reads this field, and no otherwise than it would read such a value alone.</summary>
    public bool IsReadAsItsType { get; }

    public ValidationAttribute[] Rules { get; }

    /// <summary>The fields of an object, in the order of their declaration.</summary>
    public static ContractField[] Of(JsonTypeInfo type) => Known.GetValue(type, static type => [.. type.Properties.Select(property => new ContractField(type, property))]);

    /// <param name="all">The fields of an object.</param>
    /// <param name="written">One of those that a payload has.</param>
    /// <param name="at">Where to look first; then where to look for the next one, since most are written in their order.</param>
    public static ContractField? Find(ContractField[] all, JsonProperty written, ref int at)
    {
        for (var looked = 0; looked < all.Length; looked++)
        {
            var field = all[at];
            at = at + 1 == all.Length ? 0 : at + 1;
            if (written.NameEquals(field.utf8Name))
                return field;
        }
        return null;
    }

    /// <summary>Whether a value that could be read has certainly nothing that reading lets pass and <see cref="Contract{T}"/> does not: a null in a list of objects, say.</summary>
    public static bool Fit(JsonElement value, JsonTypeInfo type)
    {
        switch (type.Kind)
        {
            case JsonTypeInfoKind.Object:
                if (value.ValueKind != JsonValueKind.Object)
                    return false;
                var (fields, next) = (Of(type), 0);
                foreach (var written in value.EnumerateObject())
                {
                    if (Find(fields, written, ref next) is not { IsReadAsItsType: true } field)
                        return false;
                    if (written.Value.ValueKind == JsonValueKind.Null ? !field.AllowsNull : !Fit(written.Value, field.Type))
                        return false;
                }
                return true;
            case JsonTypeInfoKind.Enumerable:
                return value.ValueKind == JsonValueKind.Array && value.EnumerateArray().All(item => Fit(item, ElementType(type)));
            case JsonTypeInfoKind.Dictionary:
                return value.ValueKind == JsonValueKind.Object && value.EnumerateObject().All(entry => Fit(entry.Value, ElementType(type)));
            default:
                return true;
        }
    }

    public static JsonTypeInfo ElementType(JsonTypeInfo type) => ContractJson.Options.GetTypeInfo(type.ElementType ?? typeof(JsonElement));

    private static IEnumerable<ValidationAttribute> Attributes(ICustomAttributeProvider? provider) =>
        provider?.GetCustomAttributes(typeof(ValidationAttribute), inherit: true).Cast<ValidationAttribute>() ?? [];
}
