using Azure.Messaging.ServiceBus;
using Contract.Tests;
using AzureLocal.Storage;
using Microsoft.Extensions.Logging.Abstractions;
using Weir;
using Weir.Execution;
using Weir.Lanes;
using Weir.Pressure;
using Weir.Statistics;

namespace Unit.Tests.Pressure;

/// <summary>One instance polls and all know; when it dies another one does.</summary>
public sealed class PressureWatchTests
{
    [Fact]
    public async Task One_instance_polls_and_the_others_read_what_it_found()
    {
        await using var weir = await StartAsync();
        await SendAsync(weir, 7);
        var (one, board) = Watch(weir, "one");
        var (other, otherBoard) = Watch(weir, "other");

        await one.LookAsync(CancellationToken.None);
        await other.LookAsync(CancellationToken.None);
        weir.Clock.Advance(TimeSpan.FromSeconds(5));
        await one.LookAsync(CancellationToken.None);
        await other.LookAsync(CancellationToken.None);

        Assert.Equal((7, 7), (board.Reading.Of(Queue.Bulk).Depth, otherBoard.Reading.Of(Queue.Bulk).Depth));
        Assert.Equal(board.Reading.PolledAt, otherBoard.Reading.PolledAt);
        Assert.Equal(6, weir.BusOperations["RuntimeProperties"]); // three queues, twice
    }

    [Theory]
    [InlineData(KillPoints.AfterPollTaken)]
    [InlineData(KillPoints.AfterPolled)]
    public async Task Another_takes_over_when_the_one_who_polls_has_died(string point)
    {
        await using var weir = await StartAsync(point);
        await SendAsync(weir, 7);
        weir.Get<KillPoints>().Die = () => throw new OperationCanceledException("dead");
        using var dead = new CancellationTokenSource();
        await dead.CancelAsync();
        var (one, _) = Watch(weir, "one");
        await one.LookAsync(CancellationToken.None);
        weir.Get<KillPoints>().Die = () => { };

        var (other, board) = Watch(weir, "other");
        await other.LookAsync(CancellationToken.None);
        Assert.False(board.IsKnown);
        weir.Clock.Advance(TimeSpan.FromSeconds(14));
        await other.LookAsync(CancellationToken.None);
        Assert.Equal((true, 7), (board.IsKnown, board.Reading.Of(Queue.Bulk).Depth));
    }

    [Fact]
    public async Task A_backlog_and_what_started_meanwhile_make_the_estimate_and_the_level()
    {
        await using var weir = await StartAsync();
        var (watch, board) = Watch(weir, "one");
        await SendAsync(weir, 400);
        for (var interval = 0; interval < 4; interval++)
        {
            await watch.LookAsync(CancellationToken.None);
            weir.Clock.Advance(TimeSpan.FromSeconds(5));
            await watch.LookAsync(CancellationToken.None);
            weir.Clock.Advance(TimeSpan.FromSeconds(5));
            // Two instances, which have counted three and two starts.
            foreach (var (name, starts) in new[] { ("one", 3L), ("other", 2L) })
            {
                var series = new Series();
                series.Add(JobEvent.Started, starts);
                series.Add(JobEvent.Submitted, name == "one" ? 20 : 0);
                await weir.Get<StatisticsTable>().WriteAsync(new StatisticsRow(name, weir.Clock.GetUtcNow().AddSeconds(-10), weir.Clock.GetUtcNow(), [(new SeriesKey("a", Queue.Bulk), series)]), CancellationToken.None);
            }
        }
        weir.Clock.Advance(TimeSpan.FromSeconds(2));
        await watch.LookAsync(CancellationToken.None);

        var bulk = board.Reading.Of(Queue.Bulk);
        Assert.Equal(0.5, bulk.Drain.PerSecond!.Value, 0.001);
        Assert.Equal(TimeSpan.FromSeconds(800), bulk.EstimatedWait);
        Assert.Equal((PressureLevel.Elevated, 1), (bulk.Level, board.Reading.Takers));
        Assert.InRange(bulk.ArrivalsPerSecond, 1.3, 2.1);
        Assert.Null(bulk.ExpectedDuration(weir.Get<PressureOptions>().Of(Queue.Critical))); // not more are refused than its share, if so many come
    }

    [Fact]
    public async Task While_the_broker_cannot_be_asked_nothing_is_known_and_everything_accepted()
    {
        await using var weir = await StartAsync();
        var (watch, board) = Watch(weir, "one");
        await weir.Get<Azure.Messaging.ServiceBus.Administration.ServiceBusAdministrationClient>().DeleteQueueAsync(QueueNames.Bulk);
        await watch.LookAsync(CancellationToken.None);
        Assert.False(board.IsKnown);
        Assert.Null(new PressureGate(board, weir.Get<PressureOptions>(), weir.Clock, new Random(1)).AskBatch([(Queue.Bulk, 10)]));
    }

    private static Task<WeirInMemory> StartAsync(string? killPoint = null) =>
        WeirInMemory.StartAsync(Store.InMemory(), new ManualClock(), killPoint is null ? [] : new() { ["Weir:KillPoint"] = killPoint }, [typeof(LocalStore.Plain)]);

    private static (PressureWatch Watch, PressureBoard Board) Watch(WeirInMemory weir, string name)
    {
        var board = new PressureBoard(weir.Clock);
        return (new PressureWatch(board, weir.Get<PressurePoll>(), weir.Get<PressureTable>(), weir.Get<PressureOptions>(), new Instance(name), weir.Get<KillPoints>(), weir.Clock, NullLogger<PressureWatch>.Instance), board);
    }

    private static async Task SendAsync(WeirInMemory weir, int count)
    {
        await using var sender = weir.Get<ServiceBusClient>().CreateSender(QueueNames.Bulk);
        await sender.SendMessagesAsync(Enumerable.Range(0, count).Select(number => new ServiceBusMessage("{}") { SessionId = "s", MessageId = $"{number}" }));
    }
}
