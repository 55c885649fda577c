using System.Text.Json;
using Weir;
using Weir.Catalog;
using Weir.Controls;
using Weir.Pressure;
using Weir.Retries;
using static Unit.Tests.Controls.ControlledWorld;

namespace Unit.Tests.Controls;

public sealed class RolloutTests
{
    [Fact]
    public async Task A_policy_decides_how_often_a_job_is_tried_while_it_is_set()
    {
        await using var weir = await StartAsync();
        await weir.PutAsync(ControlKind.Policy, "paused.one", more: control => control with { Policy = new RetryPolicy(2, 2, TimeSpan.Zero, TimeSpan.Zero) });
        var id = await weir.SubmitAsync("paused.one", new Numbered(Fails: true));
        await weir.RunAllAsync(TimeSpan.FromMinutes(1));
        Assert.Equal((JobState.DeadLettered, 2), ((await weir.JobAsync(id)).Receipt.State, (await weir.JobAsync(id)).Attempts.Count));

        await weir.RemoveAsync(ControlKind.Policy, "paused.one");
        id = await weir.SubmitAsync("paused.one", new Numbered(Fails: true));
        await weir.RunAllAsync(TimeSpan.FromMinutes(3));
        Assert.Equal(5, (await weir.JobAsync(id)).Attempts.Count);
    }

    [Fact]
    public async Task Of_a_percentage_the_same_jobs_are_always_in_and_stay_in_when_it_grows()
    {
        await using var weir = await StartAsync();
        var board = weir.Get<ControlBoard>();
        var ids = Enumerable.Range(0, 2_000).Select(number => $"job-{number}").ToArray();
        var before = new HashSet<string>();
        foreach (var percentage in new[] { 0d, 10, 50, 100 })
        {
            await weir.PutAsync(ControlKind.Feature, "fast", more: control => control with { Percentage = percentage });
            var now = ids.Where(id => board.IsEnabled("fast", id, "default")).ToHashSet();
            Assert.InRange(now.Count / 20.0, percentage - 3, percentage + 3);
            Assert.Subset(now, before);
            before = now;
        }
        Assert.Equal(ids.Length, before.Count);
        await weir.PutAsync(ControlKind.Feature, "fast", more: control => control with { Percentage = 50, Spread = Spread.Tenant });
        Assert.Single(ids.Select(id => board.IsEnabled("fast", id, "acme")).Distinct());
        Assert.False(board.IsEnabled("unknown", ids[0], "acme"));
    }

    [Fact]
    public async Task A_handler_asks_for_a_feature()
    {
        await using var weir = await StartAsync();
        await weir.PutAsync(ControlKind.Feature, "fast");
        var id = await weir.SubmitAsync("paused.one", new Numbered());
        await weir.RunNextAsync();
        Assert.True(JsonElement.Parse((await weir.JobAsync(id)).Result.Span).GetProperty("fast").GetBoolean());
    }

    [Fact]
    public async Task What_may_run_once_only_is_not_retried_whatever_a_control_says()
    {
        await using var weir = await WeirInMemory.StartAsync(typeof(Once));
        await weir.PutAsync(ControlKind.Policy, "paused.once", more: control => control with { PolicyName = RetryPolicies.Quick });
        Assert.Equal(1, weir.Get<RetryPolicies>().Of(weir.Get<JobCatalog>().Find("paused.once")!, "id", "default").Attempts);
    }

    [Fact]
    public async Task A_saturated_critical_pauses_bulk_if_it_may_and_gives_it_back()
    {
        await using var weir = await StartAsync();
        var pressure = new PressureBoard(weir.Clock);
        var automatic = new AutomaticPause(
            Microsoft.Extensions.Options.Options.Create(new ControlOptions()), weir.Get<ControlTable>(), weir.Get<ControlDesk>(), pressure, weir.Clock,
            Microsoft.Extensions.Logging.Abstractions.NullLogger<AutomaticPause>.Instance);
        Use(PressureLevel.Saturated);
        await LookAsync();
        Assert.Null(Pause()); // off unless it is asked for

        await weir.PutAsync(ControlKind.Automatic, "bulk");
        await LookAsync();
        Assert.True(Pause()!.IsAutomatic);
        weir.Clock.Advance(TimeSpan.FromSeconds(90));
        Use(PressureLevel.Saturated);
        await LookAsync(); // renewed
        await weir.Get<ControlBoard>().ReadAgainAsync(CancellationToken.None);
        Assert.True(Pause()!.Until > weir.Clock.GetUtcNow() + TimeSpan.FromSeconds(90));
        Use(PressureLevel.Normal);
        await LookAsync();
        Assert.Null(Pause());

        await weir.PutAsync(ControlKind.Queue, "bulk");
        await LookAsync();
        Assert.False(Pause()!.IsAutomatic); // an operator's own is left as it is

        void Use(PressureLevel level)
        {
            var queues = PressureReading.None.Queues.Select(queue => queue.Queue == Queue.Critical ? queue with { Level = level } : queue);
            weir.Clock.Advance(TimeSpan.FromMilliseconds(1)); // a reading of the same moment is the same one
            pressure.Use(PressureReading.None with { PolledAt = weir.Clock.GetUtcNow(), Queues = [.. queues] });
        }

        async Task LookAsync() => await automatic.LookAsync(await weir.Get<ControlBoard>().ReadAgainAsync(CancellationToken.None), CancellationToken.None);
        Control? Pause() => weir.Get<ControlBoard>().Find(ControlKind.Queue, "bulk");
    }

    [Job("paused.once", Guarantee = Guarantee.AtMostOnce)]
    internal sealed class Once : IJobHandler<Numbered>
    {
        public Task<object?> RunAsync(Numbered job, JobContext context, CancellationToken cancellation) => Task.FromResult<object?>(null);
    }
}
