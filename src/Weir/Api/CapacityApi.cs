using Capacity;
using Microsoft.AspNetCore.Http;
using Weir.Access;
using Weir.Catalog;
using Weir.Lanes;

namespace Weir.Api;

/// <summary>GET /api/capacity: how many sessions and instances a load takes; docs/capacity.md. What is asked and answered is in src/Capacity, as for the command line.</summary>
public sealed class CapacityApi
{
    /// <summary>Some 0.2 s of a core; the command line, which has a core of its own, allows ten times as much.</summary>
    private const int MostAttempts = 200_000;

    private readonly Admission admission;
    private readonly JobCatalog catalog;
    private readonly HostSlots slots;

    internal CapacityApi(Admission admission, JobCatalog catalog, HostSlots slots) => (this.admission, this.catalog, this.slots) = (admission, catalog, slots);

    public Task<IResult> AnswerAsync(HttpRequest request, CancellationToken cancellation) => Task.FromResult(Answer(request));

    private IResult Answer(HttpRequest request)
    {
        var (caller, refusal) = admission.Ask(request, Scope.Read);
        if (caller is null)
            return refusal!;
        if (request.Query.FirstOrDefault(one => one.Value.Count != 1).Key is { } twice)
            return Problem.InvalidQuery($"{(QuestionReader.Names.Contains(twice) ? twice : "A name")} is there more than once.");
        var values = request.Query.ToDictionary(one => one.Key, one => one.Value.ToString(), StringComparer.Ordinal);
        values.Remove("type", out var type);
        if (values.Keys.Any(name => !QuestionReader.Names.Contains(name)))
            return Problem.InvalidQuery($"Expected some of type, {string.Join(", ", QuestionReader.Names)}; something else came.");
        if (type is not null && catalog.Find(type) is null)
            return Problem.UnknownType("There is no job type of this name here; GET /api/catalog lists those there are.");

        var (question, mistakes) = QuestionReader.Read(values, slots.Count);
        if (question is null)
            return Problem.InvalidQuery(string.Join(" ", mistakes));
        try
        {
            var bounded = question with { Simulation = question.Simulation is { } simulation ? simulation with { MostAttempts = MostAttempts } : null };
            return bounded.Answer() is { } answer
                ? Results.Json(answer with { Type = type }, CapacityJson.Default.CapacityAnswer)
                : Problem.InvalidQuery($"No number of sessions up to {ErlangC.MostSessions:N0} is enough: the load is {question.Demand.Load:N0} sessions' work.");
        }
        catch (ArgumentException senseless)
        {
            return Problem.InvalidQuery(senseless.Message);
        }
    }
}
