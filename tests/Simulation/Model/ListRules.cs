using System.Globalization;
using System.Text.Json;
using Simulation.World;

namespace Simulation.Model;

/// <summary>The lists, when all is over: each job once, as it is; each open dead letter; how many of each cause; and what was accepted is what has ended and what is held.</summary>
internal static class ListRules
{
    private const int MostPages = 200;

    /// <summary>The list is a second behind; what a dead instance took along of it is found when that is known to be dead, and after a freeze of minutes.</summary>
    private const int MostLooks = 40;

    private static readonly TimeSpan BetweenLooks = TimeSpan.FromSeconds(15);

    public static async Task JudgeAsync(WorldState world, Gateway gateway)
    {
        for (var looks = 1; await WrongAsync(world, gateway) is { } wrong; looks++)
        {
            if (looks == MostLooks)
            {
                world.Observer.Break("lists", wrong.What, wrong.Names);
                return;
            }
            await world.Outside.DelayAsync(BetweenLooks);
        }
    }

    /// <summary>What does not agree with the receipts; null when everything does.</summary>
    private static async Task<(string What, string[] Names)?> WrongAsync(WorldState world, Gateway gateway)
    {
        for (var tenant = 0; tenant < world.Settings.Tenants; tenant++)
        {
            if (await WrongJobsAsync(world, gateway, string.Create(CultureInfo.InvariantCulture, $"tenant{tenant}")) is { } wrong)
                return wrong;
        }
        if (await WrongDeadLettersAsync(world, gateway) is { } dead)
            return dead;
        return await gateway.InsistAsync("ListFindings", "GET", "/api/findings") is { Reply.Status: 200 } findings && JsonElement.Parse(findings.Reply.Body).GetProperty("findings").ValueKind == JsonValueKind.Array
            ? null
            : ("the findings cannot be read", []);
    }

    private static async Task<(string, string[])?> WrongJobsAsync(WorldState world, Gateway gateway, string tenant)
    {
        var listed = await ReadAsync(world, gateway, "ListJobs", "/api/jobs", $"?tenant={tenant}&limit=40", "jobs", job => (job.GetProperty("id").GetString()!, job.GetProperty("state").GetString()!));
        var there = world.Observer.Seen.Where(job => job.Tenant == tenant && !job.IsRemoved).ToDictionary(job => job.Id, job => JsonNamingPolicy.CamelCase.ConvertName(job.State));
        foreach (var twice in listed.CountBy(job => job.Id).Where(job => job.Value > 1))
            return ($"{twice.Key} is listed {twice.Value} times", [twice.Key]);
        foreach (var (id, state) in listed)
        {
            if (there.GetValueOrDefault(id) != state)
                return ($"{id} is listed as {state}, and is {there.GetValueOrDefault(id) ?? "none"}", [id]);
        }
        var ids = listed.Select(job => job.Id).ToHashSet(StringComparer.Ordinal);
        foreach (var id in there.Keys.Where(id => !ids.Contains(id)))
            return ($"{world.Observer.Find(id)} is not listed", [id]);
        foreach (var id in world.Observer.Cases.Where(known => known.Tenant == tenant).SelectMany(known => known.Ids).Where(id => !ids.Contains(id)))
            return ($"{id} was accepted, and the list does not have it", [id]);
        return null;
    }

    public static async Task<(string What, string[] Names)?> WrongDeadLettersAsync(WorldState world, Gateway gateway)
    {
        var listed = await ReadAsync(world, gateway, "ListDeadLetters", "/api/dead-letters", "?state=open&limit=20", "deadLetters", entry => (entry.GetProperty("id").GetString()!, entry.GetProperty("state").GetString()!));
        var open = world.Observer.Seen.Where(job => job is { State: "DeadLettered" or "Expired", Discarded: false, IsRemoved: false }).Select(job => job.Id).ToHashSet(StringComparer.Ordinal);
        foreach (var twice in listed.CountBy(entry => entry.Id).Where(entry => entry.Value > 1))
            return ($"the dead letter {twice.Key} is listed {twice.Value} times as open", [twice.Key]);
        foreach (var id in open.Where(id => !listed.Any(entry => entry.Id == id)))
            return ($"{world.Observer.Find(id)} is not among the open dead letters", [id]);
        // One that was given up may still be shown as open, when the request was cut off and so never answered: it is mended by asking again.
        foreach (var (id, _) in listed.Where(entry => world.Observer.Find(entry.Id) is { Discarded: false } job && !open.Contains(job.Id)))
            return ($"{world.Observer.Find(id)} is listed as an open dead letter", [id]);
        return await WrongCausesAsync(world, gateway);
    }

    /// <summary>What is counted of each cause, as its dead letters died and were handled, is what can be counted in the list.</summary>
    private static async Task<(string What, string[] Names)?> WrongCausesAsync(WorldState world, Gateway gateway)
    {
        static int Number(JsonElement of, string name) => of.GetProperty(name).GetInt32();
        var listed = await ReadAsync(world, gateway, "ListDeadLetters", "/api/dead-letters", "?limit=50", "deadLetters", entry => (entry.GetProperty("fingerprint").GetString()!, entry.GetProperty("state").GetString()!));
        var kept = await ReadAsync(
            world, gateway, "CountDeadLetters", "/api/dead-letters/groups", "", "groups",
            group => (group.GetProperty("fingerprint").GetString()!, string.Create(CultureInfo.InvariantCulture, $"{Number(group, "count")}, {Number(group, "open")} of them open")));
        var counted = listed.GroupBy(entry => entry.Id, (fingerprint, entries) => (fingerprint, states: entries.Select(entry => entry.State).ToArray()))
            .Select(cause => (Id: cause.fingerprint, State: string.Create(CultureInfo.InvariantCulture, $"{cause.states.Length}, {cause.states.Count(state => state == "open")} of them open")));
        return kept.Order().SequenceEqual(counted.Order()) ? null : ($"the causes of the dead letters are {string.Join("; ", kept.Order())}, and the list has {string.Join("; ", counted.Order())}", []);
    }

    private static async Task<List<(string Id, string State)>> ReadAsync(
        WorldState world, Gateway gateway, string function, string path, string query, string field, Func<JsonElement, (string, string)> read)
    {
        var found = new List<(string, string)>();
        var cursor = "";
        for (var pages = 0; pages < MostPages; pages++)
        {
            if (await gateway.InsistAsync(function, "GET", path, query: cursor.Length == 0 ? query : $"{query}{(query.Length == 0 ? '?' : '&')}cursor={cursor}") is not { Reply.Status: 200 } page)
            {
                world.Observer.Break("lists", $"{path}{query} cannot be read");
                return found;
            }
            var view = JsonElement.Parse(page.Reply.Body);
            found.AddRange(view.GetProperty(field).EnumerateArray().Select(read));
            if (!view.TryGetProperty("cursor", out var next) || next.GetString() is not { Length: > 0 } more)
                return found;
            cursor = more;
        }
        world.Observer.Break("lists", $"{path}{query} has no end");
        return found;
    }
}
