using Azure.Data.Tables;
using AzureLocal.ServiceBus;
using AzureLocal.Storage;
using Microsoft.Extensions.DependencyInjection;

namespace Bench.Measures;

/// <summary>
/// Operations that Azure would bill, for each job of a kind, in the running app: with the list of jobs, the statistics and every poll that went on meanwhile. docs/costs.md has
/// what belongs to a job alone.
/// </summary>
internal static class Operations
{
    public static async Task<Dictionary<string, double>> RunAsync(RunOptions run)
    {
        await using var app = await App.StartAsync(run.Data, runs: true);
        var broker = Broker.Of(Store.Open(run.Data), TimeProvider.System);
        app.Tally.Expect(run.Jobs, run.Jobs);
        var (bus, tables) = (broker.Operations.Snapshot(), Tables(app));
        await Fill.Async(app, run.Type, run.Jobs, tenants: 1);
        await app.Tally.All.WaitAsync(TimeSpan.FromMinutes(2));
        while (await app.UnsettledAsync() > 0)
            await Task.Delay(10);
        var figures = new Dictionary<string, double>();
        foreach (var (name, count) in broker.Operations.Snapshot().OrderBy(one => one.Key, StringComparer.Ordinal))
            figures[$"bus_{name}"] = (double)(count - bus.GetValueOrDefault(name)) / run.Jobs;
        foreach (var (name, count) in Tables(app).OrderBy(one => one.Key, StringComparer.Ordinal))
            figures[$"tables_{name}"] = (double)(count - tables.GetValueOrDefault(name)) / run.Jobs;
        return figures;
    }

    private static IReadOnlyDictionary<string, long> Tables(App app) => app.Get<TableServiceClient>().Operations.Snapshot();
}
