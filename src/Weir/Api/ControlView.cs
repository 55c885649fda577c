using Weir.Controls;
using Weir.Retries;

namespace Weir.Api;

/// <summary>A control as GET shows it: what, who, why, since when, until when.</summary>
internal sealed record ControlView(ControlKind Kind, string Name, string By, string Reason, DateTimeOffset Since, DateTimeOffset? Until, string Etag)
{
    public double? Percentage { get; init; }

    public Spread? Per { get; init; }

    /// <summary>The name of a policy, or its figures.</summary>
    public ControlRetryView? Retry { get; init; }

    public bool? Enabled { get; init; }

    /// <summary>Weir set it by itself.</summary>
    public bool? Automatic { get; init; }

    public static ControlView Of(Control control) => new(control.Kind, control.Name, control.By, control.Reason, control.Since, control.Until, control.ETag.ToString())
    {
        Percentage = control.Kind is ControlKind.Policy or ControlKind.Feature ? control.Percentage : null,
        Per = control.Kind is ControlKind.Policy or ControlKind.Feature ? control.Spread : null,
        Retry = control.Kind == ControlKind.Policy ? ControlRetryView.Of(control) : null,
        Enabled = control.Kind == ControlKind.Automatic ? control.Enabled : null,
        Automatic = control.IsAutomatic ? true : null,
    };
}

internal sealed record ControlRetryView(string? Policy, int? Attempts, int? UnknownAttempts, double? BaseSeconds, double? CapSeconds, double? Multiplier, double? Budget)
{
    public static ControlRetryView Of(Control control) => control.Policy is { } policy ? Of(policy) : new(control.PolicyName, null, null, null, null, null, null);

    private static ControlRetryView Of(RetryPolicy policy) =>
        new(null, policy.Attempts, policy.UnknownAttempts, policy.Base.TotalSeconds, policy.Cap.TotalSeconds, policy.Multiplier, policy.Budget);
}

internal sealed record ControlsView(IReadOnlyList<ControlView> Controls);

/// <summary>The control that stops something, as it is shown where it acts.</summary>
internal sealed record PausedView(ControlKind Kind, string Name, string By, string Reason, DateTimeOffset Since, DateTimeOffset? Until)
{
    public static PausedView? Of(Control? control) => control is null ? null : new(control.Kind, control.Name, control.By, control.Reason, control.Since, control.Until);
}

internal sealed record AuditView(IReadOnlyList<AuditEntryView> Entries, string? Cursor);

internal sealed record AuditEntryView(string Id, DateTimeOffset At, string By, string Action, string Kind, string Name, string Reason, string? Detail, AuditOutcome Outcome)
{
    public static AuditEntryView Of(AuditEntry entry) => new(entry.Id, entry.At, entry.By, entry.Action, entry.Kind, entry.Name, entry.Reason, entry.Detail, entry.Outcome);
}
