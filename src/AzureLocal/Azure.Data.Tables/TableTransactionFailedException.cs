using System.Globalization;

namespace Azure.Data.Tables;

/// <summary>A transaction was refused as a whole. The index tells which action the service named as the cause.</summary>
public class TableTransactionFailedException : RequestFailedException
{
    internal const string FailedIndexKey = "FailedEntity";

    public TableTransactionFailedException(RequestFailedException requestFailedException)
        : base(
            requestFailedException.Status,
            requestFailedException.Message,
            requestFailedException.ErrorCode,
            requestFailedException.InnerException)
    {
        foreach (var key in requestFailedException.Data.Keys)
            Data[key] = requestFailedException.Data[key];
        if (Data[FailedIndexKey] is string text && int.TryParse(text, CultureInfo.InvariantCulture, out var index))
            FailedTransactionActionIndex = index;
    }

    public int? FailedTransactionActionIndex { get; }
}
