using System.Buffers;
using System.Text;
using System.Text.Json;
using Weir.Receipts;

namespace Weir.Completion;

/// <summary>
/// What is told of a job that has ended, to a webhook and in an event: under 20 kB, so that every receiver takes it. It is made from the
/// final receipt alone, so that made twice it is the same.
/// </summary>
/// <param name="Run">Which run of the job ended: how often it had been replayed. Not its attempts: a job that expired before its first has none, and its next run none before it.</param>
internal sealed record CompletionReport(string JobId, string Type, string Tenant, JobState State, int Run, DateTimeOffset FinishedAt, string Data)
{
    private const int MaxResult = 16_000;
    private const int MaxErrorText = 500;

    /// <summary>"succeeded", "deadLettered", …</summary>
    public string StateName => JsonNamingPolicy.CamelCase.ConvertName(State.ToString());

    /// <summary>One end of one run, and no other.</summary>
    public string Id => $"{JobId}:{Run}";

    public static CompletionReport Of(Receipt receipt)
    {
        var finishedAt = receipt.FinishedAt ?? receipt.SubmittedAt;
        var report = new CompletionReport(receipt.Id, receipt.Type, receipt.Tenant, receipt.State, receipt.Replays, finishedAt, "");
        return report with { Data = DataOf(receipt, report) };
    }

    private static string DataOf(Receipt receipt, CompletionReport report)
    {
        var buffer = new ArrayBufferWriter<byte>(1024);
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            json.WriteString("id", receipt.Id);
            json.WriteString("type", receipt.Type);
            json.WriteString("state", report.StateName);
            json.WriteString("tenant", receipt.Tenant);
            if (receipt.CorrelationId is { } correlationId)
                json.WriteString("correlationId", correlationId);
            json.WriteNumber("attempt", receipt.Attempt);
            json.WriteString("submittedAt", receipt.SubmittedAt);
            json.WriteString("finishedAt", report.FinishedAt);
            WriteResult(receipt, json);
            WriteError(receipt, json);
            json.WriteString("link", $"/api/jobs/{receipt.Id}");
            json.WriteEndObject();
        }
        return Encoding.UTF8.GetString(buffer.WrittenSpan);
    }

    private static void WriteResult(Receipt receipt, Utf8JsonWriter json)
    {
        if (receipt.State != JobState.Succeeded)
            return;
        if (receipt.ResultChunks > 0 || receipt.Result is { } long_ && Encoding.UTF8.GetByteCount(long_) > MaxResult)
        {
            json.WriteBoolean("resultOmitted", true);
        }
        else if (receipt.Result is { } result)
        {
            json.WritePropertyName("result");
            json.WriteRawValue(result);
        }
    }

    private static void WriteError(Receipt receipt, Utf8JsonWriter json)
    {
        if (receipt.State is not (JobState.DeadLettered or JobState.Compensated) || receipt.ErrorType is null)
            return;
        json.WriteStartObject("error");
        json.WriteString("reason", receipt.DeadLetterReason ?? "compensated");
        json.WriteString("class", receipt.ErrorClass);
        json.WriteString("type", Cut(receipt.ErrorType));
        json.WriteString("message", Cut(receipt.ErrorMessage));
        json.WriteEndObject();
    }

    private static string? Cut(string? text) => text is { Length: > MaxErrorText } ? text[..MaxErrorText] : text;
}
