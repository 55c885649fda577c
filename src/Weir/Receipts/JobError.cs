using Azure.Data.Tables;
using Weir.Retries;
using static Weir.Receipts.Receipt;

namespace Weir.Receipts;

/// <summary>Why an attempt failed, cut to what a table property holds (32,768 UTF-16 characters).</summary>
internal sealed record JobError(ErrorClass Class, string Type, string Message, string? Stack)
{
    private const int MaxMessage = 4_000;
    private const int MaxStack = 16_000;

    public static JobError From(ErrorClass errorClass, Exception exception) =>
        new(errorClass, exception.GetType().FullName ?? exception.GetType().Name, Cut(exception.Message, MaxMessage), Cut(exception.ToString(), MaxStack));

    public void WriteTo(TableEntity row)
    {
        row[Column.ErrorClass] = Class.ToString();
        row[Column.ErrorType] = Type;
        row[Column.ErrorMessage] = Message;
        if (Stack is not null)
            row[Column.ErrorStack] = Stack;
    }

    public static JobError? Of(TableEntity row) => row.GetString(Column.ErrorClass) is { } errorClass
        ? new(Enum.Parse<ErrorClass>(errorClass), row.GetString(Column.ErrorType) ?? "", row.GetString(Column.ErrorMessage) ?? "", row.GetString(Column.ErrorStack))
        : null;

    private static string Cut(string text, int length) => text.Length <= length ? text : string.Concat(text.AsSpan(0, length - 1), "…");
}
