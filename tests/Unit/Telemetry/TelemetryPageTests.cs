using System.Diagnostics.Metrics;
using System.Text.RegularExpressions;
using Architecture.Tests;
using Weir.Telemetry;
using Weir.Telemetry.Prometheus;
using static Unit.Tests.Execution.TestJobs;

namespace Unit.Tests.Telemetry;

/// <summary>docs/telemetry.md lists the metrics that there are, under the names that they have.</summary>
public sealed partial class TelemetryPageTests
{
    [Fact]
    public async Task The_page_lists_every_instrument_with_its_names_and_kind_and_no_other()
    {
        await using var weir = await WeirInMemory.StartAsync(typeof(AtLeast));
        weir.Get<MetricsCollection>();
        var gauges = weir.Get<Gauges>();
        var instruments = new List<Instrument>();
        using var listener = new MeterListener
        {
            InstrumentPublished = (instrument, _) =>
            {
                // Other tests make some of their own meanwhile.
                if (!instrument.Name.StartsWith("weir.test.", StringComparison.Ordinal) && instrument.Meter.Name == TelemetryNames.Meter && (instrument.Meter.Scope is null || instrument.Meter.Scope == gauges))
                    instruments.Add(instrument);
            },
        };
        Assert.NotNull(JobMetrics.Meter); // static: there is no instrument before somebody asks
        listener.Start();

        var inCode = instruments.Select(instrument => (Instrument: instrument, Family: MetricFamily.Of(instrument)!)).Select(one => $"{one.Instrument.Name} {one.Family.Name} {one.Family.Kind.ToString().ToLowerInvariant()}");
        var onPage = Row().Matches(await File.ReadAllTextAsync(Repository.Full("docs/telemetry.md"))).Select(row => $"{row.Groups[1].Value} {row.Groups[2].Value} {row.Groups[3].Value}");
        Assert.Equal(inCode.Order(StringComparer.Ordinal), onPage.Order(StringComparer.Ordinal));
        Assert.All(instruments, instrument => Assert.EndsWith(".", instrument.Description));
    }

    [GeneratedRegex(@"^\| `(weir\.[\w.]+)` \| `(\w+)` \| (\w+) \|", RegexOptions.Multiline)]
    private static partial Regex Row();
}
