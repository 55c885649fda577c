using Azure.Messaging.ServiceBus;
using AzureLocal.ServiceBus;

namespace Contract.Tests.ServiceBus;

public sealed class EntityConfigTests : IDisposable
{
    private const string Emulators = """
        // The format of the official emulator, comments allowed.
        {"UserConfig":{"Namespaces":[{"Name":"sbemulatorns",
          "Queues":[{"Name":"jobs","Properties":{"RequiresSession":true,"LockDuration":"PT30S","MaxDeliveryCount":7,
            "DefaultMessageTimeToLive":"PT1H","DeadLetteringOnMessageExpiration":true,"RequiresDuplicateDetection":true,
            "DuplicateDetectionHistoryTimeWindow":"PT20S","ForwardTo":"","ForwardDeadLetteredMessagesTo":""}}],
          "Topics":[{"Name":"events","Properties":{"DefaultMessageTimeToLive":"PT1H","RequiresDuplicateDetection":false},
            "Subscriptions":[{"Name":"all","Properties":{"MaxDeliveryCount":3}},
              {"Name":"some","Properties":{"MaxDeliveryCount":3,"LockDuration":"PT1M","RequiresSession":false},
               "Rules":[{"Name":"r1","Properties":{"FilterType":"Correlation","CorrelationFilter":{"Label":"wanted","Properties":{"tenant":"t1"}}}}]}]}]}],
          "Logging":{"Type":"File"}}}
        """;

    private readonly string file = Path.GetTempFileName();

    public void Dispose() => File.Delete(file);

    [Fact]
    public async Task The_entities_of_the_file_are_made_with_their_properties()
    {
        await using var space = new LocalNamespace();
        await ApplyAsync(space, Emulators);

        var queue = (await space.Admin.GetQueueAsync("jobs")).Value;
        Assert.Equal((true, 30, 7, 1), (queue.RequiresSession, queue.LockDuration.TotalSeconds, queue.MaxDeliveryCount, queue.DefaultMessageTimeToLive.TotalHours));
        Assert.Equal((true, true, 20), (queue.DeadLetteringOnMessageExpiration, queue.RequiresDuplicateDetection, queue.DuplicateDetectionHistoryTimeWindow.TotalSeconds));
        Assert.Equal(3, (await space.Admin.GetSubscriptionAsync("events", "all")).Value.MaxDeliveryCount);
        var wanted = new ServiceBusMessage("1") { Subject = "wanted" };
        wanted.ApplicationProperties["tenant"] = "t1";
        await space.Client.CreateSender("events").SendMessagesAsync([wanted, new("2") { Subject = "wanted" }]);
        Assert.Equal(2, (await space.Admin.GetSubscriptionRuntimePropertiesAsync("events", "all")).Value.ActiveMessageCount);
        Assert.Equal(1, (await space.Admin.GetSubscriptionRuntimePropertiesAsync("events", "some")).Value.ActiveMessageCount);
    }

    [Fact]
    public async Task Applying_it_again_changes_what_it_can_and_keeps_the_messages()
    {
        await using var space = new LocalNamespace();
        await ApplyAsync(space, Emulators);
        await space.SendAsync("1", "a");

        await ApplyAsync(space, Emulators);
        await ApplyAsync(space, Emulators.Replace("\"MaxDeliveryCount\":7", "\"MaxDeliveryCount\":8", StringComparison.Ordinal));

        Assert.Equal(8, (await space.Admin.GetQueueAsync("jobs")).Value.MaxDeliveryCount);
        Assert.Equal(1, (await space.CountsAsync()).ActiveMessageCount);
    }

    [Theory]
    [InlineData("\"RequiresSession\":true", "\"RequiresSession\":false", "RequiresSession")]
    [InlineData("\"RequiresDuplicateDetection\":true", "\"RequiresDuplicateDetection\":false", "RequiresDuplicateDetection")]
    public async Task What_is_fixed_at_creation_is_an_error_that_names_it(string was, string becomes, string property)
    {
        await using var space = new LocalNamespace();
        await ApplyAsync(space, Emulators);

        var refusal = await Assert.ThrowsAsync<InvalidOperationException>(() => ApplyAsync(space, Emulators.Replace(was, becomes, StringComparison.Ordinal)));

        Assert.Contains($"jobs: {property} is True and cannot be changed to False", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_cannot_be_done_is_an_error_that_says_so()
    {
        await using var space = new LocalNamespace();

        await Assert.ThrowsAsync<NotSupportedException>(() => ApplyAsync(space, Emulators.Replace("\"ForwardTo\":\"\"", "\"ForwardTo\":\"x\"", StringComparison.Ordinal)));
        await Assert.ThrowsAsync<NotSupportedException>(() => ApplyAsync(space, Emulators.Replace("\"FilterType\":\"Correlation\"", "\"FilterType\":\"Sql\"", StringComparison.Ordinal)));
        await Assert.ThrowsAsync<InvalidDataException>(() => ApplyAsync(space, Emulators.Replace("LockDuration", "LockDurations", StringComparison.Ordinal)));
        await Assert.ThrowsAsync<InvalidDataException>(() => ApplyAsync(space, Emulators.Replace("PT30S", "30 s", StringComparison.Ordinal)));
        await Assert.ThrowsAsync<InvalidDataException>(() => ApplyAsync(space, "{"));
        await Assert.ThrowsAsync<InvalidDataException>(() => ApplyAsync(space, "{}"));
        Assert.False((await space.Admin.QueueExistsAsync("jobs")).Value);
    }

    private async Task ApplyAsync(LocalNamespace space, string config)
    {
        await File.WriteAllTextAsync(file, config);
        await EntityConfig.ApplyAsync(space.Broker, file);
    }
}
