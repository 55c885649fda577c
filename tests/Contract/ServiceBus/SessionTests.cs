using Azure.Messaging.ServiceBus;

namespace Contract.Tests.ServiceBus;

public sealed class SessionTests
{
    [Fact]
    public async Task Messages_of_a_session_come_in_the_order_in_which_they_were_sent()
    {
        await using var space = await LocalNamespace.WithSessionsAsync();
        foreach (var body in (string[])["a1", "b1", "a2", "b2", "a3"])
            await space.SendAsync(body, body[..1]);

        var session = await space.Client.AcceptSessionAsync("jobs", "a");
        var messages = await session.ReceiveMessagesAsync(10);

        Assert.Equal(["a1", "a2", "a3"], messages.Select(message => message.Text()));
        Assert.Equal([1, 3, 5], messages.Select(message => message.SequenceNumber));
    }
}
