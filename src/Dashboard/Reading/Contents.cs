using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Mvc;

namespace Dashboard.Reading;

/// <summary>Which page an address names. Each reads what it shows through the faces of the API, in <c>…Reading.cs</c>, and draws it with <c>Pages/….razor</c>.</summary>
internal sealed class Contents(OverviewReading overview, JobsReading jobs, DeadLettersReading deadLetters, ReplaysReading replays, WorkflowsReading workflows, RegistersReading registers, CapacityReading capacity)
{
    /// <returns>Null when there is no such page.</returns>
    public async Task<Drawn?> ReadAsync(Visit visit, string[] path) => path switch
    {
        [] or [""] => await overview.ReadAsync(visit),
        ["jobs"] => await jobs.ListAsync(visit),
        ["jobs", var id] => await jobs.OneAsync(visit, id),
        ["dead-letters"] => await deadLetters.ListAsync(visit),
        ["dead-letters", var id] => await deadLetters.OneAsync(visit, id),
        ["replays"] => await replays.ListAsync(visit),
        ["replays", var id] => await replays.OneAsync(visit, id),
        ["workflows"] => await workflows.ListAsync(visit),
        ["batches"] => await registers.BatchesAsync(visit),
        ["batches", var id] => await registers.BatchAsync(visit, id),
        ["schedules"] => await registers.SchedulesAsync(visit),
        ["schedules", var tenant, var name] => await registers.ScheduleAsync(visit, tenant, name),
        ["catalogue"] => await registers.CatalogueAsync(visit),
        ["catalogue", var type] => await registers.TypeAsync(visit, type),
        ["controls"] => await registers.ControlsAsync(visit),
        ["controls", var kind, var name] => await registers.ControlAsync(visit, kind, name),
        ["capacity"] => await capacity.ReadAsync(visit),
        ["audit"] => await registers.AuditAsync(visit),
        _ => null,
    };

    public static Drawn Problem(Visit visit, ProblemDetails problem, string back) =>
        visit.Draw<Dashboard.Pages.ProblemPage, ProblemModel>(problem.Title ?? "Something is wrong", new ProblemModel(problem, back), problem.Status ?? StatusCodes.Status500InternalServerError);
}

/// <param name="Back">Where the visitor came from.</param>
internal sealed record ProblemModel(ProblemDetails Problem, string Back);
