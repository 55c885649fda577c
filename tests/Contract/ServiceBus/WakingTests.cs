using Azure.Messaging.ServiceBus;
using AzureLocal.ServiceBus;

namespace Contract.Tests.ServiceBus;

public sealed class WakingTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    [Fact]
    public async Task One_new_session_ends_one_wait_of_two_hundred()
    {
        await using var space = await LocalNamespace.WithSessionsAsync();
        var slots = Enumerable.Range(0, 200).Select(_ => space.Client.AcceptNextSessionAsync("jobs")).ToList();

        await space.SendAsync("1", "a");
        var first = await Task.WhenAny(slots).WaitAsync(Patience);

        Assert.Equal("a", (await first).SessionId);
        Assert.Equal(199, slots.Count(slot => !slot.IsCompleted));
        Assert.Equal(199, space.Broker.Waiters.Sleepers().Sum(list => list.Sleepers));
    }

    [Fact]
    public async Task A_batch_wakes_as_many_as_it_serves()
    {
        await using var space = await LocalNamespace.WithSessionsAsync();
        var slots = Enumerable.Range(0, 10).Select(_ => space.Client.AcceptNextSessionAsync("jobs")).ToList();

        await space.Client.CreateSender("jobs").SendMessagesAsync(Enumerable.Range(0, 10).Select(i => new ServiceBusMessage($"{i}") { SessionId = $"{i}" }));
        var sessions = await Task.WhenAll(slots).WaitAsync(Patience);

        Assert.Equal(10, sessions.Select(session => session.SessionId).Distinct().Count());
    }

    [Fact]
    public async Task A_wake_is_for_one_who_waits_and_in_the_order_of_coming()
    {
        var lists = new WaitLists(new ManualClock());
        using var first = lists.Enter(1);
        using var second = lists.Enter(1);
        using var elsewhere = lists.Enter(2);
        var sleeps = new[] { first, second, elsewhere }.Select(waiter => waiter.SleepAsync(TimeSpan.FromMinutes(1), default, default)).ToArray();

        lists.Wake(1, 1);

        Assert.True(await sleeps[0].WaitAsync(Patience));
        Assert.Equal([true, false, false], sleeps.Select(sleep => sleep.IsCompleted));
    }

    [Fact]
    public async Task A_wake_that_its_receiver_does_not_use_goes_to_the_next()
    {
        var lists = new WaitLists(new ManualClock());
        var first = lists.Enter(1);
        using var second = lists.Enter(1);
        using var cancellation = new CancellationTokenSource();
        var leaving = first.SleepAsync(TimeSpan.FromMinutes(1), default, cancellation.Token);
        var staying = second.SleepAsync(TimeSpan.FromMinutes(1), default, default);

        cancellation.Cancel();
        lists.Wake(1, 1); // it has not left yet
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => leaving);
        first.Dispose();

        Assert.True(await staying.WaitAsync(Patience));
    }

    [Fact]
    public async Task A_wake_between_a_look_and_a_sleep_is_not_missed()
    {
        var lists = new WaitLists(new ManualClock());
        using var waiter = lists.Enter(1);
        waiter.BeginLook();
        lists.Wake(1, 1);

        Assert.True(await waiter.SleepAsync(TimeSpan.FromMinutes(1), default, default));
    }

    [Fact]
    public async Task Concurrent_senders_and_receivers_on_disk_lose_nothing_and_keep_each_sessions_order()
    {
        const int Sessions = 20, PerSession = 50, Slots = 16;
        var directory = Directory.CreateTempSubdirectory("weir-servicebus-").FullName;
        try
        {
            await using (var client = new ServiceBusClient($"DataDirectory={directory}", new ServiceBusClientOptions { RetryOptions = { TryTimeout = TimeSpan.FromSeconds(2) } }))
            {
                using var opened = new OpenAdmin(directory);
                await opened.Broker.CreateEntityAsync(new EntitySettings(EntityKind.Queue, "jobs") { RequiresSession = true }, [], default);
                var received = new List<(string Session, int Number)>();
                var slots = Enumerable.Range(0, Slots).Select(_ => ServeAsync(client, received, Sessions * PerSession)).ToList();
                await Task.WhenAll(Enumerable.Range(0, Sessions).Select(async session =>
                {
                    var sender = client.CreateSender("jobs");
                    for (var i = 0; i < PerSession; i++)
                        await sender.SendMessageAsync(new ServiceBusMessage($"{i}") { SessionId = $"{session}" });
                }));
                await Task.WhenAll(slots).WaitAsync(TimeSpan.FromSeconds(60));

                Assert.Equal(Sessions * PerSession, received.Count);
                foreach (var session in received.GroupBy(message => message.Session))
                    Assert.Equal(Enumerable.Range(0, PerSession), session.Select(message => message.Number));
            }
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    private static async Task ServeAsync(ServiceBusClient client, List<(string, int)> received, int all)
    {
        while (true)
        {
            try
            {
                await using var session = await client.AcceptNextSessionAsync("jobs");
                while (await session.ReceiveMessageAsync(TimeSpan.FromMilliseconds(20)) is { } message)
                {
                    lock (received)
                        received.Add((session.SessionId, int.Parse(message.Text(), System.Globalization.CultureInfo.InvariantCulture)));
                    await session.CompleteMessageAsync(message);
                }
            }
            catch (ServiceBusException none) when (none.Reason == ServiceBusFailureReason.ServiceTimeout)
            {
                return;
            }
            lock (received)
            {
                if (received.Count >= all)
                    return;
            }
        }
    }

    private sealed class OpenAdmin(string directory) : IDisposable
    {
        private readonly AzureLocal.Storage.Store store = AzureLocal.Storage.Store.Open(directory);

        public Broker Broker => Broker.Of(store, TimeProvider.System);

        public void Dispose() => store.Dispose();
    }
}
