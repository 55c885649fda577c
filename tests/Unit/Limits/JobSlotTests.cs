using Azure.Data.Tables;
using AzureLocal.Storage;
using Contract.Tests;
using Weir;
using Weir.Limits;
using static Unit.Tests.Limits.LimitedJobs;

namespace Unit.Tests.Limits;

/// <summary>Jobs of a type that may start 20 times a second, with a burst of 5, over instances that share a clock.</summary>
public sealed class JobSlotTests
{
    private static readonly TimeSpan Step = TimeSpan.FromMilliseconds(10);

    public JobSlotTests() => Plain.Starts.Clear();

    [Theory]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(23)]
    public async Task However_they_come_no_second_has_more_starts_than_rate_and_burst_and_the_rate_is_used(int seed)
    {
        var chance = new Random(seed);
        await using var one = await WeirInMemory.StartAsync(typeof(Plain));
        await using var two = await one.JoinAsync(typeof(Plain));
        WeirInMemory[] instances = [one, two];
        var begin = one.Clock.GetUtcNow();
        const int Jobs = 120;
        for (var job = 0; job < Jobs; job++)
        {
            await instances[chance.Next(2)].SubmitAsync("limited", new Limited(), key: $"job-{job}");
            if (chance.Next(4) == 0)
                await RunAsync(instances, TimeSpan.FromMilliseconds(chance.Next(60)));
        }
        await RunAsync(instances, TimeSpan.FromSeconds(30));

        Assert.Equal(Jobs, Plain.Starts.Count);
        Assert.InRange(MostInASecond(Plain.Starts), 1, 25);
        Assert.InRange((Plain.Starts.Max() - begin).TotalSeconds, (Jobs - 5) / 20.0 - 0.01, Jobs / 19.0 + 0.5);
    }

    [Fact]
    public async Task After_a_quiet_time_a_burst_starts_at_once()
    {
        await using var weir = await WeirInMemory.StartAsync(typeof(Plain));
        weir.Clock.Advance(TimeSpan.FromMinutes(1));
        await weir.SubmitAsync("limited", new Limited());
        await weir.SubmitAsync("limited", new Limited());
        await RunAsync([weir], Step);
        Assert.Equal(2, Plain.Starts.Count);
    }

    [Fact]
    public async Task A_waiting_job_has_no_message_that_a_worker_could_take()
    {
        await using var weir = await WeirInMemory.StartAsync(typeof(Plain));
        for (var job = 0; job < 40; job++)
            await weir.SubmitAsync("limited", new Limited());
        await RunAsync([weir], Step);
        Assert.Null(await weir.RunNextAsync());
        Assert.InRange(Plain.Starts.Count, 1, 5);
    }

    [Fact]
    public async Task A_backlog_that_was_missed_reserves_anew_and_burns_no_attempt()
    {
        await using var weir = await WeirInMemory.StartAsync(typeof(Plain));
        var ids = new List<string>();
        for (var job = 0; job < 60; job++)
            ids.Add(await weir.SubmitAsync("limited", new Limited()));
        weir.Clock.Advance(TimeSpan.FromMinutes(5)); // nobody was there to run them
        await RunAsync([weir], TimeSpan.FromSeconds(10));

        Assert.Equal(60, Plain.Starts.Count);
        Assert.InRange(MostInASecond(Plain.Starts), 1, 25);
        foreach (var id in ids)
            Assert.Equal((JobState.Succeeded, 1), ((await weir.JobAsync(id)).Receipt.State, (await weir.JobAsync(id)).Receipt.Attempt));
    }

    [Fact]
    public async Task Retries_keep_to_the_rate_too()
    {
        await using var weir = await WeirInMemory.StartAsync(typeof(Plain));
        for (var job = 0; job < 30; job++)
            await weir.SubmitAsync("limited", new Limited(FailTimes: 2));
        await RunAsync([weir], TimeSpan.FromSeconds(60));
        Assert.Equal(90, Plain.Starts.Count);
        Assert.InRange(MostInASecond(Plain.Starts), 1, 25);
    }

    [Fact]
    public async Task A_slot_is_good_for_one_start_though_its_message_comes_twice()
    {
        await using var weir = await WeirInMemory.StartAsync(typeof(Plain));
        await weir.SubmitAsync("limited", new Limited(FailTimes: 1));
        // Taken, and run, by an instance that disappears before it has settled the message.
        await using (var received = await weir.ReceiveAsync())
            await weir.Runner.RunAsync(received!.Message, Queue.Default, CancellationToken.None);
        Assert.Single(Plain.Starts);

        weir.Clock.Advance(Step); // within the slot's window
        await RunAsync([weir], TimeSpan.FromSeconds(20));
        Assert.Equal(2, Plain.Starts.Count);
        Assert.InRange(MostInASecond(Plain.Starts), 1, 25);
    }

    [Fact]
    public async Task Without_the_table_nothing_starts_and_with_it_everything_does()
    {
        await using var weir = await WeirInMemory.StartAsync(typeof(Plain));
        await weir.Get<TableServiceClient>().DeleteTableAsync("Limits");
        var id = await weir.SubmitAsync("limited", new Limited()); // accepted all the same
        await RunAsync([weir], TimeSpan.FromSeconds(10));
        Assert.Empty(Plain.Starts);
        Assert.Equal(JobState.Queued, (await weir.JobAsync(id)).Receipt.State);

        await weir.Get<LimitTable>().CreateIfMissingAsync(CancellationToken.None);
        await RunAsync([weir], TimeSpan.FromSeconds(10));
        Assert.Single(Plain.Starts);
        Assert.Equal(1, (await weir.JobAsync(id)).Receipt.Attempt);
    }

    [Fact]
    public async Task Under_two_limits_a_job_keeps_to_both()
    {
        var settings = new Dictionary<string, string?> { ["Weir:Tenants:default:Rate"] = "4/s", ["Weir:Tenants:default:Burst"] = "2" };
        await using var weir = await WeirInMemory.StartAsync(Store.InMemory(), new ManualClock(), settings, [typeof(Plain)]);
        for (var job = 0; job < 40; job++)
            await weir.SubmitAsync("limited", new Limited());
        await RunAsync([weir], TimeSpan.FromSeconds(14));
        Assert.Equal(40, Plain.Starts.Count);
        Assert.InRange(MostInASecond(Plain.Starts), 1, 6);
    }

    /// <summary>Lets time pass in small steps, in which the instances take turns.</summary>
    private static async Task RunAsync(WeirInMemory[] instances, TimeSpan ahead)
    {
        for (var until = instances[0].Clock.GetUtcNow() + ahead; instances[0].Clock.GetUtcNow() < until; instances[0].Clock.Advance(Step))
        {
            for (var idle = 0; idle < instances.Length;)
                idle = await instances[(int)((instances[0].Clock.GetTimestamp() / Step.Ticks + idle) % instances.Length)].RunNextAsync() is null ? idle + 1 : 0;
        }
    }
}
