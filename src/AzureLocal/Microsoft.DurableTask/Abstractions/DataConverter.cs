using System.Diagnostics.CodeAnalysis;
using System.Text.Json;

namespace Microsoft.DurableTask
{
    /// <summary>Turns inputs, outputs, events and states into text and back.</summary>
    public abstract class DataConverter
    {
        [return: NotNullIfNotNull(nameof(value))]
        public abstract string? Serialize(object? value);

        [return: NotNullIfNotNull(nameof(data))]
        public abstract object? Deserialize(string? data, Type targetType);

        [return: NotNullIfNotNull(nameof(data))]
        public virtual T? Deserialize<T>(string? data) => (T?)(Deserialize(data, typeof(T)) ?? default(T));
    }
}

namespace Microsoft.DurableTask.Converters
{
    public class JsonDataConverter : DataConverter
    {
        private static readonly JsonSerializerOptions DefaultOptions = new() { IncludeFields = true };

        private readonly JsonSerializerOptions options;

        public JsonDataConverter(JsonSerializerOptions? options = null) => this.options = options ?? DefaultOptions;

        public static JsonDataConverter Default { get; } = new();

        public override string? Serialize(object? value) => value is null ? null : JsonSerializer.Serialize(value, options);

        public override object? Deserialize(string? data, Type targetType) =>
            data is null ? null : JsonSerializer.Deserialize(data, targetType, options);
    }
}
