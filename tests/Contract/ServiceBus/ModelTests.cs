using Azure.Messaging.ServiceBus;

namespace Contract.Tests.ServiceBus;

/// <summary>
/// Random operations from a seed, on a queue with sessions, against a model small enough to be believed: after each of them the broker must
/// answer as the model does. Checked: order within a session, one receiver a session, turns between sessions, delivery counts, and
/// that every message sent is in the queue, in a hand, completed or dead-lettered, and nowhere twice.
/// </summary>
public sealed class ModelTests
{
    private const int Steps = 400;
    private const int MaxDeliveries = 4;
    private static readonly TimeSpan LockDuration = TimeSpan.FromSeconds(30);

    public static TheoryData<int> Seeds => [.. Enumerable.Range(1, 40)];

    [Theory]
    [MemberData(nameof(Seeds))]
    public Task The_broker_does_what_the_model_says(int seed) => CompareAsync(seed, null);

    [Theory]
    [InlineData(101)]
    [InlineData(102)]
    public async Task It_does_so_on_disk_too(int seed)
    {
        var directory = Directory.CreateTempSubdirectory("weir-servicebus-").FullName;
        try
        {
            await CompareAsync(seed, directory);
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    private static async Task CompareAsync(int seed, string? directory)
    {
        await using var run = await Run.StartAsync(seed, directory);
        for (var step = 1; step <= Steps; step++)
        {
            await run.StepAsync(step);
            await run.CheckCountsAsync();
        }
        await run.DrainAsync();
    }

    private enum State { Ready, InHand, Scheduled, Deferred, DeferredInHand, Dead, Gone }

    private sealed class Message
    {
        public required string Body { get; init; }
        public required string Session { get; init; }
        public required long Number { get; set; }
        public State State { get; set; }
        public int Failures { get; set; }
        public DateTimeOffset Due { get; init; }
    }

    /// <summary>A session in a receiver's hands, with what it has received and not settled.</summary>
    private sealed class Holding
    {
        public required ServiceBusSessionReceiver Receiver { get; init; }
        public required int Client { get; init; }
        public DateTimeOffset LockedUntil { get; set; }
        public List<(Message Model, ServiceBusReceivedMessage Received)> InHand { get; } = [];
    }

    private sealed class Run(LocalNamespace space, Random random) : IAsyncDisposable
    {
        private static readonly string[] SessionNames = ["a", "b", "c", "d", "e"];

        private readonly List<Message> messages = [];
        private readonly Dictionary<string, Holding> held = [];
        private readonly Dictionary<string, int> availableSince = [];
        private readonly List<ServiceBusClient> clients = [space.NewClient(), space.NewClient(), space.NewClient()];
        private long lastNumber;
        private int step;

        public static async Task<Run> StartAsync(int seed, string? directory)
        {
            var space = await LocalNamespace.WithSessionsAsync(options => (options.MaxDeliveryCount, options.LockDuration) = (MaxDeliveries, LockDuration), directory);
            return new Run(space, new Random(seed));
        }

        public async Task StepAsync(int number)
        {
            step = number;
            await (random.Next(20) switch
            {
                < 4 => SendAsync(),
                4 => ScheduleAsync(),
                5 => CancelAsync(),
                < 9 => AcceptNextAsync(),
                9 => AcceptNamedAsync(),
                < 13 => ReceiveAsync(),
                < 16 => SettleAsync(),
                16 => random.Next(2) == 0 ? ReceiveDeferredAsync() : RenewAsync(),
                17 => ReleaseAsync(),
                18 => AdvanceAsync(),
                _ => random.Next(3) == 0 ? KillAsync() : CollectAsync(),
            });
            NoteAvailable();
        }

        public async Task CheckCountsAsync()
        {
            var counts = await space.CountsAsync();
            Assert.Equal(
                (Count(State.Ready, State.InHand, State.Deferred, State.DeferredInHand), Count(State.Scheduled), Count(State.Dead)),
                (counts.ActiveMessageCount, counts.ScheduledMessageCount, counts.DeadLetterMessageCount));
        }

        /// <summary>In the end everything can be taken out, each message once, and nothing is left in any table.</summary>
        public async Task DrainAsync()
        {
            foreach (var session in held.Keys.ToList())
                await CloseAsync(session);
            space.Clock.Advance(TimeSpan.FromHours(1));
            ActivateDue();
            foreach (var name in SessionNames)
            {
                await using var session = await space.Client.AcceptSessionAsync("jobs", name);
                foreach (var deferred in In(name, State.Deferred))
                {
                    await session.CompleteMessageAsync(await session.ReceiveDeferredMessageAsync(deferred.Number));
                    deferred.State = State.Gone;
                }
                foreach (var ready in In(name, State.Ready))
                {
                    var received = await LocalNamespace.NextAsync(session);
                    AssertSame(ready, received);
                    await session.CompleteMessageAsync(received);
                    ready.State = State.Gone;
                }
            }
            while (Count(State.Dead) > 0)
                await CollectAsync();
            await CheckCountsAsync();
            Assert.All(messages, message => Assert.Equal(State.Gone, message.State));
            Assert.Equal((0L, 0L), space.Store.Read(database => (Rows.Messages(database), Rows.Count(database, "sb_sessions"))));
        }

        public ValueTask DisposeAsync() => space.DisposeAsync();

        private async Task SendAsync()
        {
            var sent = Enumerable.Range(0, random.Next(1, 4)).Select(_ => New(State.Ready, default)).ToList();
            await space.Client.CreateSender("jobs").SendMessagesAsync(sent.Select(message => new ServiceBusMessage(message.Body) { SessionId = message.Session }));
        }

        private async Task ScheduleAsync()
        {
            var due = space.Clock.GetUtcNow().AddSeconds(random.Next(1, 100));
            var message = New(State.Scheduled, due);
            var number = await space.Client.CreateSender("jobs").ScheduleMessageAsync(new ServiceBusMessage(message.Body) { SessionId = message.Session }, due);
            Assert.Equal(message.Number, number);
        }

        private async Task CancelAsync()
        {
            if (messages.FirstOrDefault(message => message.State == State.Scheduled) is not { } message)
                return;
            await space.Client.CreateSender("jobs").CancelScheduledMessageAsync(message.Number);
            message.State = State.Gone;
        }

        private async Task AcceptNextAsync()
        {
            using var cancellation = new CancellationTokenSource();
            var client = random.Next(clients.Count);
            var accepting = clients[client].AcceptNextSessionAsync("jobs", null, cancellation.Token);
            if (availableSince.Count == 0)
            {
                Assert.False(accepting.IsCompleted);
                await cancellation.CancelAsync();
                await Assert.ThrowsAnyAsync<OperationCanceledException>(() => accepting);
                return;
            }
            var session = await accepting;
            Assert.True(availableSince.TryGetValue(session.SessionId, out var since), $"Session {session.SessionId} was accepted, which is held or has no message.");
            Assert.Equal(availableSince.Values.Min(), since);
            Hold(session, client);
        }

        private async Task AcceptNamedAsync()
        {
            var name = Any(SessionNames);
            var client = random.Next(clients.Count);
            var accepting = clients[client].AcceptSessionAsync("jobs", name);
            if (held.ContainsKey(name))
                await LocalNamespace.AssertFailsAsync(ServiceBusFailureReason.SessionCannotBeLocked, () => accepting);
            else
                Hold(await accepting, client);
        }

        private async Task ReceiveAsync()
        {
            if (held.Count == 0)
                return;
            var (name, holding) = Any(held);
            var expected = In(name, State.Ready).Take(random.Next(1, 4)).ToList();
            if (expected.Count == 0)
                return;
            var received = await holding.Receiver.ReceiveMessagesAsync(expected.Count);
            Assert.Equal(expected.Count, received.Count);
            for (var i = 0; i < expected.Count; i++)
            {
                AssertSame(expected[i], received[i]);
                expected[i].State = State.InHand;
                holding.InHand.Add((expected[i], received[i]));
            }
        }

        private async Task ReceiveDeferredAsync()
        {
            if (held.Count == 0)
                return;
            var (name, holding) = Any(held);
            if (In(name, State.Deferred).FirstOrDefault() is not { } message)
                return;
            var received = await holding.Receiver.ReceiveDeferredMessageAsync(message.Number);
            AssertSame(message, received);
            message.State = State.DeferredInHand;
            holding.InHand.Add((message, received));
        }

        private async Task SettleAsync()
        {
            if (held.Values.Where(holding => holding.InHand.Count > 0).ToList() is not { Count: > 0 } busy)
                return;
            var holding = Any(busy);
            var (message, received) = Any(holding.InHand);
            holding.InHand.Remove((message, received));
            switch (random.Next(6))
            {
                case < 3:
                    await holding.Receiver.CompleteMessageAsync(received);
                    message.State = State.Gone;
                    break;
                case 3:
                    await holding.Receiver.AbandonMessageAsync(received);
                    Fail(message);
                    break;
                case 4:
                    await holding.Receiver.DeferMessageAsync(received);
                    message.State = State.Deferred;
                    break;
                default:
                    await holding.Receiver.DeadLetterMessageAsync(received, "reason");
                    message.State = State.Dead;
                    break;
            }
            await LocalNamespace.AssertFailsAsync(ServiceBusFailureReason.MessageLockLost, () => holding.Receiver.CompleteMessageAsync(received));
        }

        private async Task RenewAsync()
        {
            if (held.Count == 0)
                return;
            var holding = Any(held).Value;
            await holding.Receiver.RenewSessionLockAsync();
            holding.LockedUntil = space.Clock.GetUtcNow() + LockDuration;
        }

        private async Task ReleaseAsync()
        {
            if (held.Count > 0)
                await CloseAsync(Any(held).Key);
        }

        private async Task CloseAsync(string session)
        {
            await held[session].Receiver.CloseAsync();
            Free(session, isFailure: false);
        }

        private async Task AdvanceAsync()
        {
            space.Clock.Advance(TimeSpan.FromSeconds(random.Next(1, 40)));
            ActivateDue();
            foreach (var (name, holding) in held.Where(session => session.Value.LockedUntil <= space.Clock.GetUtcNow()).ToList())
            {
                await LocalNamespace.AssertFailsAsync(ServiceBusFailureReason.SessionLockLost, () => holding.Receiver.RenewSessionLockAsync());
                Free(name, isFailure: true);
            }
        }

        private async Task KillAsync()
        {
            var client = random.Next(clients.Count);
            await clients[client].Connection.KillAsync();
            clients[client] = space.NewClient();
            foreach (var (name, _) in held.Where(session => session.Value.Client == client).ToList())
                Free(name, isFailure: true);
        }

        private async Task CollectAsync()
        {
            if (messages.Where(message => message.State == State.Dead).MinBy(message => message.Number) is not { } first)
                return;
            var collector = space.DeadLetters();
            var dead = await LocalNamespace.NextAsync(collector);
            Assert.Equal((first.Body, first.Number), (dead.Text(), dead.SequenceNumber));
            await collector.CompleteMessageAsync(dead);
            first.State = State.Gone;
        }

        private Message New(State state, DateTimeOffset due)
        {
            var message = new Message { Body = $"{messages.Count}", Session = Any(SessionNames), Number = ++lastNumber, State = state, Due = due };
            messages.Add(message);
            return message;
        }

        private void ActivateDue()
        {
            foreach (var message in messages.Where(message => message.State == State.Scheduled && message.Due <= space.Clock.GetUtcNow()).OrderBy(message => (message.Due, message.Number)).ToList())
                (message.State, message.Number) = (State.Ready, ++lastNumber);
        }

        private void Hold(ServiceBusSessionReceiver session, int client)
        {
            availableSince.Remove(session.SessionId);
            held.Add(session.SessionId, new Holding { Receiver = session, Client = client, LockedUntil = space.Clock.GetUtcNow() + LockDuration });
        }

        private void Free(string session, bool isFailure)
        {
            foreach (var (message, _) in held[session].InHand)
            {
                if (isFailure)
                    Fail(message);
                else
                    message.State = Home(message);
            }
            held.Remove(session);
        }

        private static void Fail(Message message) => message.State = ++message.Failures == MaxDeliveries ? State.Dead : Home(message);

        private static State Home(Message message) => message.State == State.DeferredInHand ? State.Deferred : State.Ready;

        private void NoteAvailable()
        {
            foreach (var name in SessionNames)
            {
                if (held.ContainsKey(name) || !In(name, State.Ready).Any())
                    availableSince.Remove(name);
                else
                    availableSince.TryAdd(name, step);
            }
        }

        private IEnumerable<Message> In(string session, State state) =>
            messages.Where(message => message.Session == session && message.State == state).OrderBy(message => message.Number).ToList();

        private int Count(params State[] states) => messages.Count(message => states.Contains(message.State));

        private T Any<T>(IEnumerable<T> items) => items.ElementAt(random.Next(items.Count()));

        private static void AssertSame(Message expected, ServiceBusReceivedMessage received) => Assert.Equal(
            (expected.Body, expected.Session, expected.Number, expected.Failures + 1),
            (received.Text(), received.SessionId, received.SequenceNumber, received.DeliveryCount));
    }
}
