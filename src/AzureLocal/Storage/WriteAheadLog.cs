using System.Buffers.Binary;

namespace AzureLocal.Storage;

/// <summary>
/// Reads the log that a killed process left, before SQLite does: SQLite takes a log up to its first frame with a wrong checksum, and drops the rest without a word,
/// as is right for what a power loss cut off, and wrong for what was acknowledged. The format: https://sqlite.org/fileformat2.html#the_write_ahead_log.
/// </summary>
internal static class WriteAheadLog
{
    private const int HeaderBytes = 32;
    private const int FrameHeaderBytes = 24;

    /// <summary>
    /// Whether acknowledged commits lie behind a damaged place. A commit is in the log, and forced to the disk, before the next one begins. So where two commits follow the
    /// damage and join without a gap, the first of them was acknowledged, and everything before it was sound once. A single one may be what a power loss left.
    /// </summary>
    public static bool HasCommitsBehindDamage(string file)
    {
        using var log = new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, 1 << 20);
        var header = new byte[HeaderBytes];
        if (log.ReadAtLeast(header, HeaderBytes, throwOnEndOfStream: false) < HeaderBytes)
            return false;

        var magic = BinaryPrimitives.ReadUInt32BigEndian(header);
        var pageBytes = (int)BinaryPrimitives.ReadUInt32BigEndian(header.AsSpan(8));
        var isBigEndian = (magic & 1) == 1;
        var chain = Checksum(isBigEndian, header.AsSpan(0, 24), (0, 0));
        var isSound = magic >> 1 == 0x377f0682 >> 1 && chain == Stored(header.AsSpan(24));
        var hasHeader = isSound;
        if (!hasHeader)
            (pageBytes, isBigEndian) = (PageBytesOf(file), !BitConverter.IsLittleEndian); // as SQLite writes it on this machine
        if (pageBytes is < 512 or > 65_536)
            return false;

        var frame = new byte[FrameHeaderBytes + pageBytes];
        var salt = header.AsSpan(16, 8).ToArray();
        var commits = 0;
        while (log.ReadAtLeast(frame, frame.Length, throwOnEndOfStream: false) == frame.Length)
        {
            // The salts of the header are gone with it: those of the first frame stand for them.
            if (!hasHeader && commits == 0)
                frame.AsSpan(8, 8).CopyTo(salt);
            var follows = frame.AsSpan(8, 8).SequenceEqual(salt)
                && Checksum(isBigEndian, frame.AsSpan(FrameHeaderBytes), Checksum(isBigEndian, frame.AsSpan(0, 8), chain)) == Stored(frame.AsSpan(16));
            if (!follows)
                (isSound, commits) = (false, 0);
            else if (!isSound && BinaryPrimitives.ReadUInt32BigEndian(frame.AsSpan(4)) != 0 && ++commits == 2)
                return true;
            // Behind a damaged place each frame is compared with what the one before it says of itself.
            chain = Stored(frame.AsSpan(16));
        }
        return false;
    }

    private static int PageBytesOf(string log)
    {
        using var database = File.OpenRead(log[..^"-wal".Length]);
        var header = new byte[18];
        if (database.ReadAtLeast(header, header.Length, throwOnEndOfStream: false) < header.Length)
            return 0;
        var bytes = BinaryPrimitives.ReadUInt16BigEndian(header.AsSpan(16));
        return bytes == 1 ? 65_536 : bytes;
    }

    private static (uint, uint) Stored(ReadOnlySpan<byte> at) => (BinaryPrimitives.ReadUInt32BigEndian(at), BinaryPrimitives.ReadUInt32BigEndian(at[4..]));

    private static (uint, uint) Checksum(bool isBigEndian, ReadOnlySpan<byte> bytes, (uint First, uint Second) sum)
    {
        var (first, second) = sum;
        for (; bytes.Length >= 8; bytes = bytes[8..])
        {
            first += Word(bytes) + second;
            second += Word(bytes[4..]) + first;
        }
        return (first, second);

        uint Word(ReadOnlySpan<byte> at) => isBigEndian ? BinaryPrimitives.ReadUInt32BigEndian(at) : BinaryPrimitives.ReadUInt32LittleEndian(at);
    }
}
