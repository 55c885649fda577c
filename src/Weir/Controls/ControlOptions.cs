namespace Weir.Controls;

/// <summary>The settings under <c>Weir:Controls:</c>.</summary>
public sealed class ControlOptions
{
    public const string Section = "Weir:Controls";

    /// <summary>Whether bulk is paused by itself while critical is saturated, where no control <c>automatic/bulk</c> says otherwise. Default false.</summary>
    public bool PauseBulk { get; set; }
}
