using Azure.Data.Tables;
using Weir;
using static Unit.Tests.Execution.TestJobs;

namespace Unit.Tests.Execution;

/// <summary>What a job costs in operations that Azure bills, counted where they are done.</summary>
public sealed class CostTests
{
    [Fact]
    public async Task A_simple_job_is_three_service_bus_and_three_table_operations()
    {
        await using var weir = await WeirInMemory.StartAsync(typeof(Plain));
        var (bus, tables) = Counts(weir);
        await weir.SubmitAsync("plain.cost", new Nothing());
        await weir.RunNextAsync();

        Assert.Equal(["Complete 1", "Receive 1", "Send 1"], Since(bus, Counts(weir).Bus).Where(one => !one.Contains("Session", StringComparison.Ordinal) && !one.Contains("Empty", StringComparison.Ordinal)));
        Assert.Equal(3, Total(tables, Counts(weir).Tables));
    }

    [Fact]
    public async Task At_least_once_saves_the_claim()
    {
        await using var weir = await WeirInMemory.StartAsync(typeof(AtLeast));
        var (_, tables) = Counts(weir);
        await weir.SubmitAsync("counted.atleast", new FailingRequest(Times: 0));
        await weir.RunNextAsync();
        Assert.Equal(2, Total(tables, Counts(weir).Tables));
    }

    private static (IReadOnlyDictionary<string, long> Bus, IReadOnlyDictionary<string, long> Tables) Counts(WeirInMemory weir) =>
        (weir.BusOperations, weir.Get<TableServiceClient>().Operations.Snapshot());

    private static IEnumerable<string> Since(IReadOnlyDictionary<string, long> before, IReadOnlyDictionary<string, long> after) =>
        after.Where(one => one.Value > before.GetValueOrDefault(one.Key)).Select(one => $"{one.Key} {one.Value - before.GetValueOrDefault(one.Key)}").Order(StringComparer.Ordinal);

    private static long Total(IReadOnlyDictionary<string, long> before, IReadOnlyDictionary<string, long> after) => after.Values.Sum() - before.Values.Sum();

    [Job("plain.cost")]
    public sealed class Plain : IJobHandler<Nothing>
    {
        public Task<object?> RunAsync(Nothing job, JobContext context, CancellationToken cancellation) => Task.FromResult<object?>(null);
    }
}
