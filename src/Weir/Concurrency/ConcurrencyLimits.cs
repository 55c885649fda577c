using System.Globalization;
using Microsoft.Extensions.Configuration;
using Weir.Catalog;
using Weir.Execution;
using Weir.Lanes;
using Weir.Retries;

namespace Weir.Concurrency;

/// <summary>
/// How many jobs of a type, and of a queue, run at once in this instance, within the host's session limits. A type says so itself (<see cref="JobAttribute.MaxConcurrency"/>,
/// <see cref="JobAttribute.AdaptiveConcurrency"/>), settings win (<c>Weir:Jobs:email.welcome:MaxConcurrency</c>); a queue's comes from settings alone
/// (<c>Weir:Queues:bulk:Concurrency</c>). A job for which there is no room is put off and holds no slot.
/// </summary>
internal sealed class ConcurrencyLimits
{
    private const int Most = 1_000;
    private const string JobsSection = "Weir:Jobs";
    private const string QueuesSection = "Weir:Queues";

    private readonly SortedDictionary<string, Pool> types = new(StringComparer.Ordinal);
    private readonly Dictionary<Queue, Pool> queues = [];
    private readonly TimeProvider clock;

    /// <exception cref="InvalidOperationException">A setting is out of range, or names a queue that there is not.</exception>
    public ConcurrencyLimits(JobCatalog catalog, IConfiguration configuration, HostSlots slots, TimeProvider clock)
    {
        this.clock = clock;
        foreach (var type in catalog.Types)
        {
            var section = configuration.GetSection($"{JobsSection}:{type.Name}");
            var most = Read(section, nameof(JobAttribute.MaxConcurrency)) ?? type.MaxConcurrency;
            var adaptive = ReadSwitch(section, nameof(JobAttribute.AdaptiveConcurrency)) ?? type.AdaptiveConcurrency;
            // The steps of a workflow are the task hub's to limit (host.json, durableTask).
            if (type is not WorkflowType && (most is not null || adaptive))
                types[type.Name] = new Pool(most ?? slots.Count, adaptive, clock);
        }
        foreach (var section in configuration.GetSection(QueuesSection).GetChildren())
        {
            if (!Enum.TryParse<Queue>(section.Key, ignoreCase: true, out var queue) || !Enum.IsDefined(queue))
                throw new InvalidOperationException($"{section.Path}: there is no queue '{section.Key}'; expected one of {string.Join(", ", Enum.GetNames<Queue>().Select(name => name.ToLowerInvariant()))}.");
            if (Read(section, "Concurrency") is { } most)
                queues[queue] = new Pool(most, adaptive: false, clock);
        }
    }

    /// <summary>The types that have a limit, by name.</summary>
    public IEnumerable<KeyValuePair<string, Pool>> Types => types;

    public Pool? Of(string type) => types.GetValueOrDefault(type);

    /// <summary>Room for one attempt, to be given back by disposing of it; null when there is none before <paramref name="again"/>.</summary>
    public Room? TryEnter(JobType type, Queue queue, string jobId, out DateTimeOffset again)
    {
        again = default;
        var (ofType, ofQueue) = (types.GetValueOrDefault(type.Name), queues.GetValueOrDefault(queue));
        if (ofQueue is not null && !ofQueue.TryEnter())
        {
            again = ofQueue.NextRoom(jobId);
            return null;
        }
        if (ofType is not null && !ofType.TryEnter())
        {
            ofQueue?.Leave();
            again = ofType.NextRoom(jobId);
            return null;
        }
        return ofType is null && ofQueue is null ? Room.Free : new Room(ofType, ofQueue, clock);
    }

    private static int? Read(IConfigurationSection section, string name) =>
        section[name] is not { Length: > 0 } text ? null
        : int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var count) && count is >= 1 and <= Most ? count
        : throw new InvalidOperationException($"{section.Path}:{name} is '{text}'; expected a whole number from 1 to {Most:N0}.");

    private static bool? ReadSwitch(IConfigurationSection section, string name) =>
        section[name] is not { Length: > 0 } text ? null
        : bool.TryParse(text, out var on) ? on
        : throw new InvalidOperationException($"{section.Path}:{name} is '{text}'; expected true or false.");
}

/// <summary>The right to run one attempt here, beside others.</summary>
internal sealed class Room(Pool? ofType, Pool? ofQueue, TimeProvider? clock) : IDisposable
{
    private readonly DateTimeOffset startedAt = clock?.GetUtcNow() ?? default;

    /// <summary>Where nothing is limited.</summary>
    public static Room Free { get; } = new(null, null, null);

    public void Report(AttemptResult result)
    {
        bool? succeeded = result switch
        {
            AttemptResult.Succeeded => true,
            AttemptResult.Failed { Class: ErrorClass.Transient } => false,
            _ => null,
        };
        ofType?.Report(startedAt, succeeded);
        ofQueue?.Report(startedAt, succeeded);
    }

    public void Dispose()
    {
        ofType?.Leave();
        ofQueue?.Leave();
    }
}
