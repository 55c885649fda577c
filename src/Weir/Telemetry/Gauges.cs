using System.Diagnostics.Metrics;
using Weir.Breakers;
using Weir.Catalog;
using Weir.DeadLetters;
using Weir.Instances;
using Weir.Pressure;
using Weir.Retries;
using Weir.Schedules;
using Weir.SyntheticCheck;

namespace Weir.Telemetry;

/// <summary>
/// What an instance knows at this moment, told when somebody asks: none of it costs an operation, it is what the instance has found out for its own work. What concerns all instances (depth, pressure)
/// each of them tells, so take the maximum.
/// </summary>
internal sealed class Gauges : IDisposable
{
    private readonly PressureBoard pressure;
    private readonly BreakerBoard breakers;
    private readonly JobCatalog catalog;
    private readonly RetryBudget budget;
    private readonly RetryPolicies policies;
    private readonly Heartbeat heartbeat;
    private readonly ScheduleFiring schedules;
    private readonly SyntheticChecks synthetic;
    private readonly OpenDeadLetters waiting;
    private readonly TimeProvider clock;

    public Gauges(PressureBoard pressure, BreakerBoard breakers, JobCatalog catalog, RetryBudget budget, RetryPolicies policies, Heartbeat heartbeat, ScheduleFiring schedules, SyntheticChecks synthetic, OpenDeadLetters waiting, TimeProvider clock)
    {
        (this.pressure, this.breakers, this.catalog, this.budget) = (pressure, breakers, catalog, budget);
        (this.policies, this.heartbeat, this.schedules, this.synthetic, this.waiting, this.clock) = (policies, heartbeat, schedules, synthetic, waiting, clock);
        // Its scope tells it from those of other instances in the same process, which only tests have.
        Meter = new Meter(TelemetryNames.Meter, version: null, tags: null, scope: this);
        Meter.CreateObservableGauge("weir.queue.depth", () => OfQueues(queue => queue.Depth), "{job}", "Jobs that wait or run.");
        Meter.CreateObservableGauge("weir.queue.scheduled", () => OfQueues(queue => queue.Scheduled), "{job}", "Jobs that come later: delayed, to be retried, put off.");
        Meter.CreateObservableGauge("weir.queue.estimated_wait", () => OfQueues(queue => queue.EstimatedWait?.TotalSeconds), "s", "How long a job would wait that came now; absent when nobody knows.");
        Meter.CreateObservableGauge("weir.queue.drain_rate", () => OfQueues(queue => queue.Drain.PerSecond), "{job}/s", "How many jobs can start a second, as seen while there was a backlog; absent when nothing was seen.");
        Meter.CreateObservableGauge("weir.queue.pressure", () => OfQueues(queue => (double)queue.Level), description: "0 normal, 1 elevated, 2 saturated.");
        Meter.CreateObservableGauge("weir.breaker.state", BreakerStates, description: "Of a dependency, in this instance: 0 closed, 1 trials are let through, 2 open.");
        Meter.CreateObservableGauge("weir.retry.budget_spent", BudgetsSpent, description: "1 while a type's retries are more than its budget, so that its delays are doubled; absent for a type without a budget.");
        Meter.CreateObservableGauge("weir.instances", Instances, "{instance}", "Instances, by whether they are alive or silent; each tells what it saw last.");
        Meter.CreateObservableGauge("weir.instance.heartbeat_age", HeartbeatAge, "s", "Since this instance could last say that it lives.");
        Meter.CreateObservableGauge("weir.synthetic_check.success", () => OfChecks(one => one.Outcome == CheckOutcome.Succeeded ? 1 : 0), description: "1 if the last job that was sent through the queue to see whether it works succeeded, else 0; told by the instance whose turn it is.");
        Meter.CreateObservableGauge("weir.synthetic_check.duration", () => OfChecks(one => one.Time.TotalSeconds), "s", "How long that job took from its submission to its end, or until it was given up.");
        Meter.CreateObservableGauge("weir.dead_letters.open", DeadLettersOpen, "{letter}", "Dead letters that wait for somebody, by type; told by the instance whose turn it is to reconcile.");
        Meter.CreateObservableGauge("weir.schedule.overdue", Overdue, "s", "How long the schedule that is overdue most has been due, as this instance sees it; 0 when none is.");
    }

    public Meter Meter { get; }

    public void Dispose() => Meter.Dispose();

    private IEnumerable<Measurement<double>> OfQueues(Func<QueuePressure, double?> what)
    {
        if (!pressure.IsKnown)
            yield break;
        foreach (var queue in pressure.Reading.Queues)
        {
            if (what(queue) is { } value)
                yield return new Measurement<double>(value, new KeyValuePair<string, object?>("queue", JobMetrics.NameOf(queue.Queue)));
        }
    }

    private IEnumerable<Measurement<double>> OfChecks(Func<CheckResult, double> what) =>
        synthetic.Last is not { } round ? [] : round.Results.Select(one => new Measurement<double>(what(one), new KeyValuePair<string, object?>("queue", JobMetrics.NameOf(one.Queue))));

    private IEnumerable<Measurement<long>> BreakerStates() => breakers.All.Select(breaker => new Measurement<long>(
        breaker.State switch { BreakerState.Open => 2, BreakerState.HalfOpen => 1, _ => 0 }, new KeyValuePair<string, object?>("dependency", breaker.Dependency)));

    private IEnumerable<Measurement<long>> BudgetsSpent() => catalog.Types.Where(type => budget.Knows(type) && policies.Of(type).Budget < 1).Select(type => new Measurement<long>(
        budget.Factor(type, policies.Of(type)) > 1 ? 1 : 0, new KeyValuePair<string, object?>("type", type.Name)));

    private IEnumerable<Measurement<long>> Instances() => heartbeat.Seen is not { } seen ? [] :
    [
        new Measurement<long>(seen.Alive, new KeyValuePair<string, object?>("state", "alive")),
        new Measurement<long>(seen.Silent, new KeyValuePair<string, object?>("state", "silent")),
    ];

    private IEnumerable<Measurement<double>> HeartbeatAge() => heartbeat.WrittenAt is { } at ? [new Measurement<double>(Math.Max((clock.GetUtcNow() - at).TotalSeconds, 0))] : [];

    private IEnumerable<Measurement<long>> DeadLettersOpen() => waiting.ByType.Select(one => new Measurement<long>(one.Value, new KeyValuePair<string, object?>("type", one.Key)));

    private IEnumerable<Measurement<double>> Overdue() => [new Measurement<double>(schedules.OverdueSince is { } since ? Math.Max((clock.GetUtcNow() - since).TotalSeconds, 0) : 0)];
}
