using System.Diagnostics;
using System.Diagnostics.Metrics;
using Weir.Lanes;
using Weir.Reconciliation;
using Weir.Retries;
using Weir.Statistics;

namespace Weir.Telemetry;

/// <summary>
/// The metrics of what happens to jobs, on the meter <c>Weir</c> (docs/telemetry.md lists them). They are counted where <see cref="JobStatistics"/> counts, and only there. By type, queue and
/// tenant, all bounded by it; times by type and queue only, since each of their series is 15 numbers. An event allocates nothing, and costs next to nothing while nobody listens.
/// </summary>
internal static class JobMetrics
{
    /// <summary>Tenants with series of their own: those that come first in a process. With 20 types in a queue each and ten events this is 10,000 series, a scrape of about 1 MB.</summary>
    public const int MostTenants = 50;

    public static readonly Meter Meter = new(TelemetryNames.Meter);

    private const string Job = "{job}";

    /// <summary>From 5 ms to an hour: a webhook, a report, a night's backlog.</summary>
    private static readonly InstrumentAdvice<double> Times = new() { HistogramBucketBoundaries = [0.005, 0.025, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600] };

    /// <summary>In the order of <see cref="JobEvent"/>.</summary>
    private static readonly Counter<long>[] Events = [.. Enum.GetValues<JobEvent>().Select(Create)];

    private static readonly Counter<long> Duplicates = Meter.CreateCounter<long>("weir.jobs.duplicate_deliveries", Job, "Messages that came when their job had ended: a second copy, or one whose settlement was lost.");
    private static readonly Counter<long> FencedOutcomes = Meter.CreateCounter<long>("weir.jobs.fenced", Job, "Attempts whose outcome was thrown away, because another owner had the job by then.");
    private static readonly UpDownCounter<long> InFlight = Meter.CreateUpDownCounter<long>("weir.jobs.in_flight", Job, "Jobs whose handler runs in this instance.");
    private static readonly Counter<long> Findings = Meter.CreateCounter<long>("weir.findings", "{finding}", "What the reconciler came upon, by what was done about it.");

    private static readonly Histogram<double> Wait = Meter.CreateHistogram("weir.job.wait", "s", "From the moment when an attempt could first start to its start.", advice: Times);
    private static readonly Histogram<double> Run = Meter.CreateHistogram("weir.job.run", "s", "How long an attempt ran, from its claim to its outcome.", advice: Times);
    private static readonly Histogram<double> EndToEnd = Meter.CreateHistogram("weir.job.end_to_end", "s", "From a job's submission, or the time before which it was not to start, to its end.", advice: Times);
    private static readonly Histogram<double> ScheduleDelay = Meter.CreateHistogram("weir.schedule.delay", "s", "From the moment when an occurrence of a schedule was due to the submission of its job.", advice: Times);

    private static readonly string[] Queues = [.. Enum.GetValues<Queue>().Select(queue => queue.ToString().ToLowerInvariant())];
    private static readonly string[] PutOffReasons = NamesOf<PutOffReason>();
    private static readonly string[] ErrorClasses = NamesOf<ErrorClass>();

    public static string NameOf(Queue queue) => Queues[(int)queue];

    public static string NameOf(PutOffReason reason) => PutOffReasons[(int)reason];

    public static string NameOf(ErrorClass error) => ErrorClasses[(int)error];

    public static void Count(JobEvent what, string type, Queue queue, string tenant, string? reason, int times)
    {
        var counter = Events[(int)what];
        if (!counter.Enabled)
            return;
        var tags = Of(type, queue, tenant);
        if (what == JobEvent.Retried)
            tags.Add("class", reason ?? "unknown");
        else if (what is JobEvent.Refused or JobEvent.DeadLettered or JobEvent.PutOff)
            tags.Add("reason", reason ?? "unknown");
        counter.Add(times, tags);
    }

    public static void DuplicateDelivery(string type, Queue queue, string tenant) => Duplicates.Add(1, Of(type, queue, tenant));

    public static void Fenced(string type, Queue queue, string tenant) => FencedOutcomes.Add(1, Of(type, queue, tenant));

    public static void Found(Finding finding) => Findings.Add(1, new TagList { { "kind", Camel(finding.Kind) }, { "repair", Camel(finding.Repair) } });

    public static void Waited(string type, Queue queue, TimeSpan time) => Record(Wait, type, queue, time);

    public static void Ran(string type, Queue queue, TimeSpan time) => Record(Run, type, queue, time);

    public static void Took(string type, Queue queue, TimeSpan time) => Record(EndToEnd, type, queue, time);

    /// <summary>Of all schedules together: their names are the tenants' own.</summary>
    public static void Fired(TimeSpan late) => ScheduleDelay.Record(Math.Max(late.TotalSeconds, 0));

    /// <summary>Counts a job as in flight until the answer is disposed of.</summary>
    public static InFlightMark Running(string type, Queue queue, string tenant)
    {
        AddInFlight(1, type, queue, tenant);
        return new InFlightMark(type, queue, tenant);
    }

    private static void Record(Histogram<double> times, string type, Queue queue, TimeSpan time)
    {
        if (times.Enabled)
            times.Record(time.TotalSeconds, Of(type, queue));
    }

    private static void AddInFlight(int jobs, string type, Queue queue, string tenant)
    {
        if (InFlight.Enabled)
            InFlight.Add(jobs, Of(type, queue, tenant));
    }

    private static TagList Of(string type, Queue queue) => new() { { "type", type }, { "queue", NameOf(queue) } };

    private static TagList Of(string type, Queue queue, string tenant) => new() { { "type", type }, { "queue", NameOf(queue) }, { "tenant", tenant } };

    private static Counter<long> Create(JobEvent what) => what switch
    {
        JobEvent.Submitted => Meter.CreateCounter<long>("weir.jobs.submitted", Job, "Jobs accepted, from outside or following from another."),
        JobEvent.Refused => Meter.CreateCounter<long>("weir.jobs.refused", Job, "Submissions refused because there was no room, by the code of the answer."),
        JobEvent.Started => Meter.CreateCounter<long>("weir.jobs.started", Job, "Attempts begun."),
        JobEvent.Succeeded => Meter.CreateCounter<long>("weir.jobs.succeeded", Job, "Jobs that succeeded."),
        JobEvent.Retried => Meter.CreateCounter<long>("weir.jobs.retried", Job, "Attempts that failed and are followed by another, by the class of the error."),
        JobEvent.DeadLettered => Meter.CreateCounter<long>("weir.jobs.dead_lettered", Job, "Jobs that failed for good and wait for an operator, by why."),
        JobEvent.Cancelled => Meter.CreateCounter<long>("weir.jobs.cancelled", Job, "Jobs cancelled."),
        JobEvent.Expired => Meter.CreateCounter<long>("weir.jobs.expired", Job, "Jobs that were not begun in time."),
        JobEvent.Compensated => Meter.CreateCounter<long>("weir.jobs.compensated", Job, "Workflows whose steps were undone."),
        JobEvent.PutOff => Meter.CreateCounter<long>("weir.jobs.put_off", Job, "Times that a job was not to start when its turn came, by why."),
        _ => throw new UnreachableException(what.ToString()),
    };

    private static string[] NamesOf<T>() where T : struct, Enum => [.. Enum.GetValues<T>().Select(value => Camel(value))];

    private static string Camel<T>(T value) where T : struct, Enum => System.Text.Json.JsonNamingPolicy.CamelCase.ConvertName(value.ToString());

    public readonly struct InFlightMark(string type, Queue queue, string tenant) : IDisposable
    {
        public void Dispose() => AddInFlight(-1, type, queue, tenant);
    }
}
