using Azure.Messaging.ServiceBus;
using Weir.Lanes;

namespace Weir.Reconciliation;

/// <summary>
/// Which jobs have a message: peeks through the queues and their dead-letter queues, the oldest first. Peeking sees messages in every condition (waiting, locked, scheduled) and
/// changes nothing. A message that takes another's place (the next attempt, a put-off, one whose time has come) gets a higher number and is sent before the other goes, and dead letters are
/// looked at after their queue: so whoever had a message all the while is seen, however long it takes.
/// </summary>
internal sealed class MessageCensus(ServiceBusClient client, DateTimeOffset began)
{
    /// <summary>A page holds whole messages, up to 256 KB each.</summary>
    private const int PageSize = 50;

    /// <summary>16 bytes each.</summary>
    private const int MostJobs = 500_000;

    private static readonly (string Queue, SubQueue Part)[] Places =
        [.. Enum.GetValues<Queue>().SelectMany(queue => new[] { (QueueNames.Of(queue), SubQueue.None), (QueueNames.Of(queue), SubQueue.DeadLetter) })];

    private readonly HashSet<Guid> jobs = [];
    private int place;
    private long next;

    public DateTimeOffset Began => began;

    public bool IsComplete => place == Places.Length;

    /// <summary>More jobs than it can remember.</summary>
    public bool IsFull => jobs.Count >= MostJobs;

    public bool Has(string jobId) => Guid.TryParse(jobId, out var id) && jobs.Contains(id);

    /// <summary>Goes on, for about so many messages.</summary>
    public async Task ReadAsync(int most, CancellationToken cancellation)
    {
        for (var read = 0; read < most && !IsComplete && !IsFull;)
        {
            var (queue, part) = Places[place];
            await using var receiver = client.CreateReceiver(queue, new ServiceBusReceiverOptions { SubQueue = part });
            IReadOnlyList<ServiceBusReceivedMessage> page;
            do
            {
                page = await receiver.PeekMessagesAsync(PageSize, next, cancellation);
                foreach (var message in page)
                {
                    if (JobMessage.Of(message) is { } ours && Guid.TryParse(ours.JobId, out var id))
                        jobs.Add(id);
                    next = message.SequenceNumber + 1;
                }
                read += page.Count;
            }
            while (page.Count > 0 && read < most && !IsFull);
            if (page.Count == 0)
                (place, next) = (place + 1, 0);
        }
    }
}
