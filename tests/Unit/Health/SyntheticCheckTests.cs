using AzureLocal.Storage;
using Contract.Tests;
using Weir;
using Weir.Execution;
using Weir.Reconciliation;
using Weir.SyntheticCheck;

namespace Unit.Tests.Health;

public sealed class SyntheticCheckTests
{
    [Fact]
    public async Task A_queue_in_which_its_job_does_not_end_is_told_at_once_and_found_after_two_in_a_row()
    {
        var (store, clock) = (Store.InMemory(), new ManualClock());
        await using var weir = await StartAsync(store, clock, "one");
        await using var other = await StartAsync(store, clock, "other");
        for (var round = 1; round <= 2; round++)
        {
            // Only the default queue has somebody who runs its jobs.
            var check = CheckAsync(weir);
            while (await weir.RunNextAsync() is null)
                await Task.Delay(10);
            await weir.PassTimeAsync(check, TimeSpan.FromMinutes(2));
            Assert.Equal([CheckOutcome.Succeeded, CheckOutcome.Failed, CheckOutcome.Failed], weir.Get<SyntheticChecks>().Last!.Results.OrderBy(one => one.Queue).Select(one => one.Outcome));

            await CheckAsync(other);
            Assert.Null(other.Get<SyntheticChecks>().Last); // it is not its turn
            var (found, _) = await weir.Get<FindingTable>().ReadAsync("", 10, tenant: null, CancellationToken.None);
            Assert.Equal(round - 1, found.Count(one => one.Kind == FindingKind.SyntheticCheckFailed));
        }
    }

    [Fact]
    public async Task It_is_off_in_development_and_where_its_type_is_not_served()
    {
        var (store, clock) = (Store.InMemory(), new ManualClock());
        await using var development = await WeirInMemory.StartAsync(store, clock, new() { ["Weir:SyntheticCheck:Type"] = "checked" }, [typeof(Checked)]);
        await using var unserved = await WeirInMemory.StartAsync(store, clock, new() { ["Weir:SyntheticCheck:Enabled"] = "true" }, [typeof(Checked)]);
        Assert.False(development.Get<SyntheticChecks>().IsEnabled);
        Assert.False(unserved.Get<SyntheticChecks>().IsEnabled);
        await development.Get<SyntheticChecks>().RunAsync(CancellationToken.None);
        Assert.Null(await development.ReceiveAsync());
    }

    private static Task<WeirInMemory> StartAsync(Store store, ManualClock clock, string instance) => WeirInMemory.StartAsync(
        store, clock, new() { ["Weir:SyntheticCheck:Enabled"] = "true", ["Weir:SyntheticCheck:Type"] = "checked" }, [typeof(Checked)], new Instance(instance));

    private static async Task<bool> CheckAsync(WeirInMemory weir)
    {
        await weir.Get<SyntheticChecks>().CheckAsync(CancellationToken.None);
        return true;
    }

    internal sealed record CheckedRequest;

    [Job("checked")]
    internal sealed class Checked : IJobHandler<CheckedRequest>
    {
        public Task<object?> RunAsync(CheckedRequest job, JobContext context, CancellationToken cancellation) => Task.FromResult<object?>(null);
    }
}
