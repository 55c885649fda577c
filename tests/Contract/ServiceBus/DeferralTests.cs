using Azure.Messaging.ServiceBus;

namespace Contract.Tests.ServiceBus;

public sealed class DeferralTests
{
    [Fact]
    public async Task A_deferred_message_is_received_by_its_number_only()
    {
        await using var space = await LocalNamespace.WithQueueAsync();
        await space.SendAsync("1");
        await space.SendAsync("2");
        var receiver = space.Client.CreateReceiver("jobs");
        var message = await LocalNamespace.NextAsync(receiver);
        await receiver.DeferMessageAsync(message, new Dictionary<string, object> { ["waits"] = true });

        Assert.Equal("2", (await LocalNamespace.NextAsync(receiver)).Text());
        await space.AssertNothingAsync(receiver);
        Assert.Equal(2, (await space.CountsAsync()).ActiveMessageCount);
        var deferred = await receiver.ReceiveDeferredMessageAsync(message.SequenceNumber);

        Assert.Equal(("1", true, ServiceBusMessageState.Deferred), (deferred.Text(), deferred.ApplicationProperties["waits"], deferred.State));
        await receiver.CompleteMessageAsync(deferred);
        Assert.Equal(1, (await space.CountsAsync()).ActiveMessageCount);
    }

    [Fact]
    public async Task One_that_is_abandoned_or_whose_lock_expires_is_deferred_again()
    {
        await using var space = await LocalNamespace.WithQueueAsync();
        await space.SendAsync("1");
        var receiver = space.Client.CreateReceiver("jobs");
        await receiver.DeferMessageAsync(await LocalNamespace.NextAsync(receiver));

        await receiver.AbandonMessageAsync(await receiver.ReceiveDeferredMessageAsync(1));
        await space.AssertNothingAsync(receiver);
        Assert.Equal(2, (await receiver.ReceiveDeferredMessageAsync(1)).DeliveryCount);
        await LocalNamespace.AssertFailsAsync(ServiceBusFailureReason.MessageNotFound, () => receiver.ReceiveDeferredMessageAsync(1));
        space.Clock.Advance(TimeSpan.FromMinutes(1));
        await space.AssertNothingAsync(receiver);
        Assert.Equal(3, (await receiver.ReceiveDeferredMessageAsync(1)).DeliveryCount);
    }

    [Fact]
    public async Task A_number_that_is_not_deferred_is_not_found_and_none_is_taken()
    {
        await using var space = await LocalNamespace.WithQueueAsync();
        await space.SendAsync("1");
        await space.SendAsync("2");
        var receiver = space.Client.CreateReceiver("jobs");
        await receiver.DeferMessageAsync(await LocalNamespace.NextAsync(receiver));

        await LocalNamespace.AssertFailsAsync(ServiceBusFailureReason.MessageNotFound, () => receiver.ReceiveDeferredMessagesAsync([1, 2]));

        Assert.Single(await receiver.ReceiveDeferredMessagesAsync([1]));
    }

    [Fact]
    public async Task In_a_session_its_holder_receives_it()
    {
        await using var space = await LocalNamespace.WithSessionsAsync();
        await space.SendAsync("1", "a");
        await using (var session = await space.NextSessionAsync())
            await session.DeferMessageAsync(await LocalNamespace.NextAsync(session));
        await space.SendAsync("2", "b");

        await using (var other = await space.NextSessionAsync())
        {
            Assert.Equal("b", other.SessionId);
            await LocalNamespace.AssertFailsAsync(ServiceBusFailureReason.MessageNotFound, () => other.ReceiveDeferredMessageAsync(1));
        }
        await using (var session = await space.Client.AcceptSessionAsync("jobs", "a"))
            Assert.Equal("1", (await session.ReceiveDeferredMessageAsync(1)).Text());
        await using (var session = await space.Client.AcceptSessionAsync("jobs", "a"))
            await session.DeadLetterMessageAsync(await session.ReceiveDeferredMessageAsync(1), "reason");
        Assert.Equal("1", (await LocalNamespace.NextAsync(space.DeadLetters())).Text());
    }
}
