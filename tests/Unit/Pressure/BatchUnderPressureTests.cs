using System.Text;
using System.Text.Json;
using AzureLocal.Storage;
using Contract.Tests;
using Microsoft.AspNetCore.Http;
using Weir;
using Weir.Batches;
using Weir.Pressure;
using Weir.Submission;

namespace Unit.Tests.Pressure;

/// <summary>A batch is accepted or refused as a whole, at its beginning; and every answer says how things stand.</summary>
public sealed class BatchUnderPressureTests
{
    [Fact]
    public async Task A_batch_is_refused_before_anything_of_it_is_written_and_accepted_later_under_the_same_key()
    {
        await using var weir = await WeirInMemory.StartAsync(Store.InMemory(), new ManualClock(), [], [typeof(LocalStore.Plain)]);
        Read(weir, PressureLevel.Saturated);
        var refused = Assert.IsType<BatchAnswer.NoRoom>(await SubmitAsync(weir, "nightly", 30));
        Assert.Equal(("underPressure", "bulk"), (refused.Backoff.Code, refused.Backoff.Members["queue"]));
        Assert.Empty((await weir.Get<BatchTable>().ListAsync(null, "", 10, CancellationToken.None)).Lines);

        Read(weir, PressureLevel.Normal);
        Assert.Equal(30, Assert.IsType<BatchAnswer.Accepted>(await SubmitAsync(weir, "nightly", 30)).Standing.Batch.Total);
        Read(weir, PressureLevel.Saturated);
        Assert.True(Assert.IsType<BatchAnswer.Accepted>(await SubmitAsync(weir, "nightly", 30)).Replayed);
    }

    [Fact]
    public async Task The_size_of_a_batch_is_known_from_its_length_before_it_is_read()
    {
        await using var weir = await WeirInMemory.StartAsync(Store.InMemory(), new ManualClock(), new() { ["Weir:Pressure:bulk:MaxDepth"] = "1500" }, [typeof(LocalStore.Plain)]);
        Read(weir, PressureLevel.Normal);
        var refused = Assert.IsType<BatchAnswer.NoRoom>(await SubmitAsync(weir, "large", 2_000)); // of which 500 are read at first
        Assert.Equal(("queueFull", "depthLimit", true), (refused.Backoff.Code, refused.Backoff.Members["reason"], refused.Backoff.IsUnavailable));
    }

    [Fact]
    public async Task Under_pressure_the_answers_say_so_in_their_headers()
    {
        await using var weir = await WeirInMemory.StartAsync(Store.InMemory(), new ManualClock(), [], [typeof(LocalStore.Plain)]);
        Assert.Empty(Told(weir, Queue.Bulk));
        Read(weir, PressureLevel.Elevated);
        Assert.Equal([("RateLimit", "\"bulk\";r=100;t=0"), ("RateLimit-Policy", "\"bulk\";q=500;w=10"), ("Weir-Pressure", "elevated")], Told(weir, Queue.Bulk));
        Assert.Empty(Told(weir, Queue.Critical));
        Read(weir, PressureLevel.Saturated);
        Assert.Equal([("RateLimit", "\"bulk\";r=0;t=3400"), ("RateLimit-Policy", "\"bulk\";q=0;w=10"), ("Weir-Pressure", "saturated")], Told(weir, Queue.Bulk));
    }

    private static (string, string)[] Told(WeirInMemory weir, Queue queue)
    {
        var headers = new HeaderDictionary();
        weir.Get<PressureHeaders>().Tell(headers, new SubmitRequest("plain", default) { Priority = queue });
        return [.. headers.OrderBy(one => one.Key, StringComparer.Ordinal).Select(one => (one.Key, one.Value.ToString()))];
    }

    private static Task<BatchAnswer> SubmitAsync(WeirInMemory weir, string key, int items)
    {
        var lines = Enumerable.Range(0, items).Select(index => new BatchLine(index, Encoding.UTF8.GetBytes("\"payload\""), new SubmitRequest("plain", JsonElement.Parse("\"payload\"")) { Priority = Queue.Bulk }, null));
        return weir.Get<BatchSubmission>().SubmitAsync(new BatchRequest("default", key, null, null, items * 9), lines.ToAsyncEnumerable(), CancellationToken.None);
    }

    private static void Read(WeirInMemory weir, PressureLevel level)
    {
        weir.Clock.Advance(TimeSpan.FromSeconds(5));
        var now = weir.Clock.GetUtcNow();
        var depth = level switch { PressureLevel.Normal => 0, PressureLevel.Elevated => 100_000, _ => 400_000 };
        weir.Get<PressureBoard>().Use(new PressureReading(now, now, 1, [.. Enum.GetValues<Queue>().Select(queue =>
            queue == Queue.Bulk ? new QueuePressure(queue, level, now, depth, 0, 0, 0, new DrainRate(100, now, now)) : QueuePressure.Unknown(queue))]));
    }
}
