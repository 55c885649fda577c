using Azure.Data.Tables;
using AzureLocal.Storage;
using Contract.Tests;
using Weir;
using Weir.Execution;
using Weir.Receipts;

namespace Unit.Tests.Limits;

/// <summary>A claim that takes longer than the job's slot is open: the job is given back, and nothing is burnt.</summary>
public sealed class LateClaimTests
{
    [Fact]
    public async Task A_job_whose_claim_took_too_long_does_not_start_and_takes_another_slot()
    {
        var store = Store.InMemory();
        var clock = new ManualClock();
        var tables = new SlowClaims(new EmbeddedTables(store, clock), clock) { Slow = 3 };
        await using var weir = await WeirInMemory.StartAsync(store, clock, [], [typeof(Late)], new TableServiceClient(tables));
        Late.Starts.Clear();
        var id = await weir.SubmitAsync("limited.late", new LimitedJobs.Limited());

        for (var late = 1; late <= 3; late++)
        {
            Assert.IsType<Settlement.Complete>(await weir.RunNextAsync());
            var waiting = (await weir.JobAsync(id)).Receipt;
            Assert.Equal((JobState.Queued, 0), (waiting.State, Late.Starts.Count));
            clock.Advance(TimeSpan.FromSeconds(1));
        }
        await weir.RunAllAsync(TimeSpan.FromSeconds(2));

        var job = await weir.JobAsync(id);
        Assert.Equal((JobState.Succeeded, 1, 1), (job.Receipt.State, Assert.Single(job.Attempts).Number, Late.Starts.Count));
    }

    [Fact]
    public async Task One_that_is_cut_off_after_it_was_given_back_runs_all_the_same_once()
    {
        var store = Store.InMemory();
        var clock = new ManualClock();
        var settings = new Dictionary<string, string?> { ["Weir:KillPoint"] = "limit.given-back" };
        await using var dying = await WeirInMemory.StartAsync(store, clock, settings, [typeof(Late)], new TableServiceClient(new SlowClaims(new EmbeddedTables(store, clock), clock) { Slow = 1 }));
        var passed = 0;
        dying.Get<KillPoints>().Die = () => throw new TimeoutException($"Ended {++passed}.");
        Late.Starts.Clear();
        var id = await dying.SubmitAsync("limited.late", new LimitedJobs.Limited());
        await using (var received = await dying.ReceiveAsync())
            await dying.Runner.RunAsync(received!.Message, Queue.Default, CancellationToken.None); // and is not settled
        Assert.Equal((1, 0), (passed, Late.Starts.Count));

        await using var other = await dying.JoinAsync(typeof(Late));
        await other.RunAllAsync(TimeSpan.FromSeconds(30));
        var job = await other.JobAsync(id);
        Assert.Equal((JobState.Succeeded, 1, 1), (job.Receipt.State, Assert.Single(job.Attempts).Number, Late.Starts.Count));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public async Task An_attempt_that_was_begun_before_goes_on_under_its_number_with_its_checkpoints(int attempt)
    {
        var store = Store.InMemory();
        var clock = new ManualClock();
        var tables = new SlowClaims(new EmbeddedTables(store, clock), clock);
        await using var weir = await WeirInMemory.StartAsync(store, clock, [], [typeof(Late)], new TableServiceClient(tables));
        Late.Starts.Clear();
        Late.Effects = 0;
        var id = await weir.SubmitAsync("limited.late", new LimitedJobs.Limited());
        // What a stop leaves, in the message's own attempt or in one that followed it in place.
        var receipts = weir.Get<ReceiptTable>();
        var claimed = await receipts.ClaimAsync(id, (await weir.JobAsync(id)).Receipt.ETag, new Attempt(attempt, "gone", clock.GetUtcNow(), clock.GetUtcNow()), CancellationToken.None);
        await receipts.AddCheckpointAsync(id, "first", attempt, "7", CancellationToken.None);
        await receipts.HandBackAsync(id, claimed!.Value, CancellationToken.None);

        tables.Slow = 1;
        await weir.RunNextAsync();
        Assert.Empty(Late.Starts);
        clock.Advance(TimeSpan.FromSeconds(1));
        await weir.RunAllAsync(TimeSpan.FromSeconds(2));

        var job = await weir.JobAsync(id);
        Assert.Equal((JobState.Succeeded, attempt, "7", 0), (job.Receipt.State, Assert.Single(job.Attempts).Number, job.Receipt.Result, Late.Effects));
    }

    [Job("limited.late", Rate = "10/s", Burst = 2)]
    internal sealed class Late : IJobHandler<LimitedJobs.Limited>
    {
        public static List<DateTimeOffset> Starts { get; } = [];

        public static int Effects { get; set; }

        public async Task<object?> RunAsync(LimitedJobs.Limited job, JobContext context, CancellationToken cancellation)
        {
            Starts.Add(context.Clock.GetUtcNow());
            return await context.OnceAsync("first", _ => Task.FromResult(++Effects));
        }
    }

    /// <summary>Some claims take half a second.</summary>
    private sealed class SlowClaims(ITableTransport inner, ManualClock clock) : ITableTransport
    {
        public int Slow { get; set; }

        public string AccountName => inner.AccountName;

        public Uri Endpoint => inner.Endpoint;

        public OperationCounter Operations => inner.Operations;

        public async Task<TableAnswer> SendAsync(TableCall call, CancellationToken cancellation)
        {
            var answer = await inner.SendAsync(call, cancellation);
            if (Slow > 0 && call is TableCall.Change { Table: "Receipts", Entity.Entity: { } row } && row.GetString("State") == nameof(JobState.Running))
            {
                Slow--;
                clock.Advance(TimeSpan.FromMilliseconds(500));
            }
            return answer;
        }
    }
}
