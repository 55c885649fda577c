using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.WebUtilities;
using Weir;
using Weir.Api;
using Weir.Statistics;
using static Unit.Tests.Execution.TestJobs;

namespace Unit.Tests.Statistics;

/// <summary>What happened over time, step by step.</summary>
public sealed class StatisticsHistoryTests
{
    private static readonly DateTimeOffset Noon = new(2026, 11, 21, 12, 0, 0, TimeSpan.Zero);

    [Fact]
    public async Task Rows_of_all_instances_lie_in_the_steps_of_their_times_also_over_midnight()
    {
        await using var weir = await WeirInMemory.StartAsync(typeof(AtLeast));
        var midnight = Noon.AddHours(12);
        await WriteAsync(weir, "one", midnight.AddSeconds(-70), 1);
        await WriteAsync(weir, "one", midnight.AddSeconds(-10), 2);
        await WriteAsync(weir, "two", midnight.AddSeconds(-10), 4);
        await WriteAsync(weir, "one", midnight, 8);
        await WriteAsync(weir, "one", midnight.AddSeconds(60), 16);
        var points = await ReadAsync(weir, new HistoryQuestion(midnight.AddMinutes(-1), midnight.AddMinutes(1), TimeSpan.FromMinutes(1), null, null));
        Assert.Equal([6, 8], points.Select(point => point[JobEvent.Started]));
        Assert.Equal([2, 1], points.Select(point => point.Run.Count));
    }

    [Fact]
    public async Task A_queue_and_a_type_can_be_asked_for()
    {
        await using var weir = await WeirInMemory.StartAsync(typeof(AtLeast));
        await WriteAsync(weir, "one", Noon, 1, "a", Queue.Bulk);
        await WriteAsync(weir, "two", Noon, 2, "a", Queue.Critical);
        await WriteAsync(weir, "three", Noon, 4, "b", Queue.Critical);
        async Task<long> StartedAsync(Queue? queue, string? type) =>
            (await ReadAsync(weir, new HistoryQuestion(Noon, Noon.AddMinutes(1), TimeSpan.FromMinutes(1), queue, type))).Single()[JobEvent.Started];
        Assert.Equal((7, 6, 3, 2), (await StartedAsync(null, null), await StartedAsync(Queue.Critical, null), await StartedAsync(null, "a"), await StartedAsync(Queue.Critical, "a")));
    }

    [Theory]
    [InlineData("", "2026-11-21T11:00:00Z", "2026-11-21T12:00:00Z", "00:00:30", 120)]
    [InlineData("?from=2026-11-21T11:59:55Z", "2026-11-21T11:59:50Z", "2026-11-21T12:00:00Z", "00:00:10", 1)]
    [InlineData("?from=2026-11-14T12:00:00Z", "2026-11-14T12:00:00Z", "2026-11-21T12:00:00Z", "02:00:00", 84)]
    [InlineData("?from=2026-11-21T13:00:30%2B02:00&to=2026-11-21T11:03:00Z&step=PT1M", "2026-11-21T11:00:00Z", "2026-11-21T11:03:00Z", "00:01:00", 3)]
    [InlineData("?from=2026-11-20T01:00:00Z&to=2026-11-21T02:00:00Z&step=P1D", "2026-11-20T00:00:00Z", "2026-11-22T00:00:00Z", "1.00:00:00", 2)]
    public void Times_are_moved_outwards_to_whole_steps(string query, string from, string to, string step, int points)
    {
        Assert.Null(StatisticsApi.Read(Query(query), Noon, out var question));
        Assert.Equal((DateTimeOffset.Parse(from, null), DateTimeOffset.Parse(to, null), TimeSpan.Parse(step, null), points), (question!.From, question.To, question.Step, question.Points));
    }

    [Theory]
    [InlineData("?colour=red", "Expected some of")]
    [InlineData("?type=a&type=b", "type is there more than once")]
    [InlineData("?queue=fast", "queue is")]
    [InlineData("?queue=1", "queue is")]
    [InlineData("?from=yesterday", "from and to are times")]
    [InlineData("?from=2026-11-21T12:00:00Z", "from is not before to")]
    [InlineData("?from=2026-10-01T00:00:00Z", "at most 31 days")]
    [InlineData("?to=9999-01-01T00:00:00Z", "from and to are times")]
    [InlineData("?to=1970-01-01T00:00:00Z", "from is not before to")]
    [InlineData("?step=PT1S", "step is")]
    [InlineData("?step=PT15.5S", "step is")]
    [InlineData("?step=P2D", "step is")]
    [InlineData("?step=1m", "step is")]
    [InlineData("?from=2026-11-21T10:00:00Z&step=PT10S", "720 points")]
    public void A_query_that_is_wrong_is_told_what_was_expected(string query, string told) => Assert.Contains(told, StatisticsApi.Read(Query(query), Noon, out _));

    private static async Task<IReadOnlyList<Series>> ReadAsync(WeirInMemory weir, HistoryQuestion question) =>
        await weir.Get<StatisticsHistory>().ReadAsync(question, CancellationToken.None) ?? throw new InvalidOperationException("Too many rows.");

    private static Task WriteAsync(WeirInMemory weir, string instance, DateTimeOffset from, int started, string type = "a", Queue queue = Queue.Default)
    {
        var series = new Series();
        series.Add(JobEvent.Started, started);
        series.Run.Add(Latencies.BucketOf(TimeSpan.FromMilliseconds(5)), 1);
        return weir.Get<StatisticsTable>().WriteAsync(new StatisticsRow(instance, from, from.AddSeconds(10.002), [(new SeriesKey(type, queue), series)]), CancellationToken.None);
    }

    private static QueryCollection Query(string query) => new(QueryHelpers.ParseQuery(query));
}
