using System.Collections;

namespace Azure.Data.Tables;

/// <summary>
/// An entity as a bag of properties. The keys, the timestamp and the ETag lie in the same bag, under the names that the
/// service gives them.
/// </summary>
public sealed class TableEntity : ITableEntity, IDictionary<string, object>
{
    internal const string PartitionKeyName = "PartitionKey";
    internal const string RowKeyName = "RowKey";
    internal const string TimestampName = "Timestamp";
    internal const string ETagName = "odata.etag";

    /// <summary>Room for what most entities hold: a bag that grows to it is made three times.</summary>
    private const int UsualCount = 16;

    private readonly Dictionary<string, object?> properties;

    public TableEntity() => properties = new(StringComparer.Ordinal);

    public TableEntity(IDictionary<string, object> values) => properties = new(values!, StringComparer.Ordinal);

    public TableEntity(string partitionKey, string rowKey) : this(UsualCount)
    {
        PartitionKey = partitionKey;
        RowKey = rowKey;
    }

    internal TableEntity(int capacity) => properties = new(capacity, StringComparer.Ordinal);

    public string PartitionKey
    {
        get => GetString(PartitionKeyName)!;
        set => properties[PartitionKeyName] = value;
    }

    public string RowKey
    {
        get => GetString(RowKeyName)!;
        set => properties[RowKeyName] = value;
    }

    public DateTimeOffset? Timestamp
    {
        get => GetDateTimeOffset(TimestampName);
        set => properties[TimestampName] = value;
    }

    public ETag ETag
    {
        get => GetString(ETagName) is { } text ? new ETag(text) : default;
        set => properties[ETagName] = value.ToString();
    }

    public int Count => properties.Count;

    public ICollection<string> Keys => properties.Keys;

    ICollection<object> IDictionary<string, object>.Values => properties.Values!;

    bool ICollection<KeyValuePair<string, object>>.IsReadOnly => false;

    /// <summary>Null when there is no such property.</summary>
    public object this[string key]
    {
        get => properties.GetValueOrDefault(key)!;
        set => Set(key, value);
    }

    public string? GetString(string key) => Value(key) switch
    {
        null => null,
        string text => text,
        // The service keeps times as times: one read as a string is told in the service's own form.
        DateTimeOffset time => EdmText.Of(time),
        DateTime time => EdmText.Of(new DateTimeOffset(time)),
        var other => throw WrongType(key, other, typeof(string)),
    };

    public byte[]? GetBinary(string key) => Value(key) switch
    {
        null => null,
        byte[] bytes => bytes,
        BinaryData data => data.ToArray(),
        var other => throw WrongType(key, other, typeof(byte[])),
    };

    public BinaryData? GetBinaryData(string key) => Value(key) switch
    {
        null => null,
        BinaryData data => data,
        byte[] bytes => new BinaryData(bytes),
        var other => throw WrongType(key, other, typeof(BinaryData)),
    };

    public bool? GetBoolean(string key) => Value<bool>(key);

    public int? GetInt32(string key) => Value<int>(key);

    public long? GetInt64(string key) => Value<long>(key);

    public double? GetDouble(string key) => Value<double>(key);

    public Guid? GetGuid(string key) => Value<Guid>(key);

    public DateTime? GetDateTime(string key) => Value(key) switch
    {
        null => null,
        DateTime time => time,
        DateTimeOffset time => time.UtcDateTime,
        var other => throw WrongType(key, other, typeof(DateTime)),
    };

    public DateTimeOffset? GetDateTimeOffset(string key) => Value(key) switch
    {
        null => null,
        DateTimeOffset time => time,
        DateTime time => new DateTimeOffset(time),
        var other => throw WrongType(key, other, typeof(DateTimeOffset)),
    };

    /// <summary>Sets the property, also when there is one of that name already.</summary>
    public void Add(string key, object value) => Set(key, value);

    public bool ContainsKey(string key) => properties.ContainsKey(key);

    public bool Remove(string key) => properties.Remove(key);

    public bool TryGetValue(string key, out object value) => properties.TryGetValue(key, out value!);

    public void Clear() => properties.Clear();

    void ICollection<KeyValuePair<string, object>>.Add(KeyValuePair<string, object> item) => Set(item.Key, item.Value);

    bool ICollection<KeyValuePair<string, object>>.Contains(KeyValuePair<string, object> item) =>
        ((ICollection<KeyValuePair<string, object?>>)properties).Contains(item!);

    void ICollection<KeyValuePair<string, object>>.CopyTo(KeyValuePair<string, object>[] array, int arrayIndex) =>
        ((ICollection<KeyValuePair<string, object?>>)properties).CopyTo(array!, arrayIndex);

    bool ICollection<KeyValuePair<string, object>>.Remove(KeyValuePair<string, object> item) =>
        ((ICollection<KeyValuePair<string, object?>>)properties).Remove(item!);

    IEnumerator<KeyValuePair<string, object>> IEnumerable<KeyValuePair<string, object>>.GetEnumerator() => properties.GetEnumerator()!;

    IEnumerator IEnumerable.GetEnumerator() => properties.GetEnumerator();

    /// <summary>The bag itself, to walk through without allocating.</summary>
    internal Dictionary<string, object?> Properties => properties;

    /// <summary>Whether the service owns this name: it is never stored as a property of the caller's.</summary>
    internal static bool IsSystemName(string name) =>
        name is PartitionKeyName or RowKeyName or TimestampName || name.StartsWith("odata.", StringComparison.Ordinal);

    private object? Value(string key)
    {
        ArgumentException.ThrowIfNullOrEmpty(key);
        return properties.GetValueOrDefault(key);
    }

    private T? Value<T>(string key) where T : struct => Value(key) switch
    {
        null => null,
        T value => value,
        var other => throw WrongType(key, other, typeof(T)),
    };

    private void Set(string key, object? value)
    {
        ArgumentException.ThrowIfNullOrEmpty(key);
        if (properties.TryAdd(key, value))
            return;
        if (value is not null && properties.TryGetValue(key, out var known) && known is not null && known.GetType() != value.GetType())
            value = Coerce(key, known, value);
        properties[key] = value;
    }

    /// <summary>A property keeps its type: an int may widen, a long or double stays what it is, anything else is a mistake.</summary>
    private static object Coerce(string key, object known, object value) => (known, value) switch
    {
        (int, long or double) => value,
        (long, int number) => (long)number,
        (double, int number) => (double)number,
        (DateTime or DateTimeOffset, DateTime or DateTimeOffset) => value,
        (byte[] or BinaryData, byte[] or BinaryData) => value,
        _ => throw new InvalidOperationException($"Property '{key}' is a {known.GetType()}: it cannot take a {value.GetType()}."),
    };

    private static InvalidOperationException WrongType(string key, object value, Type wanted) =>
        new($"Property '{key}' is a {value.GetType()}: it cannot be read as {wanted}.");
}
