using Capacity;
using Microsoft.AspNetCore.Mvc;
using Weir.Catalog;

namespace Dashboard.Reading;

/// <summary>An answer for one number of sessions beside the one that was asked for.</summary>
internal sealed record Alternative(int Sessions, CapacityAnswer? Answer);

/// <param name="Answer">Null before anything is asked, and when the question is no good.</param>
internal sealed record CapacityModel(IReadOnlyDictionary<string, string> Asked, IReadOnlyList<string> Types, CapacityAnswer? Answer, IReadOnlyList<Alternative> Beside, ProblemDetails? Problem)
{
    public string? this[string name] => Asked.GetValueOrDefault(name);
}

/// <summary>How many sessions a load takes: asks what GET /api/capacity answers, and the same for fewer and more sessions, to compare.</summary>
internal sealed class CapacityReading(Faces faces, JobCatalog catalog)
{
    private const int MostSessions = 10_000;

    public async Task<Drawn> ReadAsync(Visit visit)
    {
        var asked = new[] { "type" }.Concat(QuestionReader.Names).Select(name => (Name: name, Value: visit[name])).Where(one => one.Value is not null).ToDictionary(one => one.Name, one => one.Value!, StringComparer.Ordinal);
        var types = catalog.Types.Where(type => !type.IsInternal).Select(type => type.Name).Order(StringComparer.Ordinal).ToArray();
        if (asked.Count == 0)
            return Draw(visit, new CapacityModel(asked, types, null, [], null));
        var answer = await AskAsync(visit, asked);
        if (answer.Value is not { } plan)
            return Draw(visit, new CapacityModel(asked, types, null, [], answer.Problem));

        // The formula alone, without a simulation of each: it is what the comparison is about, and costs nothing.
        var formula = asked.Where(one => one.Key is "type" or "arrivalsPerSecond" or "serviceTime" or "variation" or "failureRate" or "attempts" or "targetWait" or "percentile" or "sessionsPerInstance").ToDictionary();
        var beside = new List<Alternative>();
        foreach (var sessions in Around(plan.Plan.Sessions))
            beside.Add(new(sessions, (await AskAsync(visit, new Dictionary<string, string>(formula) { ["sessions"] = $"{sessions}" })).Value));
        return Draw(visit, new CapacityModel(asked, types, plan, beside, null));
    }

    private static Drawn Draw(Visit visit, CapacityModel model) => visit.Draw<Dashboard.Pages.CapacityPage, CapacityModel>("Capacity", model, model.Problem?.Status ?? 200);

    private async Task<Answer<CapacityAnswer>> AskAsync(Visit visit, IReadOnlyDictionary<string, string> values) =>
        await Answer<CapacityAnswer>.OfAsync(faces.Capacity.AnswerAsync(visit.Ask.Get(values.Select(one => (one.Key, (string?)one.Value))), visit.Cancellation));

    private static IEnumerable<int> Around(int sessions) =>
        new[] { 0.5, 0.75, 0.9, 1, 1.1, 1.25, 1.5, 2 }.Select(factor => Math.Clamp((int)Math.Round(sessions * factor), 1, MostSessions)).Concat([Math.Max(1, sessions - 1), sessions + 1]).Distinct().Order();
}
