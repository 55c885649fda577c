using System.Collections;

namespace Azure.Data.Tables;

/// <summary>
/// An entity as a bag of properties. The keys, the timestamp and the ETag lie in the same bag, under the names that the
/// service gives them. The bag is a list that is looked through: for the seven or eight properties that most entities are
/// written with, a dictionary takes 450 to 980 bytes and the list 180.
/// </summary>
public sealed class TableEntity : ITableEntity, IDictionary<string, object>
{
    internal const string PartitionKeyName = "PartitionKey";
    internal const string RowKeyName = "RowKey";
    internal const string TimestampName = "Timestamp";
    internal const string ETagName = "odata.etag";

    /// <summary>Room for what most entities hold: a bag that grows to it is made twice.</summary>
    private const int UsualCount = 16;

    private readonly List<KeyValuePair<string, object?>> properties;

    public TableEntity() => properties = new(8);

    public TableEntity(IDictionary<string, object> values) => properties = new(values!);

    public TableEntity(string partitionKey, string rowKey) : this(UsualCount)
    {
        Append(PartitionKeyName, partitionKey);
        Append(RowKeyName, rowKey);
    }

    internal TableEntity(int capacity) => properties = new(capacity);

    public string PartitionKey
    {
        get => GetString(PartitionKeyName)!;
        set => Put(PartitionKeyName, value);
    }

    public string RowKey
    {
        get => GetString(RowKeyName)!;
        set => Put(RowKeyName, value);
    }

    public DateTimeOffset? Timestamp
    {
        get => GetDateTimeOffset(TimestampName);
        set => Put(TimestampName, value);
    }

    public ETag ETag
    {
        get => GetString(ETagName) is { } text ? new ETag(text) : default;
        set => Put(ETagName, value.ToString());
    }

    public int Count => properties.Count;

    public ICollection<string> Keys => properties.ConvertAll(static property => property.Key);

    ICollection<object> IDictionary<string, object>.Values => properties.ConvertAll(static property => property.Value!);

    bool ICollection<KeyValuePair<string, object>>.IsReadOnly => false;

    /// <summary>Null when there is no such property.</summary>
    public object this[string key]
    {
        get => At(key) is >= 0 and var at ? properties[at].Value! : null!;
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

    public bool ContainsKey(string key) => At(key) >= 0;

    public bool Remove(string key)
    {
        var at = At(key);
        if (at >= 0)
            properties.RemoveAt(at);
        return at >= 0;
    }

    public bool TryGetValue(string key, out object value)
    {
        var at = At(key);
        value = (at >= 0 ? properties[at].Value : null)!;
        return at >= 0;
    }

    public void Clear() => properties.Clear();

    void ICollection<KeyValuePair<string, object>>.Add(KeyValuePair<string, object> item) => Set(item.Key, item.Value);

    bool ICollection<KeyValuePair<string, object>>.Contains(KeyValuePair<string, object> item) => properties.Contains(item!);

    void ICollection<KeyValuePair<string, object>>.CopyTo(KeyValuePair<string, object>[] array, int arrayIndex) => properties.CopyTo(array!, arrayIndex);

    bool ICollection<KeyValuePair<string, object>>.Remove(KeyValuePair<string, object> item) => properties.Remove(item!);

    IEnumerator<KeyValuePair<string, object>> IEnumerable<KeyValuePair<string, object>>.GetEnumerator() => properties.GetEnumerator()!;

    IEnumerator IEnumerable.GetEnumerator() => properties.GetEnumerator();

    /// <summary>The bag itself, to walk through without allocating.</summary>
    internal List<KeyValuePair<string, object?>> Properties => properties;

    /// <summary>Sets a property as it is, whatever was there.</summary>
    internal void Put(string name, object? value)
    {
        var at = At(name);
        if (at >= 0)
            properties[at] = new(name, value);
        else
            Append(name, value);
    }

    /// <summary>Adds a property that is certainly not there yet.</summary>
    internal void Append(string name, object? value) => properties.Add(new(name, value));

    /// <summary>Whether the service owns this name: it is never stored as a property of the caller's.</summary>
    internal static bool IsSystemName(string name) =>
        name is PartitionKeyName or RowKeyName or TimestampName || name.StartsWith("odata.", StringComparison.Ordinal);

    private object? Value(string key)
    {
        ArgumentException.ThrowIfNullOrEmpty(key);
        return At(key) is >= 0 and var at ? properties[at].Value : null;
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
        var at = At(key);
        if (at < 0)
            Append(key, value);
        else if (value is not null && properties[at].Value is { } known && known.GetType() != value.GetType())
            properties[at] = new(key, Coerce(key, known, value));
        else
            properties[at] = new(key, value);
    }

    /// <summary>Where a property lies; -1 when there is none of this name.</summary>
    private int At(string key)
    {
        ArgumentNullException.ThrowIfNull(key);
        for (var at = 0; at < properties.Count; at++)
        {
            if (string.Equals(properties[at].Key, key, StringComparison.Ordinal))
                return at;
        }
        return -1;
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
