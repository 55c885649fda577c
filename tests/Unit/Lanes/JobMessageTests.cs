using Azure;
using Azure.Messaging.ServiceBus;
using Weir;
using Weir.Lanes;

namespace Unit.Tests.Lanes;

/// <summary>A message that says what none of ours can is none of ours: it becomes poison, and is not put off for ever.</summary>
public sealed class JobMessageTests
{
    private const string Id = "3f0c9a52-7c1f-8d0e-9b1a-52f3a5c1e2d4";

    private static readonly JobMessage Ours = new(Id, "probe", "acme", "acme.1", new ETag("W/\"7\""), new string('a', 64), "{}"u8.ToArray())
    {
        OrderingKey = "order-7", StrictKey = OrderedKeys.KeyOf("acme", Queue.Default, "order-7"), SubmittedAt = new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero),
    };

    [Fact]
    public void What_was_written_is_read() => Assert.Equal(Ours with { Body = default, SequenceNumber = -1 }, Read(_ => { })! with { Body = default });

    [Theory]
    [InlineData("weir-job", "nothing")]
    [InlineData("weir-job", "../../3f0c9a52-7c1f-8d0e-9b1a-52f3a5c1e2d4")]
    [InlineData("weir-job", 7)]
    [InlineData("weir-receipt", "*")]
    [InlineData("weir-receipt", "")]
    [InlineData("weir-receipt", "W/\"7\"\r\nX-Injected: yes")]
    [InlineData("weir-payload-sha256", "aa")]
    [InlineData("weir-tenant", "a/b")]
    [InlineData("weir-tenant", "")]
    [InlineData("weir-attempt", 0)]
    [InlineData("weir-attempt", int.MaxValue)]
    [InlineData("weir-attempt", 1L)]
    [InlineData("weir-version", 0)]
    [InlineData("weir-version", "1")]
    [InlineData("weir-earlier-attempts", int.MinValue)]
    [InlineData("weir-earlier-attempts", 1)]
    [InlineData("weir-replays", -1)]
    [InlineData("weir-put-offs", int.MaxValue)]
    [InlineData("weir-follows", -1)]
    [InlineData("weir-strict-key", "a/b\n")]
    [InlineData("weir-strict-key", "other.Default.order-7")]
    public void One_impossible_property_makes_it_none_of_ours(string name, object value) => Assert.Null(Read(properties => properties[name] = value));

    [Theory]
    [InlineData("weir-expires")]
    [InlineData("weir-submitted")]
    public void A_time_at_the_end_of_time_makes_it_none_of_ours(string name)
    {
        Assert.Null(Read(properties => properties[name] = DateTimeOffset.MaxValue));
        Assert.Null(Read(properties => properties[name] = DateTimeOffset.MinValue));
    }

    private static JobMessage? Read(Action<IDictionary<string, object>> change)
    {
        var message = Ours.ToServiceBus();
        change(message.ApplicationProperties);
        return JobMessage.Of(ServiceBusModelFactory.ServiceBusReceivedMessage(message.Body, message.MessageId, sessionId: message.SessionId, subject: message.Subject, properties: message.ApplicationProperties));
    }
}
