using Azure;
using Azure.Messaging.ServiceBus;
using Weir;
using Weir.Lanes;
using Weir.Why;
using static Unit.Tests.Execution.TestJobs;

namespace Unit.Tests.Why;

/// <summary>The message of a queue that has waited longest.</summary>
public sealed class OldestTests
{
    [Fact]
    public async Task It_is_the_first_that_could_be_taken_however_many_are_for_later_and_is_looked_for_anew_after_ten_seconds()
    {
        await using var weir = await WeirInMemory.StartAsync(typeof(AtLeast));
        var messages = weir.Get<QueuedMessages>();
        Assert.Null(await messages.FindOldestAsync(Queue.Default, CancellationToken.None));

        var sender = weir.Get<ServiceBusClient>().CreateSender(QueueNames.Default);
        for (var later = 0; later < 120; later++)
            await sender.ScheduleMessageAsync(Message(later), weir.Clock.GetUtcNow().AddHours(1));
        weir.Clock.Advance(TimeSpan.FromSeconds(11));
        var since = weir.Clock.GetUtcNow();
        await sender.SendMessageAsync(Message(200));
        weir.Clock.Advance(TimeSpan.FromSeconds(30));
        await sender.SendMessageAsync(Message(201));

        var oldest = await messages.FindOldestAsync(Queue.Default, CancellationToken.None);
        Assert.Equal((IdOf(200), since), (oldest!.JobId, oldest.At));

        await using var session = await weir.Get<ServiceBusClient>().AcceptSessionAsync(QueueNames.Default, "tenant.200");
        await session.CompleteMessageAsync((await session.ReceiveMessageAsync())!);
        Assert.Equal(IdOf(200), (await messages.FindOldestAsync(Queue.Default, CancellationToken.None))!.JobId); // as it was a moment ago
        weir.Clock.Advance(TimeSpan.FromSeconds(10));
        Assert.Equal(IdOf(201), (await messages.FindOldestAsync(Queue.Default, CancellationToken.None))!.JobId);
    }

    private static string IdOf(int number) => $"0196f0a2-0000-7000-8000-{number:x12}";

    private static ServiceBusMessage Message(int number) =>
        new JobMessage(IdOf(number), "at.least", "tenant", $"tenant.{number}", new ETag("\"1\""), new string('a', 64), "{}"u8.ToArray()).ToServiceBus();
}
