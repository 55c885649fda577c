using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Weir;
using Weir.Index;
using Weir.Retention;
using Weir.Statistics;

namespace Unit.Tests.Retention;

public sealed class JobRetentionTests
{
    [Fact]
    public async Task Finished_jobs_go_with_all_beside_them_and_the_others_stay()
    {
        await using var store = await LocalStore.OpenAsync(typeof(Kept), typeof(Mayfly));
        var finished = await store.EndedJobAsync("plain", JobState.Succeeded);
        var large = await store.EndedJobAsync("plain", JobState.Succeeded, checkpoints: 250);
        var waiting = await store.EndedJobAsync("plain", JobState.Queued);
        var dead = await store.EndedJobAsync("plain", JobState.DeadLettered);
        var longKept = await store.EndedJobAsync("kept", JobState.Succeeded);
        var deadMayfly = await store.EndedJobAsync("mayfly", JobState.DeadLettered);
        await store.Index.FlushAsync(default);
        var retention = New(store);

        store.Clock.Shift = TimeSpan.FromHours(23);
        Assert.Equal(0, await retention.RunAsync(default));
        store.Clock.Shift = TimeSpan.FromDays(15);
        Assert.Equal(3, await retention.RunAsync(default));
        Assert.Equal(0, await retention.RunAsync(default));
        await AssertLeftAsync(store, [waiting, dead, longKept], [finished, large, deadMayfly]);

        store.Clock.Shift = TimeSpan.FromDays(101);
        Assert.Equal(1, await retention.RunAsync(default));
        await AssertLeftAsync(store, [waiting, dead], [longKept]);
    }

    [Fact]
    public async Task A_line_whose_job_is_gone_goes_too()
    {
        await using var store = await LocalStore.OpenAsync();
        var id = await store.EndedJobAsync("plain", JobState.Succeeded);
        await store.Index.FlushAsync(default);
        var receipt = (await store.Receipts.FindAsync(id, default))!;
        Assert.True(await store.Receipts.RemoveAsync(id, receipt.ETag, default)); // and then it crashed

        store.Clock.Shift = TimeSpan.FromDays(15);
        Assert.Equal(1, await New(store).RunAsync(default));
        Assert.Empty((await store.IndexTable.ReadOldestAsync(store.Clock.GetUtcNow(), null, default)).Jobs);
    }

    [Fact]
    public async Task A_job_that_changes_meanwhile_is_not_removed()
    {
        await using var store = await LocalStore.OpenAsync();
        var id = await store.EndedJobAsync("plain", JobState.Succeeded, checkpoints: 150);
        var receipt = (await store.Receipts.FindAsync(id, default))!;
        await store.Receipts.RenewLeaseAsync(id, receipt.ETag, store.Clock.GetUtcNow(), null, default);
        Assert.False(await store.Receipts.RemoveAsync(id, receipt.ETag, default));
        Assert.NotNull(await store.Receipts.FindCheckpointAsync(id, "step0", default));
    }

    private static JobRetention New(LocalStore store) =>
        new(store.IndexTable, store.Receipts, store.Catalog, Options.Create(new WeirOptions()), new StatisticsRetention(store.StatisticsTable, Options.Create(new StatisticsOptions()), store.Clock), store.Clock, NullLogger<JobRetention>.Instance);

    private static async Task AssertLeftAsync(LocalStore store, string[] left, string[] gone)
    {
        foreach (var id in left)
            Assert.NotNull(await store.Receipts.FindAsync(id, default));
        foreach (var id in gone)
            Assert.Null(await store.Receipts.ReadAsync(id, default));
        foreach (var id in gone)
            Assert.Null(await store.Receipts.FindCheckpointAsync(id, "step0", default));
        var list = await new JobList(store.IndexTable, store.Receipts, store.Clock).ReadAsync(new(null, null, null, DateTimeOffset.UnixEpoch, null), null, 100, default);
        Assert.Equal(left.Order(), list.Jobs.Select(job => job.Summary.Id).Order());
    }

    [Job("kept", RetentionDays = 100)]
    public sealed class Kept : IJobHandler<string>
    {
        public Task<object?> RunAsync(string job, JobContext context, CancellationToken cancellation) => Task.FromResult<object?>(null);
    }

    [Job("mayfly", RetentionDays = 1)]
    public sealed class Mayfly : IJobHandler<string>
    {
        public Task<object?> RunAsync(string job, JobContext context, CancellationToken cancellation) => Task.FromResult<object?>(null);
    }
}
