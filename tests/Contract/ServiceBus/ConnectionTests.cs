using Azure.Core;
using Azure.Messaging.ServiceBus;
using Azure.Messaging.ServiceBus.Administration;
using AzureLocal.ServiceBus;
using AzureLocal.Storage;

namespace Contract.Tests.ServiceBus;

/// <summary>Where a client finds its broker, and what becomes of its locks when it goes: in good order, or not.</summary>
public sealed class ConnectionTests : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    private readonly string directory = Directory.CreateTempSubdirectory("weir-servicebus-").FullName;

    public void Dispose() => Directory.Delete(directory, recursive: true);

    [Fact]
    public async Task A_connection_string_may_name_a_data_directory()
    {
        await new ServiceBusAdministrationClient($"DataDirectory={directory}").CreateQueueAsync("jobs");
        await using (var client = new ServiceBusClient($"DataDirectory={directory}"))
            await client.CreateSender("jobs").SendMessageAsync(new ServiceBusMessage("kept"));

        await using var other = new ServiceBusClient($"DataDirectory={directory};", new ServiceBusClientOptions());
        Assert.Equal("kept", (await other.CreateReceiver("jobs").ReceiveMessageAsync())?.Text());
    }

    [Fact]
    public void Any_other_address_is_refused_with_a_hint()
    {
        const string Azures = "Endpoint=sb://weir.servicebus.windows.net/;SharedAccessKeyName=n;SharedAccessKey=a2V5";
        foreach (var attempt in (Action[])[
            () => _ = new ServiceBusClient(Azures),
            () => _ = new ServiceBusClient("weir.servicebus.windows.net", new NoCredential()),
            () => _ = new ServiceBusAdministrationClient(Azures),
            () => _ = new ServiceBusAdministrationClient("weir.servicebus.windows.net", new NoCredential())])
            Assert.Contains("-p:AzurePackages=true", Assert.Throws<NotSupportedException>(attempt).Message, StringComparison.Ordinal);
        Assert.Throws<FormatException>(() => new ServiceBusClient("nonsense"));
        Assert.ThrowsAny<ArgumentException>(() => new ServiceBusClient(""));
    }

    [Fact]
    public async Task A_client_that_is_disposed_of_releases_its_locks_and_nothing_is_counted()
    {
        await using var space = await LocalNamespace.WithSessionsAsync();
        await space.AddQueueAsync("plain");
        await space.SendAsync("1", "a");
        await space.SendAsync("1", queue: "plain");
        var client = space.NewClient();
        await LocalNamespace.NextAsync(await space.NextSessionAsync(client));
        await LocalNamespace.NextAsync(client.CreateReceiver("plain"));

        await client.DisposeAsync();

        Assert.Equal(1, (await LocalNamespace.NextAsync(await space.NextSessionAsync())).DeliveryCount);
        Assert.Equal(1, (await LocalNamespace.NextAsync(space.Client.CreateReceiver("plain"))).DeliveryCount);
    }

    [Fact]
    public async Task A_connection_that_is_killed_loses_its_locks_at_once_and_deliveries_count()
    {
        await using var space = await LocalNamespace.WithSessionsAsync();
        await space.AddQueueAsync("plain");
        await space.SendAsync("1", "a");
        await space.SendAsync("1", queue: "plain");
        var client = space.NewClient();
        var session = await space.NextSessionAsync(client);
        var message = await LocalNamespace.NextAsync(session);
        await LocalNamespace.NextAsync(client.CreateReceiver("plain"));
        var waiting = client.AcceptNextSessionAsync("jobs");
        var others = space.Client.AcceptNextSessionAsync("jobs");

        await client.Connection.KillAsync();

        await LocalNamespace.AssertFailsAsync(ServiceBusFailureReason.ServiceCommunicationProblem, () => waiting);
        await LocalNamespace.AssertFailsAsync(ServiceBusFailureReason.ServiceCommunicationProblem, () => session.CompleteMessageAsync(message));
        Assert.Equal(2, (await LocalNamespace.NextAsync(await others.WaitAsync(Patience))).DeliveryCount);
        Assert.Equal(2, (await LocalNamespace.NextAsync(space.Client.CreateReceiver("plain"))).DeliveryCount);
    }

    [Fact]
    public async Task A_client_that_is_disposed_of_while_it_waits_stops_waiting()
    {
        await using var space = await LocalNamespace.WithSessionsAsync();
        var client = space.NewClient();
        var waiting = client.AcceptNextSessionAsync("jobs");

        await client.DisposeAsync();

        await Assert.ThrowsAsync<ObjectDisposedException>(() => waiting);
    }

    [Fact]
    public async Task What_one_process_sends_another_that_waits_receives()
    {
        await using var one = new Process(directory);
        await one.Admin.CreateQueueAsync(new CreateQueueOptions("jobs") { RequiresSession = true });
        await one.Admin.CreateQueueAsync("plain");
        await using var two = new Process(directory, "another");
        var accepting = one.Client.AcceptNextSessionAsync("jobs");
        var receiving = one.Client.CreateReceiver("plain").ReceiveMessageAsync();

        await two.Client.CreateSender("jobs").SendMessageAsync(new ServiceBusMessage("1") { SessionId = "a" });
        await two.Client.CreateSender("plain").SendMessageAsync(new ServiceBusMessage("2"));

        var session = await accepting.WaitAsync(Patience);
        Assert.Equal("1", (await session.ReceiveMessageAsync())?.Text());
        Assert.Equal("2", (await receiving.WaitAsync(Patience))?.Text());
        await LocalNamespace.AssertFailsAsync(ServiceBusFailureReason.SessionCannotBeLocked, () => two.Client.AcceptSessionAsync("jobs", "a"));
        var next = session.ReceiveMessageAsync();
        await two.Client.CreateSender("jobs").SendMessageAsync(new ServiceBusMessage("3") { SessionId = "a" });
        Assert.Equal("3", (await next.WaitAsync(Patience))?.Text());
    }

    [Fact]
    public async Task A_session_released_by_one_process_goes_to_another_that_waits()
    {
        await using var one = new Process(directory);
        await one.Admin.CreateQueueAsync(new CreateQueueOptions("jobs") { RequiresSession = true });
        await one.Client.CreateSender("jobs").SendMessageAsync(new ServiceBusMessage("1") { SessionId = "a" });
        var session = await one.Client.AcceptNextSessionAsync("jobs");
        await using var two = new Process(directory, "another");
        var accepting = two.Client.AcceptNextSessionAsync("jobs");

        await session.CloseAsync();

        Assert.Equal("a", (await accepting.WaitAsync(Patience)).SessionId);
    }

    [Fact]
    public async Task What_a_dead_process_held_is_free_for_one_that_waits_and_for_one_that_starts()
    {
        await using var one = new Process(directory);
        await one.Admin.CreateQueueAsync(new CreateQueueOptions("jobs") { RequiresSession = true });
        await one.Client.CreateSender("jobs").SendMessageAsync(new ServiceBusMessage("1") { SessionId = "a" });
        var dies = new Process(directory, "another");
        await (await dies.Client.AcceptNextSessionAsync("jobs")).ReceiveMessageAsync();
        var accepting = one.Client.AcceptNextSessionAsync("jobs");

        dies.Die();

        var session = await accepting.WaitAsync(Patience);
        Assert.Equal(2, (await session.ReceiveMessageAsync())?.DeliveryCount);
        one.Die();
        await using var starts = new Process(directory, "third");
        Assert.Equal(3, (await (await starts.Client.AcceptNextSessionAsync("jobs")).ReceiveMessageAsync())?.DeliveryCount);
    }

    /// <summary>
    /// A second store on the directory in this process: by another path to it, it has its own connections, its own broker and its own
    /// entry among the processes, as a process has. (Real processes are killed in the black-box tests.)
    /// </summary>
    private sealed class Process : IAsyncDisposable
    {
        private readonly Store store;
        private readonly string? link;

        public Process(string directory, string? otherPath = null)
        {
            if (otherPath is not null)
                Directory.CreateSymbolicLink(link = $"{directory}-{otherPath}", directory);
            store = Store.Open(link ?? directory);
            var broker = Broker.Of(store, TimeProvider.System);
            Client = new ServiceBusClient(broker);
            Admin = new ServiceBusAdministrationClient(broker);
        }

        public ServiceBusClient Client { get; }

        public ServiceBusAdministrationClient Admin { get; }

        /// <summary>Ends without a word to the broker.</summary>
        public void Die()
        {
            store.Dispose();
            if (link is not null)
                Directory.Delete(link);
        }

        public async ValueTask DisposeAsync()
        {
            try
            {
                await Client.DisposeAsync();
                Die();
            }
            catch (ObjectDisposedException)
            {
                // died before
            }
        }
    }

    private sealed class NoCredential : TokenCredential
    {
        public override AccessToken GetToken(TokenRequestContext requestContext, CancellationToken cancellationToken) => default;

        public override ValueTask<AccessToken> GetTokenAsync(TokenRequestContext requestContext, CancellationToken cancellationToken) => default;
    }
}
