namespace Weir.Telemetry;

/// <summary>Under which names an exporter finds what Weir tells (docs/telemetry.md).</summary>
public static class TelemetryNames
{
    /// <summary>The source of the spans.</summary>
    public const string Source = "Weir";
}
