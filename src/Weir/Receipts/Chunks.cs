using Azure.Data.Tables;

namespace Weir.Receipts;

/// <summary>
/// Bytes too many for a property or a message, as rows beside the receipt: "payload-00", "payload-01", … A binary property holds
/// 64 KiB and a transaction 4 MiB (Table storage), so a payload of 1 MiB is 16 rows and still one transaction with its receipt.
/// </summary>
internal static class Chunks
{
    public const string PayloadPrefix = "payload-";
    public const string ResultPrefix = "result-";

    private const int Size = 64 * 1024;
    private const string Bytes = "Bytes";

    public static IEnumerable<TableEntity> Split(string jobId, string prefix, ReadOnlyMemory<byte> content)
    {
        for (var index = 0; index * Size < content.Length; index++)
        {
            var chunk = content.Slice(index * Size, Math.Min(Size, content.Length - index * Size));
            yield return new TableEntity(jobId, RowKey(prefix, index)) { [Bytes] = chunk.ToArray() };
        }
    }

    public static string RowKey(string prefix, int index) => $"{prefix}{index:00}";

    public static int Count(int length) => (length + Size - 1) / Size;

    public static byte[] Join(IEnumerable<TableEntity> rows, string prefix) =>
        [.. rows.Where(row => row.RowKey.StartsWith(prefix, StringComparison.Ordinal)).OrderBy(row => row.RowKey, StringComparer.Ordinal).SelectMany(row => row.GetBinary(Bytes) ?? [])];
}
