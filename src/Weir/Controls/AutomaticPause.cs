using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Weir.Pressure;

namespace Weir.Controls;

/// <summary>
/// Pauses bulk while critical is saturated, if it may: the control <c>automatic/bulk</c> says so, else the setting <c>Weir:Controls:PauseBulk</c> (off). What it sets is a pause
/// like an operator's: seen, on record, held and released in the same way. It ends by itself soon after nobody renews it, so a crash leaves nothing paused.
/// </summary>
internal sealed partial class AutomaticPause(IOptions<ControlOptions> options, ControlTable table, ControlDesk desk, PressureBoard pressure, TimeProvider clock, ILogger<AutomaticPause> logger)
{
    public const string Name = "bulk";

    private static readonly TimeSpan Lasts = TimeSpan.FromMinutes(2);

    public async Task LookAsync(ControlSnapshot controls, CancellationToken cancellation)
    {
        var now = clock.GetUtcNow();
        var wanted = IsSaturated && (controls.Find(ControlKind.Automatic, Name, now)?.Enabled ?? options.Value.PauseBulk);
        var pause = controls.Find(ControlKind.Queue, Name, now);
        if (wanted && pause is null)
            await PauseAsync(now, cancellation);
        else if (wanted && pause is { IsAutomatic: true } && pause.Until < now + Lasts / 2)
            await table.WriteAsync(pause with { Until = now + Lasts }, pause.ETag, cancellation); // if another instance was quicker, it has renewed it
        else if (!wanted && pause is { IsAutomatic: true })
            await desk.RemoveAsync(ControlKind.Queue, Name, ControlDesk.Weir, "Critical is not saturated any more, or it may no longer be done.", before => before is { IsAutomatic: true }, cancellation);
    }

    /// <summary>False, too, while nobody knows.</summary>
    private bool IsSaturated => pressure.IsKnown && pressure.Reading.Of(Queue.Critical).Level == PressureLevel.Saturated;

    private async Task PauseAsync(DateTimeOffset now, CancellationToken cancellation)
    {
        var pause = new Control(ControlKind.Queue, Name, ControlDesk.Weir, "The queue critical is saturated.", now, now + Lasts) { IsAutomatic = true };
        if ((await desk.PutAsync(pause, before => before is null || !before.IsInForce(clock.GetUtcNow()), cancellation)).Done)
            LogPaused();
    }

    [LoggerMessage(2106, LogLevel.Warning, "The queue bulk is paused by itself, because critical is saturated")]
    private partial void LogPaused();
}
