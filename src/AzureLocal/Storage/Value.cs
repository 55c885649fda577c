namespace AzureLocal.Storage;

/// <summary>One SQLite value on its way into a statement. A struct, so that a call with <c>params</c> costs no allocation.</summary>
internal readonly struct Value
{
    private readonly object? reference;
    private readonly long bits;
    private readonly Kind kind;

    private Value(Kind kind, long bits = 0, object? reference = null) => (this.kind, this.bits, this.reference) = (kind, bits, reference);

    private enum Kind : byte { Null, Integer, Real, Text, Blob }

    public static Value Null => default;

    public static implicit operator Value(long value) => new(Kind.Integer, value);
    public static implicit operator Value(long? value) => value is { } known ? new(Kind.Integer, known) : default;
    public static implicit operator Value(bool value) => new(Kind.Integer, value ? 1 : 0);
    public static implicit operator Value(double value) => new(Kind.Real, BitConverter.DoubleToInt64Bits(value));
    public static implicit operator Value(string? value) => value is null ? default : new(Kind.Text, reference: value);
    public static implicit operator Value(byte[]? value) => value is null ? default : new(Kind.Blob, reference: value);

    /// <summary>Binds to the statement's parameter <paramref name="index"/>, counted from 1.</summary>
    internal void Bind(SQLitePCL.sqlite3_stmt statement, int index)
    {
        var code = kind switch
        {
            Kind.Null => SQLitePCL.raw.sqlite3_bind_null(statement, index),
            Kind.Integer => SQLitePCL.raw.sqlite3_bind_int64(statement, index, bits),
            Kind.Real => SQLitePCL.raw.sqlite3_bind_double(statement, index, BitConverter.Int64BitsToDouble(bits)),
            Kind.Text => SQLitePCL.raw.sqlite3_bind_text(statement, index, (string)reference!),
            _ => SQLitePCL.raw.sqlite3_bind_blob(statement, index, (byte[])reference!),
        };
        if (code != SQLitePCL.raw.SQLITE_OK)
            throw new StoreException(code, $"parameter {index} could not be bound");
    }
}
