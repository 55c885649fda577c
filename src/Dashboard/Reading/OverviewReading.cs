using Microsoft.AspNetCore.Mvc;
using Weir.Api;
using Weir.Breakers;
using Weir.Controls;
using Weir.Pressure;
using Weir.Reconciliation;
using Weir.Statistics;

namespace Dashboard.Reading;

/// <summary>How bad it is, the worst first.</summary>
internal enum Severity
{
    Bad,
    Warning,
    Note,
}

/// <summary>One thing that an operator should know of, and where to go.</summary>
internal sealed record Trouble(Severity Severity, string What, string Detail, string Link, string Action);

/// <summary>How a job type fared in the last quarter of an hour.</summary>
internal sealed record TypeFigures(string Type, long Started, long Succeeded, long Retried, long DeadLettered, double? P50, double? P95, double? P99)
{
    /// <summary>Of its attempts.</summary>
    public double FailureRate => Started == 0 ? 0 : Math.Min(1, (double)(Retried + DeadLettered) / Started);

    public bool IsFailing => DeadLettered > 0 || (Started >= 5 && FailureRate > 0.2);

    public static TypeFigures Of(string type, Series series) => new(
        type, series[JobEvent.Started], series[JobEvent.Succeeded], series[JobEvent.Retried], series[JobEvent.DeadLettered],
        series.Run.Percentile(0.5)?.TotalSeconds, series.Run.Percentile(0.95)?.TotalSeconds, series.Run.Percentile(0.99)?.TotalSeconds);
}

internal sealed record OverviewModel(
    IReadOnlyList<Trouble> Troubles, Answer<QueuesView> Queues, Answer<StatisticsOverTime> Hour, IReadOnlyList<TypeFigures> Types, Answer<InstancesView> Instances, Answer<BreakersView> Breakers,
    Answer<FindingsView> Findings, ProblemDetails? FiguresProblem)
{
    public bool IsNew => Types.Count == 0 && Queues.Value?.Queues.All(queue => queue.Depth == 0) == true;
}

/// <summary>The first page: what is wrong, then how it goes.</summary>
internal sealed class OverviewReading(Faces faces, StatisticsReader statistics)
{
    private const int DeadLettersCounted = 100;
    private static readonly TimeSpan Window = TimeSpan.FromMinutes(15);
    private static readonly TimeSpan Recent = TimeSpan.FromDays(1);

    public async Task<Drawn> ReadAsync(Visit visit)
    {
        var cancellation = visit.Cancellation;
        var queues = Answer<QueuesView>.OfAsync(faces.Queues.ListAsync(visit.Ask.Get(), cancellation));
        var findings = Answer<FindingsView>.OfAsync(faces.Findings.ListAsync(visit.Ask.Get(("limit", "20")), cancellation));
        var instances = Answer<InstancesView>.OfAsync(faces.Lists.InstancesAsync(visit.Ask.Get(), cancellation));
        var controls = Answer<ControlsView>.OfAsync(faces.Controls.ListAsync(visit.Ask.Get(), cancellation));
        var dead = DeadAsync(visit);
        var breakers = Answer<BreakersView>.Of(faces.Breakers.List(visit.Ask.Get()));
        var hour = Answer<StatisticsOverTime>.OfAsync(faces.Statistics.ReadAsync(visit.Ask.Get(("step", "PT1M")), cancellation));
        var (types, problem) = await FiguresAsync(cancellation);

        var model = new OverviewModel([], await queues, await hour, types, await instances, breakers, await findings, problem);
        var troubles = Troubles(model, await controls, await dead, visit.Now).OrderBy(trouble => trouble.Severity).ToArray();
        return visit.Draw<Dashboard.Pages.OverviewPage, OverviewModel>("Overview", model with { Troubles = troubles });
    }

    private async Task<(IReadOnlyList<TypeFigures> Types, ProblemDetails? Problem)> FiguresAsync(CancellationToken cancellation)
    {
        try
        {
            var view = await statistics.ReadAsync(Window, cancellation);
            var types = view.Keys.Select(key => key.Type).Distinct(StringComparer.Ordinal).Select(type => TypeFigures.Of(type, view.OfType(type)));
            return ([.. types.OrderByDescending(type => type.IsFailing).ThenByDescending(type => type.Started)], null);
        }
        catch (Exception away) when (Weir.StoreAway.Explains(away))
        {
            return ([], Unreachable.Store);
        }
    }

    /// <summary>Of all tenants it is counted by cause already; of one they are looked at, and more than a hundred are not.</summary>
    private async Task<Trouble?> DeadAsync(Visit visit)
    {
        if (visit.Session.Caller.Tenant is null)
        {
            var causes = await Answer<DeadLetterGroupListView>.OfAsync(faces.DeadLetters.CountAsync(visit.Ask.Get(("state", "open")), visit.Cancellation));
            return causes.Value is { Groups: [var largest, ..] groups, Scanned: var count, Partial: var isMore }
                ? Waits($"{(isMore ? "More than " : "")}{Drawing.Words.Count(count)}", count, groups.Count == 1 ? $"All of one cause: {NameOf(largest.Type)}, {largest.Reason}." : $"Of {groups.Count} causes, {Drawing.Words.Count(largest.Open)} of one: {NameOf(largest.Type)}, {largest.Reason}.")
                : null;
        }
        var list = await Answer<DeadLetterListView>.OfAsync(faces.DeadLetters.ListAsync(visit.Ask.Get(("state", "open"), ("limit", $"{DeadLettersCounted}")), visit.Cancellation));
        return list.Value is { DeadLetters: [var newest, ..] found, Cursor: var more }
            ? Waits(more is null ? $"{found.Count}" : $"More than {found.Count - 1}", found.Count, $"The newest died {Drawing.Words.Ago(newest.DiedAt, visit.Now)}: {NameOf(newest.Type)}, {newest.Reason}.")
            : null;

        static string NameOf(string? type) => type ?? "a message of no job";
        static Trouble Waits(string count, int number, string detail) => new(Severity.Warning, number == 1 ? "One dead letter waits for somebody" : $"{count} dead letters wait for somebody", detail, "/dashboard/dead-letters", "Mend and replay");
    }

    private static IEnumerable<Trouble> Troubles(OverviewModel model, Answer<ControlsView> controls, Trouble? dead, DateTimeOffset now)
    {
        foreach (var queue in model.Queues.Value?.Queues.Where(queue => queue.Pressure != PressureLevel.Normal) ?? [])
        {
            yield return new(queue.Pressure == PressureLevel.Saturated ? Severity.Bad : Severity.Warning, $"Queue {Drawing.Words.Camel(queue.Queue)} is {Drawing.Words.Camel(queue.Pressure)}",
                $"{Drawing.Words.Count(queue.Depth)} jobs wait, a new one for about {Drawing.Words.Iso(queue.EstimatedWait)}; {Drawing.Words.Rate(queue.ArrivalsPerSecond)} come, {Drawing.Words.Rate(queue.StartsPerSecond)} start.",
                "/dashboard/capacity", "How many sessions would it take?");
        }
        foreach (var breaker in model.Breakers.Value?.Breakers.Where(breaker => breaker.State != BreakerState.Closed) ?? [])
            yield return new(Severity.Bad, $"Breaker of {breaker.Dependency} is {Drawing.Words.Camel(breaker.State)}", "Jobs that depend on it are put off, not failed; they go on by themselves when it answers again.", "/dashboard/catalogue", "Which types depend on it?");
        foreach (var type in model.Types.Where(type => type.IsFailing))
        {
            yield return new(type.DeadLettered > 0 ? Severity.Bad : Severity.Warning, $"{type.Type} fails",
                $"{Drawing.Words.Share(type.FailureRate)} of its attempts in the last {Window.TotalMinutes:0} minutes; {Drawing.Words.Count(type.DeadLettered)} jobs died of it.", $"/dashboard/dead-letters?type={Uri.EscapeDataString(type.Type)}", "See its errors");
        }
        foreach (var instance in model.Instances.Value?.Instances.Where(instance => !instance.Alive) ?? [])
            yield return new(Severity.Warning, $"Instance {instance.Id} is silent", $"Last seen {Drawing.Words.Ago(instance.SeenAt, now)}. What it ran is taken over when its leases end.", "#instances", "See the instances");
        if (dead is not null)
            yield return dead;
        foreach (var finding in model.Findings.Value?.Findings.Where(finding => finding.Repair == FindingRepair.None && finding.At > now - Recent).Take(5) ?? [])
            yield return new(Severity.Warning, $"Finding: {Drawing.Words.Camel(finding.Kind)}", finding.Detail, finding.JobId is { } id ? $"/dashboard/jobs/{id}" : "#findings", finding.JobId is null ? "See the findings" : "See the job");
        foreach (var control in controls.Value?.Controls.Where(control => control.Kind is ControlKind.Queue or ControlKind.Type or ControlKind.Tenant or ControlKind.Instance) ?? [])
            yield return new(Severity.Note, $"{Control.NameOf(control.Kind)} {control.Name} is {(control.Kind == ControlKind.Instance ? "drained" : "paused")}", $"By {control.By}, since {Drawing.Words.Ago(control.Since, now)}: {control.Reason}", $"/dashboard/controls/{Drawing.Words.Camel(control.Kind)}/{Uri.EscapeDataString(control.Name)}", "See the control");
    }
}
