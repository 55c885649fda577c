using System.Runtime.Serialization;
using Azure.Messaging.ServiceBus;

namespace Contract.Tests.ServiceBus;

public sealed class SendingTests
{
    [Fact]
    public async Task A_message_arrives_with_all_that_its_sender_set()
    {
        await using var space = await LocalNamespace.WithQueueAsync();
        var sent = new ServiceBusMessage(new byte[] { 1, 2, 3 })
        {
            MessageId = "id",
            SessionId = "session",
            PartitionKey = "session",
            ReplyToSessionId = "reply session",
            CorrelationId = "correlation",
            Subject = "subject",
            To = "to",
            ReplyTo = "reply",
            ContentType = "application/octet-stream",
            TimeToLive = TimeSpan.FromHours(2),
        };
        sent.ApplicationProperties["Diagnostic-Id"] = "00-aa-bb-01";
        sent.ApplicationProperties["traceparent"] = "00-cc-dd-01";
        await space.Client.CreateSender("jobs").SendMessageAsync(sent);

        var message = await LocalNamespace.NextAsync(space.Client.CreateReceiver("jobs"));

        Assert.Equal([1, 2, 3], message.Body.ToArray());
        Assert.Equal(
            ("id", "session", "session", "reply session", "correlation"),
            (message.MessageId, message.SessionId, message.PartitionKey, message.ReplyToSessionId, message.CorrelationId));
        Assert.Equal(
            ("subject", "to", "reply", "application/octet-stream"), (message.Subject, message.To, message.ReplyTo, message.ContentType));
        var now = space.Clock.GetUtcNow();
        Assert.Equal((TimeSpan.FromHours(2), now, now.AddHours(2)), (message.TimeToLive, message.EnqueuedTime, message.ExpiresAt));
        Assert.Equal((1, 1, 1, ServiceBusMessageState.Active), (message.SequenceNumber, message.EnqueuedSequenceNumber, message.DeliveryCount, message.State));
        Assert.Equal(now.AddMinutes(1), message.LockedUntil);
        Assert.NotEqual(Guid.Empty, Guid.Parse(message.LockToken));
        Assert.Equal("00-aa-bb-01", message.ApplicationProperties["Diagnostic-Id"]);
        Assert.Equal("00-cc-dd-01", message.ApplicationProperties["traceparent"]);
    }

    [Fact]
    public async Task An_empty_message_arrives_empty_and_without_expiry()
    {
        await using var space = await LocalNamespace.WithQueueAsync();
        await space.Client.CreateSender("jobs").SendMessageAsync(new ServiceBusMessage());

        var message = await LocalNamespace.NextAsync(space.Client.CreateReceiver("jobs"));

        Assert.Empty(message.Body.ToArray());
        Assert.Equal((null, null, 0), (message.MessageId, message.SessionId, message.ApplicationProperties.Count));
        Assert.Equal((TimeSpan.MaxValue, DateTimeOffset.MaxValue), (message.TimeToLive, message.ExpiresAt));
    }

    [Fact]
    public async Task Application_properties_keep_their_types()
    {
        await using var space = await LocalNamespace.WithQueueAsync();
        var time = new DateTime(2026, 1, 2, 3, 4, 5, 678, DateTimeKind.Utc);
        var properties = new Dictionary<string, object>
        {
            ["string"] = "ü", ["empty"] = "", ["true"] = true, ["false"] = false, ["int"] = -1, ["long"] = long.MinValue, ["byte"] = byte.MaxValue,
            ["sbyte"] = sbyte.MinValue, ["short"] = short.MinValue, ["ushort"] = ushort.MaxValue, ["uint"] = uint.MaxValue, ["ulong"] = ulong.MaxValue,
            ["char"] = 'ü', ["float"] = 1.5f, ["double"] = Math.PI, ["decimal"] = 12345.67890m, ["guid"] = new Guid("11111111-2222-3333-4444-555555555555"),
            ["time"] = time, ["offset"] = new DateTimeOffset(time), ["span"] = TimeSpan.FromTicks(1), ["uri"] = new Uri("https://example.org/a?b"),
            ["bytes"] = new byte[] { 0, 255 },
        };
        var sent = new ServiceBusMessage("x");
        foreach (var (name, value) in properties)
            sent.ApplicationProperties[name] = value;
        await space.Client.CreateSender("jobs").SendMessageAsync(sent);

        var message = await LocalNamespace.NextAsync(space.Client.CreateReceiver("jobs"));

        Assert.Equal(properties.Count, message.ApplicationProperties.Count);
        foreach (var (name, value) in properties)
        {
            Assert.Equal(value, message.ApplicationProperties[name]);
            Assert.IsType(value.GetType(), message.ApplicationProperties[name]);
        }
    }

    [Fact]
    public async Task A_property_that_amqp_cannot_carry_is_refused()
    {
        await using var space = await LocalNamespace.WithQueueAsync();
        var message = new ServiceBusMessage("x");
        message.ApplicationProperties["list"] = new List<int>();

        await Assert.ThrowsAsync<SerializationException>(() => space.Client.CreateSender("jobs").SendMessageAsync(message));
    }

    [Fact]
    public void Ids_may_have_128_characters()
    {
        var longest = new string('x', 128);
        var message = new ServiceBusMessage { MessageId = longest, SessionId = longest };

        Assert.Throws<ArgumentOutOfRangeException>(() => message.MessageId = longest + "x");
        Assert.Throws<ArgumentOutOfRangeException>(() => message.SessionId = longest + "x");
        Assert.Throws<ArgumentException>(() => message.MessageId = "");
        Assert.Throws<ArgumentOutOfRangeException>(() => message.PartitionKey = "another than the session");
        Assert.Throws<ArgumentOutOfRangeException>(() => message.TimeToLive = TimeSpan.Zero);
    }

    [Fact]
    public async Task A_queue_with_sessions_refuses_a_message_without_one_and_keeps_none_of_its_batch()
    {
        await using var space = await LocalNamespace.WithSessionsAsync();

        await Assert.ThrowsAsync<InvalidOperationException>(() => space.Client.CreateSender("jobs").SendMessagesAsync(
            [new ServiceBusMessage("1") { SessionId = "a" }, new ServiceBusMessage("2")]));

        Assert.Equal(0, (await space.CountsAsync()).TotalMessageCount);
    }

    [Fact]
    public async Task An_entity_must_exist()
    {
        await using var space = new LocalNamespace();

        await LocalNamespace.AssertFailsAsync(ServiceBusFailureReason.MessagingEntityNotFound, () => space.SendAsync("x", queue: "none"));
        await LocalNamespace.AssertFailsAsync(ServiceBusFailureReason.MessagingEntityNotFound, () => space.Client.CreateReceiver("none").ReceiveMessageAsync());
        await LocalNamespace.AssertFailsAsync(ServiceBusFailureReason.MessagingEntityNotFound, () => space.DeadLetters("none").ReceiveMessageAsync());
        await LocalNamespace.AssertFailsAsync(ServiceBusFailureReason.MessagingEntityNotFound, () => space.Client.CreateReceiver("none").PeekMessageAsync());
    }

    [Fact]
    public async Task A_message_of_more_than_256_KiB_with_its_properties_is_refused()
    {
        await using var space = await LocalNamespace.WithQueueAsync();
        var sender = space.Client.CreateSender("jobs");
        await sender.SendMessageAsync(new ServiceBusMessage(new byte[255 * 1024]));

        await LocalNamespace.AssertFailsAsync(ServiceBusFailureReason.MessageSizeExceeded, () => sender.SendMessageAsync(new ServiceBusMessage(new byte[256 * 1024])));
        var heavy = new ServiceBusMessage(new byte[255 * 1024]);
        heavy.ApplicationProperties["x"] = new string('x', 2 * 1024);
        await LocalNamespace.AssertFailsAsync(ServiceBusFailureReason.MessageSizeExceeded, () => sender.SendMessageAsync(heavy));
        await LocalNamespace.AssertFailsAsync(
            ServiceBusFailureReason.MessageSizeExceeded, () => sender.SendMessagesAsync([new(new byte[150 * 1024]), new(new byte[150 * 1024])]));
        await LocalNamespace.AssertFailsAsync(
            ServiceBusFailureReason.MessageSizeExceeded, () => sender.SendMessagesAsync(Enumerable.Range(0, 4_501).Select(_ => new ServiceBusMessage())));
        Assert.Equal(255 * 1024, (await LocalNamespace.NextAsync(space.Client.CreateReceiver("jobs"))).Body.ToArray().Length);
    }

    [Fact]
    public async Task A_batch_takes_what_fits_and_is_sent_as_one()
    {
        await using var space = await LocalNamespace.WithQueueAsync();
        var sender = space.Client.CreateSender("jobs");
        using var batch = await sender.CreateMessageBatchAsync(new CreateMessageBatchOptions { MaxSizeInBytes = 1_000 });
        var message = new ServiceBusMessage(new byte[300]);
        while (batch.TryAddMessage(message)) { }

        Assert.InRange(batch.Count, 2, 3);
        Assert.InRange(batch.SizeInBytes, 600, 1_000);
        await sender.SendMessagesAsync(batch);

        Assert.Equal(batch.Count, (await space.CountsAsync()).ActiveMessageCount);
        await Assert.ThrowsAsync<ArgumentOutOfRangeException>(async () => await sender.CreateMessageBatchAsync(new CreateMessageBatchOptions { MaxSizeInBytes = 257 * 1024 }));
    }

    [Fact]
    public async Task A_batch_keeps_a_message_as_it_was_when_it_was_added()
    {
        await using var space = await LocalNamespace.WithQueueAsync();
        var sender = space.Client.CreateSender("jobs");
        using var batch = await sender.CreateMessageBatchAsync();
        var message = new ServiceBusMessage("x") { Subject = "before" };
        batch.TryAddMessage(message);
        message.Subject = "after";
        await sender.SendMessagesAsync(batch);

        Assert.Equal("before", (await LocalNamespace.NextAsync(space.Client.CreateReceiver("jobs"))).Subject);
    }

    [Fact]
    public async Task Sequence_numbers_grow_without_gaps_in_each_entity()
    {
        await using var space = await LocalNamespace.WithQueueAsync();
        await space.AddQueueAsync("other");
        await space.SendAsync("1");
        await space.SendAsync("1", queue: "other");
        await Assert.ThrowsAsync<ServiceBusException>(() => space.SendAsync("1", queue: "none"));
        await space.Client.CreateSender("jobs").SendMessagesAsync([new("2"), new("3")]);
        await space.SendAsync("2", queue: "other");

        var receiver = space.Client.CreateReceiver("jobs");
        Assert.Equal([1, 2, 3], (await receiver.PeekMessagesAsync(10)).Select(message => message.SequenceNumber));
        Assert.Equal([1, 2], (await space.Client.CreateReceiver("other").PeekMessagesAsync(10)).Select(message => message.SequenceNumber));
    }

    [Fact]
    public async Task A_received_message_can_be_sent_again_without_what_the_broker_added()
    {
        await using var space = await LocalNamespace.WithQueueAsync();
        var sent = new ServiceBusMessage("x") { MessageId = "id" };
        sent.ApplicationProperties["mine"] = 1;
        await space.Client.CreateSender("jobs").SendMessageAsync(sent);
        var receiver = space.Client.CreateReceiver("jobs");
        await receiver.DeadLetterMessageAsync(await LocalNamespace.NextAsync(receiver), "reason", "description");
        var dead = await LocalNamespace.NextAsync(space.DeadLetters());

        await space.Client.CreateSender("jobs").SendMessageAsync(new ServiceBusMessage(dead));

        var again = await LocalNamespace.NextAsync(receiver);
        Assert.Equal(("id", "x", 1), (again.MessageId, again.Text(), again.DeliveryCount));
        Assert.Equal(["mine"], again.ApplicationProperties.Keys);
        Assert.Equal("reason", dead.DeadLetterReason);
    }

    [Fact]
    public async Task Closed_senders_and_clients_refuse()
    {
        await using var space = await LocalNamespace.WithQueueAsync();
        var client = space.NewClient();
        var sender = client.CreateSender("jobs");
        await sender.DisposeAsync();
        await Assert.ThrowsAsync<ObjectDisposedException>(() => sender.SendMessageAsync(new ServiceBusMessage()));
        Assert.True(sender.IsClosed);

        var other = client.CreateSender("jobs");
        await client.DisposeAsync();
        await Assert.ThrowsAsync<ObjectDisposedException>(() => other.SendMessageAsync(new ServiceBusMessage()));
        Assert.Throws<ObjectDisposedException>(() => client.CreateSender("jobs"));
    }
}
