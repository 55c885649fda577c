using Azure.Messaging.ServiceBus;
using Weir.Lanes;

namespace Weir.Why;

/// <summary>A message that waits, or is at work, in a queue.</summary>
/// <param name="At">When it may be taken: of a scheduled one that time is still to come.</param>
/// <param name="PutOffBecause">Why it comes later, if it was put off.</param>
internal sealed record QueuedMessage(string JobId, string Type, string Lane, bool IsScheduled, DateTimeOffset At, string? PutOffBecause);

/// <param name="IsWhole">False: there are more than were looked at.</param>
internal sealed record QueueSnapshot(IReadOnlyList<QueuedMessage> Messages, bool IsWhole);

/// <summary>
/// What lies in the queues, in the order in which it came: looked at without taking anything (peek), only when somebody asks about a job, and remembered for a moment, so that many who ask
/// cost no more than one.
/// </summary>
internal sealed class QueuedMessages(ServiceBusClient client, TimeProvider clock)
{
    /// <summary>40 operations of the broker at the most.</summary>
    public const int Most = 2_000;

    private const int PageSize = 50;

    private static readonly TimeSpan Remembered = TimeSpan.FromSeconds(2);

    /// <summary>Delayed jobs may lie before it: these operations of the broker at the most.</summary>
    private const int PagesToOldest = 4;

    private static readonly TimeSpan OldestRemembered = TimeSpan.FromSeconds(10);

    private readonly Dictionary<Queue, (DateTimeOffset At, Task<QueueSnapshot> Snapshot)> known = [];
    private readonly Dictionary<Queue, (DateTimeOffset At, Task<QueuedMessage?> Message)> oldest = [];
    private readonly Lock gate = new();

    public Task<QueueSnapshot> ReadAsync(Queue queue, CancellationToken cancellation)
    {
        var now = clock.GetUtcNow();
        lock (gate)
        {
            if (!known.TryGetValue(queue, out var last) || last.At + Remembered <= now || last.Snapshot.IsFaulted || last.Snapshot.IsCanceled)
                known[queue] = last = (now, PeekAsync(queue));
            return last.Snapshot.WaitAsync(cancellation);
        }
    }

    /// <summary>The message of a job that has waited, or been at work, longest; null when the first few hundred of the queue are all for later.</summary>
    public Task<QueuedMessage?> FindOldestAsync(Queue queue, CancellationToken cancellation)
    {
        var now = clock.GetUtcNow();
        lock (gate)
        {
            if (!oldest.TryGetValue(queue, out var last) || last.At + OldestRemembered <= now || last.Message.IsFaulted || last.Message.IsCanceled)
                oldest[queue] = last = (now, PeekOldestAsync(queue));
            return last.Message.WaitAsync(cancellation);
        }
    }

    /// <summary>Messages come in the order in which they could be taken: one that was scheduled is put at the end when its time comes.</summary>
    private async Task<QueuedMessage?> PeekOldestAsync(Queue queue)
    {
        await using var receiver = client.CreateReceiver(QueueNames.Of(queue));
        long next = 0;
        for (var pages = 0; pages < PagesToOldest; pages++)
        {
            var page = await receiver.PeekMessagesAsync(PageSize, next, CancellationToken.None);
            if (page.Count == 0)
                return null;
            if (page.Select(Of).OfType<QueuedMessage>().FirstOrDefault(message => !message.IsScheduled) is { } found)
                return found;
            next = page[^1].SequenceNumber + 1;
        }
        return null;
    }

    private async Task<QueueSnapshot> PeekAsync(Queue queue)
    {
        await using var receiver = client.CreateReceiver(QueueNames.Of(queue));
        var found = new List<QueuedMessage>();
        for (long next = 0; found.Count < Most;)
        {
            var page = await receiver.PeekMessagesAsync(PageSize, next, CancellationToken.None);
            if (page.Count == 0)
                return new QueueSnapshot(found, IsWhole: true);
            found.AddRange(page.Select(Of).OfType<QueuedMessage>());
            next = page[^1].SequenceNumber + 1;
        }
        return new QueueSnapshot(found, IsWhole: false);
    }

    private static QueuedMessage? Of(ServiceBusReceivedMessage message) => JobMessage.Of(message) is not { } ours ? null : new(
        ours.JobId, ours.Type, ours.Lane, message.State == ServiceBusMessageState.Scheduled,
        message.State == ServiceBusMessageState.Scheduled ? message.ScheduledEnqueueTime : message.EnqueuedTime, JobMessage.PutOffReasonOf(message));
}
