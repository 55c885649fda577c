using AzureLocal.Functions;
using AzureLocal.Storage;
using Microsoft.Azure.Functions.Worker;
using Microsoft.Extensions.DependencyInjection;

namespace Contract.Tests.Functions;

public sealed class TimerTests
{
    [Theory]
    [InlineData("0 */5 * * * *", "2030-01-01T00:05:00Z")]
    [InlineData("30 0 12 * * *", "2030-01-01T12:00:30Z")]
    [InlineData("*/5 * * * *", "2030-01-01T00:05:00Z")]
    [InlineData("00:10:00", "2030-01-01T00:10:00Z")]
    public void A_schedule_is_cron_with_seconds_or_without_or_an_interval(string expression, string next) =>
        Assert.Equal(DateTimeOffset.Parse(next).UtcDateTime, TimerSchedule.Parse(expression)!.Next(new DateTime(2030, 1, 1, 0, 0, 0, DateTimeKind.Utc)));

    [Theory]
    [InlineData("0 0 25 * * *")]
    [InlineData("* * *")]
    [InlineData("-00:00:05")]
    [InlineData("")]
    public void Anything_else_is_none(string expression) => Assert.Null(TimerSchedule.Parse(expression));

    [Fact]
    public async Task It_fires_at_each_occurrence_and_tells_the_last_and_the_next()
    {
        await using var timers = new Timers();
        var pump = timers.Start("one", "0 0 * * * *");

        await timers.AdvanceUntilAsync("one fires at 01:00:00, last 00:00:00, next 01:00:00, past due False", TimeSpan.FromMinutes(5));
        await timers.AdvanceUntilAsync("one fires at 02:00:00, last 01:00:00, next 02:00:00, past due False", TimeSpan.FromMinutes(5));
        await pump.StopAsync();
    }

    [Fact]
    public async Task An_occurrence_less_than_a_millisecond_away_is_waited_for_and_not_spun_for()
    {
        await using var timers = new Timers();
        timers.Clock.Advance(TimeSpan.FromTicks(5_000)); // half a millisecond: so much is left when whole milliseconds have been waited
        var pump = timers.Start("one", "0 0 * * * *");

        await timers.AdvanceUntilAsync("one fires at 01:00:00", TimeSpan.FromMinutes(5));
        await pump.StopAsync();
    }

    [Fact]
    public async Task One_host_at_a_time_fires_it_and_the_other_takes_over_when_that_stops()
    {
        await using var timers = new Timers();
        var one = timers.Start("one", "0 0 * * * *");
        await one.Claimed();
        var other = timers.Start("other", "0 0 * * * *");

        await timers.AdvanceUntilAsync("one fires at 01:00:00", TimeSpan.FromMinutes(5));
        await one.StopAsync();
        await timers.AdvanceUntilAsync("other fires at 02:00:00", TimeSpan.FromMinutes(1));

        Assert.Single(timers.Probe.Seen, seen => seen.Contains("at 01:00:00", StringComparison.Ordinal));
        await other.StopAsync();
    }

    [Fact]
    public async Task Another_host_takes_over_at_once_from_one_that_died()
    {
        await using var timers = new Timers();
        var one = timers.Start("one", "0 0 * * * *");
        await one.Claimed();

        timers.Dead.Add("one"); // it does not release, and its lease lasts a minute
        var other = timers.Start("other", "0 0 * * * *");
        await other.Claimed();

        await timers.AdvanceUntilAsync("other fires at 01:00:00", TimeSpan.FromSeconds(10));
        await other.StopAsync();
        await one.StopAsync();
    }

    [Fact]
    public async Task An_occurrence_missed_while_no_host_ran_is_made_good_once()
    {
        await using var timers = new Timers();
        var one = timers.Start("one", "0 0 * * * *");
        await one.Claimed();
        await one.StopAsync();
        timers.Clock.Advance(TimeSpan.FromHours(3.5));

        var next = timers.Start("next", "0 0 * * * *");

        await timers.Probe.Until("next fires at 03:30:00, last 00:00:00, next 01:00:00, past due True");
        await timers.AdvanceUntilAsync("next fires at 04:00:00, last 03:30:00, next 04:00:00, past due False", TimeSpan.FromMinutes(1));
        await next.StopAsync();
    }

    [Fact]
    public async Task A_schedule_that_changed_is_not_past_due()
    {
        await using var timers = new Timers();
        var one = timers.Start("one", "0 0 * * * *");
        await one.Claimed();
        await one.StopAsync();
        timers.Clock.Advance(TimeSpan.FromHours(3.5));

        var next = timers.Start("next", "0 15 * * * *");

        await timers.AdvanceUntilAsync("next fires at 04:15:00", TimeSpan.FromMinutes(1));
        Assert.DoesNotContain(timers.Probe.Seen, seen => seen.Contains("past due True", StringComparison.Ordinal));
        await next.StopAsync();
    }

    [Fact]
    public async Task RunOnStartup_fires_at_once_and_the_schedule_goes_on_although_the_function_throws()
    {
        await using var timers = new Timers { Fails = true };
        var one = timers.Start("one", "0 0 * * * *", runOnStartup: true);

        await timers.Probe.Until("one fires at 00:00:00");
        await timers.AdvanceUntilAsync("one fires at 01:00:00", TimeSpan.FromMinutes(5));
        await one.StopAsync();
    }

    [Fact]
    public void A_schedule_of_less_than_a_minute_is_not_monitored()
    {
        var now = new DateTime(2030, 1, 1, 0, 0, 0, DateTimeKind.Utc);
        Assert.False(TimerSchedule.Parse("*/10 * * * * *")!.IsWorthMonitoring(now));
        Assert.False(TimerSchedule.Parse("00:00:59")!.IsWorthMonitoring(now));
        Assert.True(TimerSchedule.Parse("0 * * * * *")!.IsWorthMonitoring(now));
    }

    [Fact]
    public async Task A_host_runs_the_timers_of_its_functions()
    {
        var probe = new Probe();
        await using var host = await TestHost.StartAsync([typeof(Tick)], new TestHostOptions
        {
            Settings = new() { ["When"] = "0 0 0 1 1 *" },
            Configure = builder => builder.Services.AddSingleton(probe),
        });

        await probe.Until("started True");
        Assert.Contains("Information: Functions: 1 timer", host.Log.Lines);
    }

    public sealed class Tick(Probe probe)
    {
        [Function("Tick")]
        public void Run([TimerTrigger("%When%", RunOnStartup = true)] TimerInfo timer, FunctionContext context) =>
            probe.See($"started {timer.ScheduleStatus!.Next.Month == 1 && context.FunctionDefinition.Name == "Tick"}");
    }

    /// <summary>Several hosts over one store in memory, each with the same timer.</summary>
    private sealed class Timers : IAsyncDisposable
    {
        private readonly Store store = Store.InMemory();
        private readonly LogLines log = new();

        public ManualClock Clock { get; } = new();

        public Probe Probe { get; } = new();

        public HashSet<string> Dead { get; } = [];

        public bool Fails { get; init; }

        public Running Start(string host, string schedule, bool runOnStartup = false)
        {
            var start = Clock.GetUtcNow().Date;
            var options = new TimerOptions("timer", TimerSchedule.Parse(schedule)!, runOnStartup, UseMonitor: true);
            var leases = new TimerStore(store, host, other => !Dead.Contains(other));
            var pump = new TimerPump(options, leases, FireAsync, Clock, new Random(1), log);
            return new Running(pump, () => store.Read(database =>
            {
                using var rows = database.Query("SELECT owner FROM timers");
                return rows.Read() && rows.TextOrNull(0) == host;
            }));

            Task FireAsync(TimerInfo info, CancellationToken cancellation)
            {
                var at = $"{host} fires at {Clock.GetUtcNow():HH:mm:ss}";
                Probe.Open(at);
                Probe.See($"{at}, last {info.ScheduleStatus!.Last:HH:mm:ss}, next {info.ScheduleStatus.Next:HH:mm:ss}, past due {info.IsPastDue}");
                return Fails ? throw new InvalidOperationException("no luck") : Task.CompletedTask;
            }
        }

        public async Task AdvanceUntilAsync(string seen, TimeSpan step)
        {
            var until = Probe.Until(seen);
            for (var i = 0; i < 2_000 && !until.IsCompleted; i++)
            {
                Clock.Advance(step);
                await Task.WhenAny(until, Task.Delay(1));
            }
            await until;
        }

        public ValueTask DisposeAsync()
        {
            store.Dispose();
            return ValueTask.CompletedTask;
        }
    }

    private sealed class Running
    {
        private readonly CancellationTokenSource stopping = new();
        private readonly Func<bool> isOwner;
        private readonly Task task;

        public Running(IPump pump, Func<bool> isOwner)
        {
            this.isOwner = isOwner;
            task = pump.RunAsync(stopping.Token);
        }

        public async Task Claimed()
        {
            while (!isOwner())
                await Task.Delay(1).WaitAsync(TestHost.Patience);
        }

        public async Task StopAsync()
        {
            stopping.Cancel();
            await task.WaitAsync(TestHost.Patience);
        }
    }
}
