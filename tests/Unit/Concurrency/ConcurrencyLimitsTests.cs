using Contract.Tests;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using AzureLocal.Storage;
using Weir;
using Weir.Catalog;
using Weir.Concurrency;
using Weir.Lanes;

namespace Unit.Tests.Concurrency;

public sealed class ConcurrencyLimitsTests
{
    [Fact]
    public async Task A_job_beyond_the_limit_is_put_off_holds_no_slot_and_burns_no_attempt()
    {
        await using var weir = await WeirInMemory.StartAsync(typeof(Slow));
        (Slow.Running, Slow.Most, Slow.Go) = (0, 0, new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));
        var ids = new List<string>();
        for (var number = 0; number < 6; number++)
            ids.Add(await weir.SubmitAsync("limited", new Nothing()));
        var first = new[] { weir.RunNextAsync(), weir.RunNextAsync() };
        for (var more = 0; more < 4; more++)
            await weir.RunNextAsync(); // each ends at once
        Assert.Equal(2, Slow.Running);
        Slow.Go.SetResult();
        await Task.WhenAll(first);
        await weir.RunAllAsync(TimeSpan.FromSeconds(20));
        foreach (var id in ids)
            Assert.Equal((JobState.Succeeded, 1), ((await weir.JobAsync(id)).Receipt.State, (await weir.JobAsync(id)).Attempts.Count));
        Assert.Equal(2, Slow.Most);
    }

    [Fact]
    public void Those_who_wait_are_given_places_as_far_apart_as_places_become_free()
    {
        var clock = new ManualClock();
        var pool = new Pool(2, adaptive: false, clock);
        Assert.True(pool.TryEnter());
        var began = clock.GetUtcNow();
        clock.Advance(TimeSpan.FromSeconds(4));
        pool.Report(began, succeeded: true); // four seconds each, two at once: a place every two seconds
        Assert.True(pool.TryEnter());
        Assert.False(pool.TryEnter());
        var waits = Enumerable.Range(0, 10).Select(number => (pool.NextRoom($"{number}") - clock.GetUtcNow()).TotalSeconds).ToArray();
        for (var place = 0; place < waits.Length; place++)
            Assert.InRange(waits[place], 2 * (place + 1) * 0.75 - 0.01, 2 * (place + 1) * 1.25 + 0.01);
        for (var more = 0; more < 1_000; more++)
            Assert.InRange((pool.NextRoom($"{more}") - clock.GetUtcNow()).TotalSeconds, 0.1, 75);
    }

    [Theory]
    [InlineData("Weir:Queues:default:Concurrency", "1", 1)]
    [InlineData("Weir:Jobs:limited:MaxConcurrency", "3", 3)]
    public async Task Settings_decide(string setting, string value, int most)
    {
        await using var weir = await WeirInMemory.StartAsync(Store.InMemory(), new ManualClock(), new() { [setting] = value }, [typeof(Slow)]);
        var limits = weir.Get<ConcurrencyLimits>();
        var type = weir.Get<JobCatalog>().Find("limited")!;
        var rooms = Enumerable.Range(0, 5).Select(number => limits.TryEnter(type, Queue.Default, $"{number}", out _)).ToArray();
        Assert.Equal(most, rooms.Count(room => room is not null));
        foreach (var room in rooms)
            room?.Dispose();
        Assert.NotNull(limits.TryEnter(type, Queue.Default, "again", out _));
    }

    [Theory]
    [InlineData("Weir:Queues:fast:Concurrency", "1")]
    [InlineData("Weir:Queues:bulk:Concurrency", "0")]
    [InlineData("Weir:Jobs:limited:MaxConcurrency", "many")]
    [InlineData("Weir:Jobs:limited:AdaptiveConcurrency", "perhaps")]
    public void A_wrong_setting_stops_the_start_and_names_itself(string setting, string value)
    {
        var configuration = new ConfigurationBuilder().AddInMemoryCollection(new Dictionary<string, string?> { [setting] = value }).Build();
        var wrong = Assert.Throws<InvalidOperationException>(() => new ConcurrencyLimits(new JobCatalog([typeof(Slow)]), configuration, new HostSlots(8), new ManualClock()));
        Assert.Contains(setting.Split(':')[2], wrong.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0, true)]
    [InlineData(6, true)]
    [InlineData(7, false)]
    public async Task What_the_host_fetches_ahead_must_have_its_turn_before_its_lock_is_over(int prefetch, bool fits)
    {
        var catalog = new JobCatalog([typeof(Slow)]);
        var limits = new ConcurrencyLimits(catalog, new ConfigurationBuilder().Build(), new HostSlots(8), new ManualClock());
        var check = new PrefetchCheck(catalog, new HostSlots(8, prefetch), limits, Options.Create(new WeirOptions()), NullLogger<PrefetchCheck>.Instance);
        if (fits)
            await check.StartAsync(CancellationToken.None);
        else
            Assert.Contains("at most 6", (await Assert.ThrowsAsync<InvalidOperationException>(() => check.StartAsync(CancellationToken.None))).Message, StringComparison.Ordinal);
    }

    public sealed record Nothing;

    [Job("limited", MaxConcurrency = 2, ExpectedSeconds = 10)]
    public sealed class Slow : IJobHandler<Nothing>
    {
        public static int Running { get; set; }

        public static int Most { get; set; }

        public static TaskCompletionSource Go { get; set; } = new();

        public async Task<object?> RunAsync(Nothing job, JobContext context, CancellationToken cancellation)
        {
            Most = Math.Max(Most, ++Running);
            await Go.Task;
            Running--;
            return null;
        }
    }
}
