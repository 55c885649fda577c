using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using Weir.Catalog;
using Weir.Execution;
using Weir.Lanes;
using Weir.Retries;

namespace Weir.Breakers;

/// <summary>
/// The breakers of all dependencies that job types name. One that opens here is written to the table Controls, and what other
/// instances wrote there opens it here within <see cref="Controls.ControlWatch.PollEvery"/>: a dependency that is down is found out once, not once per instance.
/// </summary>
internal sealed partial class BreakerBoard(JobCatalog catalog, BreakerTable table, Instance instance, TimeProvider clock, ILogger<BreakerBoard> logger)
{
    /// <summary>Put-off jobs come back spread over this, so that they do not all ask at once.</summary>
    private static readonly TimeSpan Spread = TimeSpan.FromSeconds(2);

    private readonly HashSet<string> dependencies = [.. catalog.Types.SelectMany(type => type.DependsOn)];
    private readonly ConcurrentDictionary<string, Breaker> breakers = new(StringComparer.Ordinal);

    public IEnumerable<Breaker> All => breakers.Values.OrderBy(breaker => breaker.Dependency, StringComparer.Ordinal);

    /// <summary>Null when the type's job may run now (then <see cref="ReportAsync"/> or <see cref="Leave"/> follows), else when it may ask again.</summary>
    public DateTimeOffset? TryEnter(JobType type, string jobId)
    {
        for (var index = 0; index < type.DependsOn.Count; index++)
        {
            if (BreakerOf(type.DependsOn[index]).TryEnter() is not { } again)
                continue;
            foreach (var entered in type.DependsOn.Take(index))
                BreakerOf(entered).Report(success: null);
            return again + Spread * Lane.Fraction(jobId);
        }
        return null;
    }

    /// <summary>The job did not run after all.</summary>
    public void Leave(JobType type)
    {
        foreach (var dependency in type.DependsOn)
            BreakerOf(dependency).Report(success: null);
    }

    /// <summary>
    /// Tells the type's breakers how an attempt ended. A permanent failure is an answer, so the dependency works; of several dependencies nobody knows
    /// which one failed, so all are told.
    /// </summary>
    public async Task ReportAsync(JobType type, AttemptResult result)
    {
        bool? success = result switch
        {
            AttemptResult.Succeeded => true,
            AttemptResult.Failed { Class: ErrorClass.Permanent } => true,
            AttemptResult.Failed { Class: ErrorClass.Transient } => false,
            _ => null,
        };
        foreach (var dependency in type.DependsOn)
        {
            var breaker = BreakerOf(dependency);
            if (!breaker.Report(success))
                continue;
            LogOpened(dependency, type.Name, breaker.OpenUntil);
            await ShareAsync(breaker);
        }
    }

    /// <summary>What other instances have found out, or this one itself.</summary>
    public void Learn(IEnumerable<(string Dependency, DateTimeOffset Until)> open)
    {
        var now = clock.GetUtcNow();
        foreach (var (dependency, until) in open)
        {
            if (until > now && dependencies.Contains(dependency))
                BreakerOf(dependency).OpenUntilAtLeast(until);
        }
    }

    private async Task ShareAsync(Breaker breaker)
    {
        try
        {
            await table.OpenAsync(breaker.Dependency, breaker.OpenUntil, instance.Id, CancellationToken.None);
        }
        catch (Exception away) when (StoreAway.Explains(away))
        {
            LogTableAway(away); // the others will find out by themselves
        }
    }

    private Breaker BreakerOf(string dependency) => breakers.GetOrAdd(dependency, static (name, time) => new Breaker(name, time), clock);

    [LoggerMessage(1601, LogLevel.Error, "The breaker of '{Dependency}' opens until {Until:O}: too many jobs failed, the last of type {Type}. Jobs that depend on it are put off")]
    private partial void LogOpened(string dependency, string type, DateTimeOffset until);

    [LoggerMessage(1602, LogLevel.Warning, "The state of the breakers could not be shared between instances")]
    private partial void LogTableAway(Exception failure);
}
