using System.Text.Json;
using Azure.Data.Tables;
using Weir.Catalog;
using Weir.Submission;

namespace Weir.Batches;

/// <summary>Why no job was made of an item, as a submission of its own would have been told.</summary>
internal sealed record ItemRefusal(int Index, string Code, string Detail, IReadOnlyList<ContractError> Errors)
{
    /// <summary>What is kept of it: the first mistakes show the pattern, and ten thousand such items stay under 30 MB.</summary>
    private const int MaxErrors = 10;
    private const int MaxText = 200;

    private const string CodeColumn = "Code";
    private const string DetailColumn = "Detail";
    private const string ErrorsColumn = "Errors";

    public static ItemRefusal Of(int index, Submitted.Refused refused) => new(index, refused.Refusal switch
    {
        Refusal.PayloadTooLarge => "bodyTooLarge",
        Refusal.WrongTime => "invalidRequest",
        var other => JsonNamingPolicy.CamelCase.ConvertName(other.ToString()),
    }, refused.Detail, refused.Errors);

    public TableEntity ToRow(string batchId, string row) => new(batchId, row)
    {
        [CodeColumn] = Code,
        [DetailColumn] = Cut(Detail),
        [ErrorsColumn] = JsonSerializer.Serialize(Errors.Take(MaxErrors).Select(error => new[] { Cut(error.Pointer), Cut(error.Detail) }), ContractJson.Options),
    };

    public static ItemRefusal Of(TableEntity row, int index) => new(
        index, row.GetString(CodeColumn) ?? "", row.GetString(DetailColumn) ?? "",
        [.. (JsonSerializer.Deserialize<string[][]>(row.GetString(ErrorsColumn) ?? "[]", ContractJson.Options) ?? []).Select(error => new ContractError(error[0], error[1]))]);

    private static string Cut(string text) => text.Length > MaxText ? text[..MaxText] : text;
}
