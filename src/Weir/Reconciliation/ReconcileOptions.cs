using System.ComponentModel.DataAnnotations;

namespace Weir.Reconciliation;

/// <summary>The settings under <c>Weir:Reconcile:</c>.</summary>
public sealed class ReconcileOptions
{
    public const string Section = "Weir:Reconcile";

    /// <summary>How often a round begins. 5 s to 1 hour, default 30 s.</summary>
    [Range(typeof(TimeSpan), "00:00:05", "01:00:00")]
    public TimeSpan Every { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>
    /// How long nothing must have happened to a job before it can be taken for forgotten; longer than any instance may take from one step of a job
    /// to the next. 1 s to 1 day, default 5 minutes.
    /// </summary>
    [Range(typeof(TimeSpan), "00:00:01", "1.00:00:00")]
    public TimeSpan After { get; set; } = TimeSpan.FromMinutes(5);
}
