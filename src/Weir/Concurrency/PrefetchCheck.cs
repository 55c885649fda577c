using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Weir.Catalog;
using Weir.Lanes;

namespace Weir.Concurrency;

/// <summary>
/// A message that the host has fetched ahead is locked while it waits for those before it: with more of them than run in the time of a lock, locks are lost, messages are
/// delivered again, and instances that could have run them stand idle. So <c>prefetchCount</c> of host.json times the time that a job takes must fit
/// into <see cref="WeirOptions.LockDuration"/>: a type that says what it takes (<see cref="JobAttribute.ExpectedSeconds"/>) and does not fit stops the start; one that says nothing is
/// judged by its timeout, with a warning. Also makes the limits, so that a wrong setting stops the start.
/// </summary>
internal sealed partial class PrefetchCheck(JobCatalog catalog, HostSlots slots, ConcurrencyLimits limits, IOptions<WeirOptions> options, ILogger<PrefetchCheck> logger) : IHostedService
{
    public Task StartAsync(CancellationToken cancellationToken)
    {
        _ = limits;
        var locked = options.Value.LockDuration;
        foreach (var type in catalog.Types.Where(type => slots.Prefetch * (type.Expected ?? type.Timeout) > locked))
        {
            if (type.Expected is { } expected)
            {
                throw new InvalidOperationException(
                    $"The host fetches {slots.Prefetch} messages ahead (host.json: extensions.serviceBus.prefetchCount), and a job of '{type.Name}' takes {expected.TotalSeconds} s: the last one's lock, of {locked.TotalSeconds} s, would be over before its turn. "
                    + $"Set prefetchCount to 0, or to at most {(int)(locked / expected)}.");
            }
            LogMayExpire(type.Name, slots.Prefetch, type.Timeout.TotalSeconds, locked.TotalSeconds);
        }
        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    [LoggerMessage(2120, LogLevel.Warning, "The host fetches {Prefetch} messages ahead; jobs of {Type} may take {TimeoutSeconds} s each, and a lock lasts {LockSeconds} s. Set prefetchCount to 0 in host.json, or say what the type takes: [Job(ExpectedSeconds = …)]")]
    private partial void LogMayExpire(string type, int prefetch, double timeoutSeconds, double lockSeconds);
}
