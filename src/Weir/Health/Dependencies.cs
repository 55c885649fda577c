using Azure.Messaging.ServiceBus;
using Azure.Messaging.ServiceBus.Administration;
using Weir.Lanes;
using Weir.Receipts;
using Weir.Workflows;

namespace Weir.Health;

/// <summary>
/// What an instance needs, and how each answers. Whoever asks, and however often, each is asked once in a second (what is dear once in half a minute), with a time limit; nothing is written. Tables and
/// broker are critical: without them no job is accepted. The others are missed by some: pressure without the broker's administration, workflows without their backend.
/// </summary>
internal sealed class Dependencies(
    ReceiptTable receipts, ServiceBusClient broker, Lazy<ServiceBusAdministrationClient> administration, Orchestrations orchestrations, TimeProvider clock)
{
    /// <summary>A load balancer waits five seconds or so.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(3);

    private static readonly TimeSpan Fresh = TimeSpan.FromSeconds(1);

    /// <summary>A call of the administration is as dear as ten messages.</summary>
    private static readonly TimeSpan FreshIfDear = TimeSpan.FromSeconds(30);

    private readonly Lock gate = new();
    private readonly Asked[] all =
    [
        new("tables", IsCritical: true, Fresh, token => receipts.FindAsync(Guid.Empty.ToString(), token)),
        new("broker", IsCritical: true, Fresh, token => PeekAsync(broker, token)),
        new("brokerAdministration", IsCritical: false, FreshIfDear, token => administration.Value.GetQueueRuntimePropertiesAsync(QueueNames.Default, token)),
        new("workflows", IsCritical: false, FreshIfDear, token => orchestrations.Known is { } client ? client.GetInstanceAsync(Guid.Empty.ToString(), token) : null),
    ];

    /// <summary>All of them, in the order in which they are listed here; one whose turn has not come since the start is left out.</summary>
    public async Task<IReadOnlyList<DependencyState>> AskAsync(CancellationToken cancellation)
    {
        Task<DependencyState?>[] asked;
        lock (gate)
            asked = [.. all.Select(Shared)];
        return [.. (await Task.WhenAll(asked).WaitAsync(cancellation)).OfType<DependencyState>()];
    }

    private Task<DependencyState?> Shared(Asked one)
    {
        if (one.Last is null || (one.Last.IsCompleted && clock.GetElapsedTime(one.At) > one.Fresh))
            (one.Last, one.At) = (AskAsync(one), clock.GetTimestamp());
        return one.Last;
    }

    /// <summary>Not ended by whoever asks first: others wait for the same answer.</summary>
    private async Task<DependencyState?> AskAsync(Asked one)
    {
        var began = clock.GetTimestamp();
        using var late = new CancellationTokenSource(Patience, clock);
        try
        {
            if (one.Ask(late.Token) is not { } answer)
                return null;
            await answer.WaitAsync(Patience, clock);
            return new DependencyState(one.Name, one.IsCritical, IsUp: true, clock.GetElapsedTime(began), Detail: null);
        }
        catch (Exception away)
        {
            // Whatever it is: it is said, and nobody who asks for health is answered with a fault.
            return new DependencyState(one.Name, one.IsCritical, IsUp: false, clock.GetElapsedTime(began), away.GetBaseException().Message);
        }
    }

    private static async Task PeekAsync(ServiceBusClient broker, CancellationToken cancellation)
    {
        await using var receiver = broker.CreateReceiver(QueueNames.Default);
        await receiver.PeekMessageAsync(cancellationToken: cancellation);
    }

    private sealed record Asked(string Name, bool IsCritical, TimeSpan Fresh, Func<CancellationToken, Task?> Ask)
    {
        public Task<DependencyState?>? Last { get; set; }

        public long At { get; set; }
    }
}

/// <param name="Name">Nothing of where it is or how it is reached.</param>
/// <param name="IsCritical">No job is accepted without it.</param>
/// <param name="Detail">What it said; not for strangers.</param>
internal sealed record DependencyState(string Name, bool IsCritical, bool IsUp, TimeSpan Latency, string? Detail);
