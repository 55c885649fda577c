using System.Diagnostics.Metrics;
using System.Globalization;
using Weir;
using Weir.Lanes;
using Weir.Statistics;
using Weir.Telemetry;
using Weir.Telemetry.Prometheus;
using static Unit.Tests.Execution.TestJobs;

namespace Unit.Tests.Telemetry;

/// <summary>
/// What is counted comes out in Prometheus' text. The instruments are the process's own, and other tests count beside these: each test looks at labels of its own.
/// </summary>
public sealed class MetricsCollectionTests : IAsyncLifetime
{
    private readonly string name = $"type-{Guid.NewGuid():n}";
    private readonly JobStatistics statistics = new(TimeProvider.System);
    private WeirInMemory weir = null!;
    private MetricsCollection metrics = null!;

    public async ValueTask InitializeAsync()
    {
        weir = await WeirInMemory.StartAsync(typeof(AtLeast));
        metrics = weir.Get<MetricsCollection>();
        metrics.Listen();
    }

    public ValueTask DisposeAsync() => weir.DisposeAsync();

    [Fact]
    public async Task A_job_that_fails_once_is_in_every_metric_of_its_way_as_often_as_in_the_statistics()
    {
        // The type's name is not this test's own, so what others counted before is taken off.
        var before = Text();
        await weir.SubmitAsync("counted.atleast", new FailingRequest(Times: 1));
        await weir.RunAllAsync(TimeSpan.FromMinutes(1));
        var after = Text();
        double Of(string metric, string labels = "tenant=\"default\",type=\"counted.atleast\"") =>
            Value(after, metric, $"queue=\"default\",{labels}") - (Value(before, metric, $"queue=\"default\",{labels}") is var was && double.IsNaN(was) ? 0 : was);

        var series = weir.Get<JobStatistics>().Take().Single(one => one.Key.Type == "counted.atleast").Series;
        Assert.Equal((1, 2, 1, 0), (series[JobEvent.Submitted], series[JobEvent.Started], series[JobEvent.Succeeded], series[JobEvent.DeadLettered]));
        // Other classes run jobs of this type at the same time: at least as many, and in flight none for good.
        Assert.True(Of("weir_jobs_submitted_total") >= 1);
        Assert.True(Of("weir_jobs_started_total") >= 2);
        Assert.True(Of("weir_jobs_succeeded_total") >= 1);
        Assert.True(Value(after, "weir_jobs_retried_total", "class=\"transient\",queue=\"default\",tenant=\"default\",type=\"counted.atleast\"") >= 1);
        Assert.True(Of("weir_job_run_seconds_count", "type=\"counted.atleast\"") >= 2);
    }

    [Fact]
    public void Events_come_out_with_their_labels_and_reasons()
    {
        statistics.Count(JobEvent.Submitted, name, Queue.Bulk, "t", times: 3);
        statistics.Count(JobEvent.Refused, name, Queue.Bulk, "t", "queuePressure");
        statistics.Count(JobEvent.DeadLettered, name, Queue.Critical, "t", "permanent");
        using (statistics.Running(Message, Queue.Default))
            Assert.Equal(1, Value(Text(), "weir_jobs_in_flight", $"queue=\"default\",tenant=\"t\",type=\"{name}\""));
        var text = Text();
        Assert.Equal(0, Value(text, "weir_jobs_in_flight", $"queue=\"default\",tenant=\"t\",type=\"{name}\""));
        Assert.Equal(3, Value(text, "weir_jobs_submitted_total", $"queue=\"bulk\",tenant=\"t\",type=\"{name}\""));
        Assert.Equal(1, Value(text, "weir_jobs_refused_total", $"queue=\"bulk\",reason=\"queuePressure\",tenant=\"t\",type=\"{name}\""));
        Assert.Equal(1, Value(text, "weir_jobs_dead_lettered_total", $"queue=\"critical\",reason=\"permanent\",tenant=\"t\",type=\"{name}\""));
    }

    [Fact]
    public void A_histogram_has_sums_up_to_each_bound_and_ends_with_infinity()
    {
        foreach (var milliseconds in new[] { 3, 60, 60, 7_200_000 })
            statistics.Ran(Message, Queue.Default, TimeSpan.FromMilliseconds(milliseconds));
        var text = Text();
        double At(string bound) => Value(text, "weir_job_run_seconds_bucket", $"queue=\"default\",type=\"{name}\",le=\"{bound}\"");
        Assert.Equal((1, 1, 3, 3, 4), (At("0.005"), At("0.025"), At("0.1"), At("3600"), At("+Inf")));
        Assert.Equal((4, 7200.123), (Value(text, "weir_job_run_seconds_count", $"queue=\"default\",type=\"{name}\""), Math.Round(Value(text, "weir_job_run_seconds_sum", $"queue=\"default\",type=\"{name}\""), 6)));
    }

    [Fact]
    public void What_stands_in_a_label_cannot_break_out_of_it()
    {
        const string hostile = "a\"} 1\nweir_jobs_submitted_total{type=\"b\\";
        statistics.Count(JobEvent.Submitted, hostile + name, Queue.Bulk, "t");
        var line = Assert.Single(Text().Split('\n'), line => line.Contains(name, StringComparison.Ordinal));
        Assert.Equal($@"weir_jobs_submitted_total{{queue=""bulk"",tenant=""t"",type=""a\""}} 1\nweir_jobs_submitted_total{{type=\""b\\{name}""}} 1", line);
    }

    [Fact]
    public void A_reader_of_one_tenant_sees_the_others_added_up()
    {
        foreach (var tenant in new[] { "mine", "theirs", "hers" })
            statistics.Count(JobEvent.Submitted, name, Queue.Bulk, tenant, times: tenant.Length);
        var text = metrics.Write((label, value) => label == "tenant" && value != "mine" ? BoundedNames.Other : value);
        Assert.Equal(4, Value(text, "weir_jobs_submitted_total", $"queue=\"bulk\",tenant=\"mine\",type=\"{name}\""));
        Assert.Equal(10, Value(text, "weir_jobs_submitted_total", $"queue=\"bulk\",tenant=\"(other)\",type=\"{name}\""));
        Assert.DoesNotContain("theirs", text);
    }

    [Fact]
    public void So_many_tenants_have_a_name_and_the_rest_is_counted_together()
    {
        for (var tenant = 0; tenant < 1_000; tenant++)
            statistics.Count(JobEvent.Submitted, name, Queue.Bulk, $"tenant-{tenant}");
        var lines = Text().Split('\n').Where(line => line.Contains(name, StringComparison.Ordinal)).ToArray();
        Assert.Equal(JobMetrics.MostTenants + 1, lines.Length);
        Assert.Equal(1_000 - JobMetrics.MostTenants, Value(Text(), "weir_jobs_submitted_total", $"queue=\"bulk\",tenant=\"(other)\",type=\"{name}\""));
    }

    [Fact]
    public void Series_beyond_the_most_are_dropped_and_that_is_counted()
    {
        using var meter = new Meter(TelemetryNames.Meter);
        var counter = meter.CreateCounter<long>($"weir.test.{name}");
        Assert.Equal(0, Value(Text(), "weir_metrics_dropped_total", ""));
        for (var one = 0; one < MetricsCollection.MostSeries + 500; one++)
            counter.Add(1, new KeyValuePair<string, object?>("one", one.ToString(CultureInfo.InvariantCulture)));
        counter.Add(1, new KeyValuePair<string, object?>("one", "0"));

        var text = Text();
        var kept = text.Split('\n').Count(line => line.StartsWith($"weir_test_{name.Replace('-', '_')}_total{{", StringComparison.Ordinal));
        Assert.InRange(kept, MetricsCollection.MostSeries - 2_000, MetricsCollection.MostSeries); // what else is counted has its series too
        Assert.True(Value(text, "weir_metrics_dropped_total", "") >= MetricsCollection.MostSeries + 500 - kept);
        Assert.Equal(2, Value(text, $"weir_test_{name.Replace('-', '_')}_total", "one=\"0\""));
    }

    [Fact]
    public void What_is_not_known_any_more_is_not_told()
    {
        var known = true;
        using var meter = new Meter(TelemetryNames.Meter);
        meter.CreateObservableGauge($"weir.test.{name}", () => known ? [new Measurement<long>(7)] : Array.Empty<Measurement<long>>());
        var metric = $"weir_test_{name.Replace('-', '_')}";
        Assert.Equal(7, Value(Text(), metric, ""));
        known = false;
        Assert.True(double.IsNaN(Value(Text(), metric, "")));
    }

    [Fact]
    public void Counting_allocates_nothing_while_it_is_collected()
    {
        void Once()
        {
            statistics.Started(Message, Queue.Default);
            using (statistics.Running(Message, Queue.Default))
                statistics.Ran(Message, Queue.Default, TimeSpan.FromMilliseconds(3));
            statistics.Ended(JobEvent.DeadLettered, Message, Queue.Default, "permanent");
        }
        Once();
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var times = 0; times < 1_000; times++)
            Once();
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    private JobMessage Message => field ??= new("id", name, "t", "l", default, "", default) { EnqueuedAt = DateTimeOffset.UtcNow, SubmittedAt = DateTimeOffset.UtcNow };

    private string Text() => metrics.Write((_, value) => value);

    /// <summary>NaN when there is no such series.</summary>
    private static double Value(string text, string metric, string labels)
    {
        var head = labels.Length == 0 ? $"{metric} " : $"{metric}{{{labels}}} ";
        return text.Split('\n').SingleOrDefault(line => line.StartsWith(head, StringComparison.Ordinal)) is { } line ? double.Parse(line[head.Length..], CultureInfo.InvariantCulture) : double.NaN;
    }
}
