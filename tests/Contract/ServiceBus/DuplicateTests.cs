using Azure.Messaging.ServiceBus;

namespace Contract.Tests.ServiceBus;

public sealed class DuplicateTests
{
    private static readonly TimeSpan Window = TimeSpan.FromMinutes(10);

    [Fact]
    public async Task A_second_message_with_the_same_id_is_accepted_and_dropped()
    {
        await using var space = await WithDetectionAsync();
        await space.SendAsync("first", id: "1");
        await space.SendAsync("second", id: "1");
        await space.SendAsync("other", id: "2");

        var messages = await space.Client.CreateReceiver("jobs").ReceiveMessagesAsync(10);

        Assert.Equal(["first", "other"], messages.Select(message => message.Text()));
        Assert.Equal([1, 2], messages.Select(message => message.SequenceNumber));
    }

    [Fact]
    public async Task It_is_remembered_after_the_first_was_completed_for_the_window_and_no_longer()
    {
        await using var space = await WithDetectionAsync();
        var receiver = space.Client.CreateReceiver("jobs");
        await space.SendAsync("first", id: "1");
        await receiver.CompleteMessageAsync(await LocalNamespace.NextAsync(receiver));

        space.Clock.Advance(Window - TimeSpan.FromTicks(1));
        await space.SendAsync("second", id: "1");
        Assert.Equal(0, (await space.CountsAsync()).TotalMessageCount);
        space.Clock.Advance(TimeSpan.FromTicks(1));
        await space.SendAsync("third", id: "1");
        Assert.Equal("third", (await LocalNamespace.NextAsync(receiver)).Text());
    }

    [Fact]
    public async Task A_scheduled_message_counts_from_the_moment_it_is_sent()
    {
        await using var space = await WithDetectionAsync();
        var sender = space.Client.CreateSender("jobs");
        var at = space.Clock.GetUtcNow().AddHours(1);
        var number = await sender.ScheduleMessageAsync(new ServiceBusMessage("later") { MessageId = "1" }, at);

        await space.SendAsync("now", id: "1");
        Assert.Equal(number, await sender.ScheduleMessageAsync(new ServiceBusMessage("again") { MessageId = "1" }, at));

        Assert.Equal((0, 1), ((await space.CountsAsync()).ActiveMessageCount, (await space.CountsAsync()).ScheduledMessageCount));
        space.Clock.Advance(Window);
        await space.SendAsync("after the window", id: "1");
        space.Clock.Advance(TimeSpan.FromHours(1));
        Assert.Equal(2, (await space.CountsAsync()).ActiveMessageCount);
    }

    [Fact]
    public async Task Within_one_batch_too()
    {
        await using var space = await WithDetectionAsync();
        await space.Client.CreateSender("jobs").SendMessagesAsync([new("1") { MessageId = "x" }, new("2") { MessageId = "x" }, new("3"), new("4")]);

        Assert.Equal(3, (await space.CountsAsync()).ActiveMessageCount);
    }

    [Fact]
    public async Task A_queue_without_it_takes_every_copy()
    {
        await using var space = await LocalNamespace.WithQueueAsync();
        await space.SendAsync("first", id: "1");
        await space.SendAsync("second", id: "1");

        Assert.Equal(2, (await space.CountsAsync()).ActiveMessageCount);
    }

    [Fact]
    public async Task What_is_outside_the_window_is_forgotten()
    {
        await using var space = await WithDetectionAsync();
        for (var i = 0; i < 100; i++)
            await space.SendAsync("x", id: $"old-{i}");
        space.Clock.Advance(Window);
        for (var i = 0; i < 50; i++)
            await space.SendAsync("x", id: $"new-{i}");

        Assert.Equal(50, space.Store.Read(database => Rows.Count(database, "sb_seen")));
    }

    [Fact]
    public async Task In_one_batch_too_as_far_as_it_has_left_the_window()
    {
        await using var space = await WithDetectionAsync();
        for (var i = 0; i < 41; i++)
        {
            if (i == 20)
                space.Clock.Advance(Window / 2);
            await space.SendAsync("x", id: $"old-{i}");
        }
        space.Clock.Advance(Window / 2);
        await SendBatchAsync("new");
        Assert.Equal(21 + 30, space.Store.Read(database => Rows.Count(database, "sb_seen")));

        space.Clock.Advance(Window / 2);
        await SendBatchAsync("newer");
        Assert.Equal(30 + 30, space.Store.Read(database => Rows.Count(database, "sb_seen")));

        Task SendBatchAsync(string ids) =>
            space.Client.CreateSender("jobs").SendMessagesAsync(Enumerable.Range(0, 30).Select(i => new ServiceBusMessage("x") { MessageId = $"{ids}-{i}" }));
    }

    private static Task<LocalNamespace> WithDetectionAsync() => LocalNamespace.WithQueueAsync(options =>
    {
        options.RequiresDuplicateDetection = true;
        options.DuplicateDetectionHistoryTimeWindow = Window;
    });
}
