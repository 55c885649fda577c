using Azure.Data.Tables;

namespace Weir.Schedules;

/// <summary>Which occurrence of which schedule a job is.</summary>
/// <param name="JobId">The job's id: one for each occurrence, whoever submits it, and however often.</param>
internal sealed record ScheduledOccurrence(string JobId, string Schedule, DateTimeOffset At)
{
    private const string Name = "Schedule";
    private const string Occurrence = "Occurrence";

    public void WriteTo(TableEntity receipt) => (receipt[Name], receipt[Occurrence]) = (Schedule, At);

    public static ScheduledOccurrence? Of(TableEntity receipt) =>
        receipt.GetString(Name) is { } schedule ? new(receipt.PartitionKey, schedule, receipt.GetDateTimeOffset(Occurrence) ?? default) : null;
}
