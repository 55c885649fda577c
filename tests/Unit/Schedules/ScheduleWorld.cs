using System.Text.Json;
using Azure.Data.Tables;
using AzureLocal.Storage;
using Contract.Tests;
using Weir;
using Weir.Api;
using Weir.Catalog;
using Weir.Receipts;
using Weir.Schedules;

namespace Unit.Tests.Schedules;

/// <summary>An instance whose schedules are fired when the test says so, at the time that the test makes it.</summary>
internal sealed class ScheduleWorld(WeirInMemory weir) : IAsyncDisposable
{
    public const string Every = """{"type": "scheduled", "payload": {"note": "n"}, "cron": "* * * * * *"}""";

    public WeirInMemory Weir => weir;

    public ScheduleDesk Desk => weir.Get<ScheduleDesk>();

    public DateTimeOffset Now => weir.Clock.GetUtcNow();

    public static async Task<ScheduleWorld> StartAsync() => new(await WeirInMemory.StartAsync(typeof(Scheduled)));

    /// <summary>An instance of the same system with a clock of its own.</summary>
    public static async Task<ScheduleWorld> StartAsync(Store store, ManualClock clock) => new(await WeirInMemory.StartAsync(store, clock, [], [typeof(Scheduled)]));

    /// <summary>Another instance; without a handler it does not know the job type.</summary>
    public async Task<ScheduleWorld> JoinAsync(params Type[] handlers) => new(await weir.JoinAsync(handlers));

    public Task<PutAnswer> TryPutAsync(string name, string json, Precondition? condition = null)
    {
        var errors = new List<ContractError>();
        if (ScheduleRequest.Read(JsonElement.Parse(json), errors) is not var (definition, submission))
            throw new InvalidOperationException(string.Join("; ", errors));
        return Desk.PutAsync("default", name, definition, submission, condition ?? Precondition.Nothing, "ada", CancellationToken.None);
    }

    public async Task<Schedule> PutAsync(string name, string json) => Assert.IsType<PutAnswer.Written>(await TryPutAsync(name, json)).Schedule;

    public async Task<Schedule> ShowAsync(string name) => await weir.Get<ScheduleTable>().FindAsync("default", name, CancellationToken.None) ?? throw new InvalidOperationException($"There is no schedule {name}.");

    public Task<DateTimeOffset> TickAsync() => weir.Get<ScheduleFiring>().FireDueAsync(CancellationToken.None);

    public async Task PassAsync(TimeSpan span)
    {
        weir.Clock.Advance(span);
        await TickAsync();
    }

    /// <summary>The clock is at this moment, and what is due is fired.</summary>
    public Task GoToAsync(string moment) => PassAsync(DateTimeOffset.Parse(moment, System.Globalization.CultureInfo.InvariantCulture) - Now);

    /// <summary>The jobs of schedules so far, by occurrence.</summary>
    public async Task<IReadOnlyList<Receipt>> JobsAsync()
    {
        var jobs = new List<Receipt>();
        await foreach (var row in weir.Get<TableServiceClient>().GetTableClient(ReceiptTable.Name).QueryAsync<TableEntity>("RowKey eq 'job'"))
            jobs.Add(new Receipt(row));
        return [.. jobs.Where(job => job.Occurrence is not null).OrderBy(job => job.Occurrence!.At)];
    }

    public async Task<string> OccurrencesAsync() => string.Join(' ', (await JobsAsync()).Select(job => job.Occurrence!.At.ToString("HH:mm:ss", System.Globalization.CultureInfo.InvariantCulture)));

    public async Task RunJobsAsync()
    {
        while (await weir.RunNextAsync() is not null) { }
    }

    public ValueTask DisposeAsync() => weir.DisposeAsync();

    internal sealed record Payload(string Note);

    [Job("scheduled")]
    internal sealed class Scheduled : IJobHandler<Payload>
    {
        public Task<object?> RunAsync(Payload job, JobContext context, CancellationToken cancellation) => Task.FromResult<object?>(job.Note);
    }
}
