namespace Weir.Telemetry;

/// <summary>Under which names an exporter finds what Weir tells (docs/telemetry.md).</summary>
public static class TelemetryNames
{
    /// <summary>The source of the spans.</summary>
    public const string Source = "Weir";

    /// <summary>The meter of the metrics.</summary>
    public const string Meter = "Weir";
}
