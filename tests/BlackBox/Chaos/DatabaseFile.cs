using System.Buffers.Binary;

namespace BlackBox.Tests.Chaos;

/// <summary>Does to a database file what bad disks and careless people do.</summary>
internal static class DatabaseFile
{
    private const int PageBytes = 4096;

    /// <summary>A sound database with nothing in it but a user version: https://sqlite.org/fileformat2.html#the_database_header.</summary>
    public static void WriteOfVersion(string file, int version)
    {
        var page = new byte[PageBytes];
        "SQLite format 3\0"u8.CopyTo(page);
        BinaryPrimitives.WriteUInt16BigEndian(page.AsSpan(16), PageBytes);
        (page[18], page[19], page[21], page[22], page[23]) = (2, 2, 64, 32, 32);
        BinaryPrimitives.WriteInt32BigEndian(page.AsSpan(24), 1);
        BinaryPrimitives.WriteInt32BigEndian(page.AsSpan(28), 1); // one page
        BinaryPrimitives.WriteInt32BigEndian(page.AsSpan(44), 4);
        BinaryPrimitives.WriteInt32BigEndian(page.AsSpan(56), 1); // UTF-8
        BinaryPrimitives.WriteInt32BigEndian(page.AsSpan(60), version);
        BinaryPrimitives.WriteInt32BigEndian(page.AsSpan(92), 1);
        BinaryPrimitives.WriteInt32BigEndian(page.AsSpan(96), 3_040_000);
        page[100] = 0x0d; // an empty leaf of the schema
        BinaryPrimitives.WriteUInt16BigEndian(page.AsSpan(105), PageBytes);
        File.WriteAllBytes(file, page);
    }

    public static void OverwritePages(string file, int first, int count) =>
        Write(file, (long)first * PageBytes, bytes => new Random(1).NextBytes(bytes), count * PageBytes);

    public static void OverwriteFrom(string file, long offset, int length) => Write(file, offset, bytes => new Random(1).NextBytes(bytes), length);

    public static void Truncate(string file, long bytes)
    {
        using var stream = new FileStream(file, FileMode.Open, FileAccess.Write, FileShare.ReadWrite);
        stream.SetLength(bytes);
    }

    private static void Write(string file, long offset, Action<Span<byte>> fill, int length)
    {
        var bytes = new byte[length];
        fill(bytes);
        using var stream = new FileStream(file, FileMode.Open, FileAccess.Write, FileShare.ReadWrite);
        stream.Seek(offset, SeekOrigin.Begin);
        stream.Write(bytes);
    }
}
