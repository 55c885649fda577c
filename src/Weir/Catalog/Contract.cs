using System.ComponentModel.DataAnnotations;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;

namespace Weir.Catalog;

/// <summary>
/// Reads payloads of <typeparamref name="T"/>, strictly: unknown and missing fields, wrong kinds and broken
/// <see cref="ValidationAttribute"/>s (on properties or on a record's parameters) are all found in one pass, so that a client
/// sees every mistake at once, each with its JSON pointer and without the name of a .NET type.
/// </summary>
internal sealed class Contract<T> : IContract
{
    private const int MaxErrors = 50;

    private readonly JsonTypeInfo<T> root = (JsonTypeInfo<T>)ContractJson.Options.GetTypeInfo(typeof(T));

    /// <summary>The errors of a payload; none means that <see cref="Read"/> succeeds.</summary>
    public IReadOnlyList<ContractError> Check(JsonElement payload)
    {
        var errors = new List<ContractError>();
        // Most payloads are right, which their reading tells in 2 µs; to find all that is wrong, each value is read for itself, in 10.
        if (!TryRead(payload, out var value) || !ContractField.Fit(payload, root))
        {
            CheckShape(payload, root, "", errors);
            if (errors.Count > 0)
                return errors;
            value = payload.Deserialize(root);
        }
        CheckRules(value, root, "", errors);
        return errors;
    }

    /// <exception cref="JsonException">The payload breaks the contract in a way that <see cref="Check"/> would have told.</exception>
    public T Read(ReadOnlySpan<byte> payload) =>
        JsonSerializer.Deserialize(payload, root) ?? throw new JsonException("expected a value, got null");

    public Type Type => typeof(T);

    public object ReadObject(ReadOnlySpan<byte> payload) => Read(payload)!;

    private bool TryRead(JsonElement payload, out T? value)
    {
        try
        {
            value = payload.Deserialize(root);
            return true;
        }
        catch (Exception)
        {
            value = default;
            return false; // whatever it is, CheckShape words it, or it is thrown again
        }
    }

    private static void CheckShape(JsonElement value, JsonTypeInfo type, string pointer, List<ContractError> errors)
    {
        if (errors.Count >= MaxErrors)
            return;

        switch (type.Kind)
        {
            case JsonTypeInfoKind.Object:
                if (Expect(value, JsonValueKind.Object, pointer, errors))
                    CheckFields(value, type, pointer, errors);
                break;
            case JsonTypeInfoKind.Enumerable:
                if (!Expect(value, JsonValueKind.Array, pointer, errors))
                    break;
                var index = 0;
                foreach (var item in value.EnumerateArray())
                    CheckShape(item, ContractField.ElementType(type), $"{pointer}/{index++}", errors);
                break;
            case JsonTypeInfoKind.Dictionary:
                if (!Expect(value, JsonValueKind.Object, pointer, errors))
                    break;
                foreach (var entry in value.EnumerateObject())
                    CheckShape(entry.Value, ContractField.ElementType(type), Below(pointer, entry.Name), errors);
                break;
            default:
                CheckLeaf(value, type, pointer, errors);
                break;
        }
    }

    private static void CheckFields(JsonElement value, JsonTypeInfo type, string pointer, List<ContractError> errors)
    {
        var (fields, next) = (ContractField.Of(type), 0);
        foreach (var written in value.EnumerateObject())
        {
            if (errors.Count >= MaxErrors)
                return;
            var known = ContractField.Find(fields, written, ref next);
            if (known is null)
                errors.Add(new(Below(pointer, written.Name), $"unknown field; expected one of {Names(type)}"));
            else if (written.Value.ValueKind != JsonValueKind.Null)
                CheckShape(written.Value, known.Type, Below(pointer, written.Name), errors);
            else if (!known.AllowsNull)
                errors.Add(new(Below(pointer, written.Name), $"expected {Describe(known.Type.Type)}, got null"));
        }
        foreach (var property in type.Properties)
        {
            if (property.IsRequired && !value.TryGetProperty(property.Name, out _))
                errors.Add(new(Below(pointer, property.Name), "required, but missing"));
        }
    }

    private static void CheckLeaf(JsonElement value, JsonTypeInfo type, string pointer, List<ContractError> errors)
    {
        try
        {
            value.Deserialize(type);
        }
        catch (JsonException)
        {
            errors.Add(new(pointer, $"expected {Describe(type.Type)}, got {Show(value)}"));
        }
    }

    private static void CheckRules(object? value, JsonTypeInfo type, string pointer, List<ContractError> errors)
    {
        if (value is null || errors.Count >= MaxErrors)
            return;

        if (type.Kind == JsonTypeInfoKind.Enumerable && value is System.Collections.IEnumerable items)
        {
            var index = 0;
            foreach (var item in items)
                CheckRules(item, ContractField.ElementType(type), $"{pointer}/{index++}", errors);
        }
        if (type.Kind != JsonTypeInfoKind.Object)
            return;

        foreach (var field in ContractField.Of(type))
        {
            var hasInner = field.Type.Kind is JsonTypeInfoKind.Object or JsonTypeInfoKind.Enumerable;
            if (field.Property.Get is not { } get || (field.Rules.Length == 0 && !hasInner))
                continue;
            var member = get(value);
            foreach (var rule in field.Rules)
            {
                var broken = rule.GetValidationResult(member, new ValidationContext(value) { MemberName = field.Name, DisplayName = field.Name });
                if (broken is not null)
                    errors.Add(new(Below(pointer, field.Name), broken.ErrorMessage ?? "not valid"));
            }
            if (hasInner)
                CheckRules(member, field.Type, Below(pointer, field.Name), errors);
        }
    }

    private static bool Expect(JsonElement value, JsonValueKind kind, string pointer, List<ContractError> errors)
    {
        if (value.ValueKind == kind)
            return true;
        errors.Add(new(pointer, $"expected an {kind.ToString().ToLowerInvariant()}, got {Show(value)}"));
        return false;
    }

    private static string Below(string pointer, string name) => $"{pointer}/{name.Replace("~", "~0", StringComparison.Ordinal).Replace("/", "~1", StringComparison.Ordinal)}";

    private static string Names(JsonTypeInfo type) => string.Join(", ", type.Properties.Select(property => property.Name));

    private static string Show(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Object => "an object",
        JsonValueKind.Array => "an array",
        JsonValueKind.String => "a string",
        JsonValueKind.Number => $"the number {(value.GetRawText() is { Length: <= 32 } text ? text : "(too long to show)")}",
        _ => value.GetRawText(),
    };

    private static string Describe(Type type)
    {
        var bare = Nullable.GetUnderlyingType(type) ?? type;
        if (bare.IsEnum)
            return $"one of {string.Join(", ", Enum.GetNames(bare).Select(JsonNamingPolicy.CamelCase.ConvertName))}";

        return Type.GetTypeCode(bare) switch
        {
            TypeCode.Boolean => "true or false",
            TypeCode.Byte or TypeCode.SByte or TypeCode.Int16 or TypeCode.UInt16 or TypeCode.Int32 or TypeCode.UInt32 or TypeCode.Int64 or TypeCode.UInt64 =>
                $"a whole number ({Convert.ToInt32(System.Runtime.InteropServices.Marshal.SizeOf(bare)) * 8} bits)",
            TypeCode.Single or TypeCode.Double or TypeCode.Decimal => "a number",
            TypeCode.String => "a string",
            TypeCode.DateTime => "a time (ISO 8601)",
            _ when bare == typeof(DateTimeOffset) => "a time (ISO 8601)",
            _ when bare == typeof(Guid) => "a UUID",
            _ when bare == typeof(Uri) => "a URI",
            _ => "another kind of value",
        };
    }
}

/// <summary>A contract whose type is known only when the program runs: an older version.</summary>
internal interface IContract
{
    Type Type { get; }

    IReadOnlyList<ContractError> Check(JsonElement payload);

    object ReadObject(ReadOnlySpan<byte> payload);
}

/// <summary>How contracts are read and results are written: camelCase, enums by name, nothing tolerated in silence.</summary>
internal static class ContractJson
{
    public static JsonSerializerOptions Options { get; } = Make();

    private static JsonSerializerOptions Make()
    {
        var options = new JsonSerializerOptions(JsonSerializerDefaults.Web)
        {
            PropertyNameCaseInsensitive = false,
            NumberHandling = JsonNumberHandling.Strict,
            UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
            RespectNullableAnnotations = true,
            RespectRequiredConstructorParameters = true,
            AllowDuplicateProperties = false,
            MaxDepth = 32,
            Converters = { new JsonStringEnumConverter(JsonNamingPolicy.CamelCase, allowIntegerValues: false) },
            TypeInfoResolver = new DefaultJsonTypeInfoResolver(),
        };
        options.MakeReadOnly();
        return options;
    }
}
