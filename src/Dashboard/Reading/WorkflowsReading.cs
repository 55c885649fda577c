using Weir.Api;
using Weir.Catalog;

namespace Dashboard.Reading;

/// <param name="Types">The workflows of the catalogue.</param>
/// <param name="Runs">The newest of the chosen type, with their steps.</param>
internal sealed record WorkflowsModel(IReadOnlyList<string> Types, string? Type, string? State, IReadOnlyList<JobView> Runs, string? Next, Microsoft.AspNetCore.Mvc.ProblemDetails? Problem);

/// <summary>Workflows, each with its steps as a picture.</summary>
internal sealed class WorkflowsReading(Faces faces, JobCatalog catalog)
{
    /// <summary>Each costs a query of its own for its steps.</summary>
    private const int Shown = 10;

    public async Task<Drawn> ListAsync(Visit visit)
    {
        var types = catalog.Types.OfType<WorkflowType>().Select(type => type.Name).Order(StringComparer.Ordinal).ToArray();
        var (type, state) = (visit["type"] is { } asked && types.Contains(asked) ? asked : types.FirstOrDefault(), visit["state"]);
        if (type is null)
            return Draw(visit, new WorkflowsModel(types, null, state, [], null, null));

        var list = await Answer<JobListView>.OfAsync(faces.Lists.JobsAsync(visit.Ask.Get(("type", type), ("state", state), ("cursor", visit["cursor"]), ("limit", $"{Shown}")), JobsReading.Patience, visit.Cancellation));
        var runs = await Task.WhenAll((list.Value?.Jobs ?? []).Select(job => Answer<JobView>.OfAsync(faces.Jobs.GetAsync(visit.Ask.Get(), job.Id, visit.Cancellation))));
        return Draw(visit, new WorkflowsModel(types, type, state, [.. runs.Where(run => run.Value is not null).Select(run => run.Value!)], list.Value?.Cursor is { } cursor ? visit.With("cursor", cursor) : null, list.Problem));
    }

    private static Drawn Draw(Visit visit, WorkflowsModel model) => visit.Draw<Dashboard.Pages.WorkflowsPage, WorkflowsModel>("Workflows", model);
}
