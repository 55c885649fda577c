using Azure.Messaging.ServiceBus;
using Azure.Messaging.ServiceBus.Administration;
using AzureLocal.ServiceBus;
using AzureLocal.Storage;

namespace Contract.Tests.ServiceBus;

/// <summary>A broker in memory (or in a directory) with a clock of its own, and one client.</summary>
internal sealed class LocalNamespace : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    private readonly List<ServiceBusClient> clients = [];

    public LocalNamespace(string? directory = null)
    {
        Store = directory is null ? Store.InMemory() : Store.Open(directory);
        Broker = Broker.Of(Store, Clock);
        Admin = new ServiceBusAdministrationClient(Broker);
        Client = NewClient();
    }

    public ManualClock Clock { get; } = new();
    public Store Store { get; }
    public Broker Broker { get; }
    public ServiceBusAdministrationClient Admin { get; }
    public ServiceBusClient Client { get; }

    public static async Task<LocalNamespace> WithQueueAsync(Action<CreateQueueOptions>? change = null, string? directory = null)
    {
        var space = new LocalNamespace(directory);
        await space.AddQueueAsync("jobs", change);
        return space;
    }

    public static Task<LocalNamespace> WithSessionsAsync(Action<CreateQueueOptions>? change = null, string? directory = null) =>
        WithQueueAsync(options => { options.RequiresSession = true; change?.Invoke(options); }, directory);

    public async Task AddQueueAsync(string name, Action<CreateQueueOptions>? change = null)
    {
        var options = new CreateQueueOptions(name);
        change?.Invoke(options);
        await Admin.CreateQueueAsync(options);
    }

    public ServiceBusClient NewClient()
    {
        var client = new ServiceBusClient(Broker);
        clients.Add(client);
        return client;
    }

    public async Task SendAsync(string body, string? session = null, string queue = "jobs", string? id = null)
    {
        var message = new ServiceBusMessage(body) { SessionId = session };
        if (id is not null)
            message.MessageId = id;
        await Client.CreateSender(queue).SendMessageAsync(message);
    }

    public async Task<QueueRuntimeProperties> CountsAsync(string queue = "jobs") => (await Admin.GetQueueRuntimePropertiesAsync(queue)).Value;

    public ServiceBusReceiver DeadLetters(string queue = "jobs") =>
        Client.CreateReceiver(queue, new ServiceBusReceiverOptions { SubQueue = SubQueue.DeadLetter });

    /// <summary>The next message, which must be there.</summary>
    public static async Task<ServiceBusReceivedMessage> NextAsync(ServiceBusReceiver receiver)
    {
        var message = await receiver.ReceiveMessageAsync().WaitAsync(Patience);
        Assert.NotNull(message);
        return message;
    }

    /// <summary>The session whose turn it is, which must be there.</summary>
    public Task<ServiceBusSessionReceiver> NextSessionAsync(ServiceBusClient? client = null) => (client ?? Client).AcceptNextSessionAsync("jobs").WaitAsync(Patience);

    /// <summary>Asserts that nothing can be received; the clock goes on by a millisecond.</summary>
    public async Task AssertNothingAsync(ServiceBusReceiver receiver)
    {
        var receiving = receiver.ReceiveMessageAsync(TimeSpan.FromMilliseconds(1));
        Assert.False(receiving.IsCompleted, "A message was received where none was expected.");
        Clock.Advance(TimeSpan.FromMilliseconds(1));
        Assert.Null(await receiving.WaitAsync(Patience));
    }

    public static async Task AssertFailsAsync(ServiceBusFailureReason reason, Func<Task> call)
    {
        var failure = await Assert.ThrowsAsync<ServiceBusException>(() => call().WaitAsync(Patience));
        Assert.Equal(reason, failure.Reason);
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var client in clients)
            await client.DisposeAsync();
        Store.Dispose();
    }
}

internal static class Bodies
{
    public static string Text(this ServiceBusReceivedMessage message) => message.Body.ToString();
}
