using Azure.Data.Tables;
using Weir;
using Weir.DeadLetters;
using Weir.Index;
using Weir.Receipts;
using Weir.Retries;

namespace Browser.Tests;

/// <summary>Fills the tables of a data directory with jobs that have ended, and dead letters, as if they had run in the last days.</summary>
internal static class ManyJobs
{
    private const int AtOnce = 16;

    private static readonly string[] Types = ["email.welcome", "crm.sync", "analytics.track", "avatar.render"];

    public static async Task FillAsync(string directory, int jobs, int deadLetters, CancellationToken cancellation)
    {
        var tables = new TableServiceClient($"DataDirectory={directory}");
        var index = new JobIndexTable(tables);
        var catalogue = new DeadLetterTable(tables, TimeProvider.System, new Random(17));
        await index.CreateIfMissingAsync(cancellation);
        await catalogue.CreateIfMissingAsync(cancellation);

        // The last two days, evenly: an hour of a million jobs has some 20,000.
        var now = TimeProvider.System.GetUtcNow();
        var apart = TimeSpan.FromDays(2) / Math.Max(1, jobs);
        var lines = Enumerable.Range(0, jobs).Select(number => Line(number, now - apart * number));
        var batches = lines.Select(line => KeyValuePair.Create(line.RowKey, line)).GroupBy(line => line.Value.PartitionKey).SelectMany(partition => partition.Chunk(JobIndexTable.Batch));
        await Parallel.ForEachAsync(batches, new ParallelOptions { MaxDegreeOfParallelism = AtOnce, CancellationToken = cancellation }, async (some, token) => await index.WriteAsync(some, token));

        var letters = Enumerable.Range(0, deadLetters).Select(number => Dead(number, now - TimeSpan.FromSeconds(20) * number));
        await Parallel.ForEachAsync(letters, new ParallelOptions { MaxDegreeOfParallelism = AtOnce, CancellationToken = cancellation }, async (letter, token) => await catalogue.AddAsync(letter, token));
    }

    private static JobSummary Line(int number, DateTimeOffset at) => new(Guid.CreateVersion7(at).ToString(), Types[number % Types.Length], number % 1_000 == 0 ? "rare" : $"tenant-{number % 50}", at)
    {
        Queue = Queue.Default,
        CorrelationId = $"order-{number}",
        State = number % 200 == 0 ? JobState.Cancelled : JobState.Succeeded,
        FinishedAt = at.AddSeconds(2),
    };

    private static DeadLetter Dead(int number, DateTimeOffset at)
    {
        var cause = number % 40;
        return new DeadLetter(Guid.CreateVersion7(at).ToString(), at, "permanent", $"{cause:x16}")
        {
            Queue = Queue.Default,
            Type = Types[number % Types.Length],
            Version = 1,
            Tenant = $"tenant-{number % 50}",
            Lane = "tenant.1",
            Attempts = 3,
            SubmittedAt = at.AddMinutes(-1),
            PayloadBytes = 200,
            Error = new JobError(ErrorClass.Permanent, $"Example.Failure{cause}", $"Failure {cause} of job {number}", "   at Example.Handler.RunAsync()"),
        };
    }
}
