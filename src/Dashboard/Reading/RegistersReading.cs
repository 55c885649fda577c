using Weir.Api;
using Weir.Statistics;

namespace Dashboard.Reading;

/// <summary>A list that the API gives in pages.</summary>
internal sealed record Listed<T>(Answer<T> List, string? Next) where T : class;

/// <param name="Items">The failed ones first asked for, or those of a state.</param>
internal sealed record BatchModel(BatchView Batch, Answer<BatchItemsView> Items, string? Next, string? State);

internal sealed record CatalogueModel(Answer<CatalogView> Catalogue, IReadOnlyDictionary<string, TypeFigures> Figures);

internal sealed record TypeModel(JobTypeView Type, TypeFigures? Figures);

internal sealed record ControlsModel(Answer<ControlsView> Controls, Answer<AuditView> Audit, IReadOnlyList<string> Types);

/// <param name="Control">Null when none of this name is in force.</param>
internal sealed record ControlModel(string Kind, string Name, ControlView? Control, Answer<AuditView> Audit);

/// <summary>The pages that show what a face lists, as it lists it: batches, schedules, the catalogue, controls, the audit.</summary>
internal sealed class RegistersReading(Faces faces, StatisticsReader statistics)
{
    private static readonly TimeSpan Window = TimeSpan.FromMinutes(15);

    public async Task<Drawn> BatchesAsync(Visit visit)
    {
        var list = await Answer<BatchListView>.OfAsync(faces.Batches.ListAsync(visit.Ask.Get([.. visit.Passing("cursor"), ("limit", "20")]), visit.Cancellation));
        return visit.Draw<Dashboard.Pages.BatchesPage, Listed<BatchListView>>("Batches", new(list, Next(visit, list.Value?.Cursor)));
    }

    public async Task<Drawn> BatchAsync(Visit visit, string id)
    {
        var batch = await Answer<BatchView>.OfAsync(faces.Batches.GetAsync(visit.Ask.Get(), id, visit.Cancellation));
        if (batch.Value is null)
            return Contents.Problem(visit, batch.Problem!, "/dashboard/batches");
        var state = visit["state"] ?? (batch.Value.Counts is { DeadLettered: 0, Expired: 0, Compensated: 0, Refused: 0 } ? null : "failed");
        var items = await Answer<BatchItemsView>.OfAsync(faces.Batches.ItemsAsync(visit.Ask.Get(("state", state == "all" ? null : state), ("cursor", visit["cursor"]), ("limit", "50")), id, visit.Cancellation));
        return visit.Draw<Dashboard.Pages.BatchPage, BatchModel>($"Batch {batch.Value.Name ?? id}", new(batch.Value, items, Next(visit, items.Value?.Cursor), state));
    }

    public async Task<Drawn> SchedulesAsync(Visit visit)
    {
        var list = await Answer<ScheduleListView>.OfAsync(faces.Schedules.ListAsync(visit.Ask.Get([.. visit.Passing("cursor"), ("limit", "50")]), visit.Cancellation));
        return visit.Draw<Dashboard.Pages.SchedulesPage, Listed<ScheduleListView>>("Schedules", new(list, Next(visit, list.Value?.Cursor)));
    }

    public async Task<Drawn> ScheduleAsync(Visit visit, string tenant, string name)
    {
        var schedule = await Answer<ScheduleView>.OfAsync(faces.Schedules.GetAsync(visit.Ask.Get().For(tenant), name, visit.Cancellation));
        return schedule.Value is { } found
            ? visit.Draw<Dashboard.Pages.SchedulePage, ScheduleView>($"Schedule {found.Name}", found)
            : Contents.Problem(visit, schedule.Problem!, "/dashboard/schedules");
    }

    public async Task<Drawn> CatalogueAsync(Visit visit) =>
        visit.Draw<Dashboard.Pages.CataloguePage, CatalogueModel>("Catalogue", new(Answer<CatalogView>.Of(faces.Catalog.List(visit.Ask.Get())), await FiguresAsync(visit)));

    public async Task<Drawn> TypeAsync(Visit visit, string name)
    {
        var type = Answer<JobTypeView>.Of(faces.Catalog.Get(visit.Ask.Get(), name));
        return type.Value is { } found
            ? visit.Draw<Dashboard.Pages.TypePage, TypeModel>($"Type {found.Type}", new(found, (await FiguresAsync(visit)).GetValueOrDefault(found.Type)))
            : Contents.Problem(visit, type.Problem!, "/dashboard/catalogue");
    }

    public async Task<Drawn> ControlsAsync(Visit visit)
    {
        var controls = Answer<ControlsView>.OfAsync(faces.Controls.ListAsync(visit.Ask.Get(), visit.Cancellation));
        var audit = Answer<AuditView>.OfAsync(faces.Audit.ListAsync(visit.Ask.Get(("limit", "10")), visit.Cancellation));
        var types = Answer<CatalogView>.Of(faces.Catalog.List(visit.Ask.Get())).Value?.Types.Select(type => type.Type).ToArray() ?? [];
        return visit.Draw<Dashboard.Pages.ControlsPage, ControlsModel>("Controls", new(await controls, await audit, types));
    }

    public async Task<Drawn> ControlAsync(Visit visit, string kind, string name)
    {
        var controls = await Answer<ControlsView>.OfAsync(faces.Controls.ListAsync(visit.Ask.Get(), visit.Cancellation));
        if (controls.Value is null)
            return Contents.Problem(visit, controls.Problem!, "/dashboard/controls");
        var control = controls.Value.Controls.FirstOrDefault(one => Drawing.Words.Camel(one.Kind) == kind && one.Name == name);
        var audit = await Answer<AuditView>.OfAsync(faces.Audit.ListAsync(visit.Ask.Get(("limit", "100")), visit.Cancellation));
        return visit.Draw<Dashboard.Pages.ControlPage, ControlModel>($"Control {kind} {name}", new(kind, name, control, audit), control is null ? 404 : 200);
    }

    public async Task<Drawn> AuditAsync(Visit visit)
    {
        var list = await Answer<AuditView>.OfAsync(faces.Audit.ListAsync(visit.Ask.Get([.. visit.Passing("cursor"), ("limit", "50")]), visit.Cancellation));
        return visit.Draw<Dashboard.Pages.AuditPage, Listed<AuditView>>("Audit", new(list, Next(visit, list.Value?.Cursor)));
    }

    private static string? Next(Visit visit, string? cursor) => cursor is null ? null : visit.With("cursor", cursor);

    private async Task<IReadOnlyDictionary<string, TypeFigures>> FiguresAsync(Visit visit)
    {
        try
        {
            var view = await statistics.ReadAsync(Window, visit.Cancellation);
            return view.Keys.Select(key => key.Type).Distinct(StringComparer.Ordinal).ToDictionary(type => type, type => TypeFigures.Of(type, view.OfType(type)), StringComparer.Ordinal);
        }
        catch (Exception away) when (Weir.StoreAway.Explains(away))
        {
            return new Dictionary<string, TypeFigures>();
        }
    }
}
