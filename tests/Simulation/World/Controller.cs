using System.Globalization;
using System.Text.Json;
using Simulation.Model;

namespace Simulation.World;

/// <summary>
/// An operator with the switches: pauses a type, a tenant or a queue, drains an instance, gives a type another policy; some for a time, and some he takes back himself. At the end
/// he takes back what is left.
/// </summary>
internal sealed class Controller(WorldState world, Random chance)
{
    private static readonly string[] Types = ["sim.plain", "sim.plain", "sim.critical", "sim.least", "sim.most", "sim.strict", "sim.depends", "sim.child"];
    private static readonly string[] Queues = ["critical", "default", "bulk"];

    /// <summary>The longest freeze, and a little: what was asked of a frozen instance may be done until then.</summary>
    private static readonly TimeSpan Afterthoughts = TimeSpan.FromMinutes(4);

    private readonly Gateway gateway = new(world, new Random(chance.Next()));

    /// <summary>What was asked for more than once, or not answered: an earlier try may come late, so nothing is known of it any more.</summary>
    private readonly HashSet<string> unsure = new(StringComparer.Ordinal);

    public async Task RunAsync(CancellationToken over)
    {
        while (!over.IsCancellationRequested)
        {
            await world.Outside.DelayAsync(TimeSpan.FromMilliseconds(chance.Next(1_000, 25_000)));
            if (over.IsCancellationRequested)
                break;
            await SwitchAsync();
        }
        if (unsure.Count > 0)
            await world.Outside.DelayAsync(Afterthoughts);
        await TakeAllBackAsync();
    }

    private async Task SwitchAsync()
    {
        var (kind, name) = chance.Next(10) switch
        {
            <= 4 => ("type", Types[chance.Next(Types.Length)]),
            <= 6 => ("tenant", string.Create(CultureInfo.InvariantCulture, $"tenant{chance.Next(world.Settings.Tenants)}")),
            7 => ("queue", Queues[chance.Next(Queues.Length)]),
            8 when world.Instances.Count > 0 => ("instance", world.Instances[chance.Next(world.Instances.Count)].Process.Name),
            _ => ("policy", "sim.plain"),
        };
        if (unsure.Contains($"{kind}/{name}"))
            return;
        var ends = kind == "instance" || chance.Next(2) == 0;
        if (await PutAsync(kind, name, ends ? TimeSpan.FromSeconds(chance.Next(2, 40)) : null) is not { } pause)
            return;
        await world.Outside.DelayAsync(TimeSpan.FromMilliseconds(chance.Next(500, 30_000)));
        if (!ends || chance.Next(2) == 0)
            await RemoveAsync(kind, name, pause);
        else
            // One that has ended may be gone or not: the next of its name is another.
            pause.EndAskedAt = world.Now;
    }

    private async Task<PauseCase?> PutAsync(string kind, string name, TimeSpan? time)
    {
        var body = new Dictionary<string, object> { ["reason"] = "to see what happens" };
        if (time is { } limited)
            body["for"] = string.Create(CultureInfo.InvariantCulture, $"PT{limited.TotalSeconds:0}S");
        if (kind == "policy")
            (body["retry"], body["percentage"]) = ("standard", chance.Next(101)); // the same figures by another way: the rules of retries go on to hold
        var answer = await AskAsync("PutControl", "PUT", kind, name, JsonSerializer.Serialize(body));
        if (answer is not { Reply.Status: 200 or 201 })
        {
            if (answer is null || kind != "instance") // an instance may be gone by then
                world.Observer.Break("pause", $"{kind} '{name}' could not be paused: {answer?.Reply}");
            return null;
        }
        DateTimeOffset? until = JsonElement.Parse(answer.Reply.Body).TryGetProperty("until", out var at) ? at.GetDateTimeOffset() : null;
        var pause = new PauseCase(kind, name, world.Now, until);
        if (kind != "policy")
            world.Observer.Pauses.Add(pause);
        return pause;
    }

    private async Task RemoveAsync(string kind, string name, PauseCase? pause)
    {
        pause?.EndAskedAt = world.Now;
        if (await AskAsync("DeleteControl", "DELETE", kind, name) is not { Reply.Status: 204 or 404 })
            world.Observer.Break("pause", $"{kind} '{name}' could not be resumed");
    }

    private async Task TakeAllBackAsync()
    {
        foreach (var pause in world.Observer.Pauses)
            pause.EndAskedAt ??= world.Now;
        var answer = await gateway.InsistAsync("ListControls", "GET", "/api/controls");
        foreach (var control in answer is null ? [] : JsonElement.Parse(answer.Reply.Body).GetProperty("controls").EnumerateArray().ToArray())
            await RemoveAsync(control.GetProperty("kind").GetString()!, control.GetProperty("name").GetString()!, pause: null);
    }

    private async Task<Answer?> AskAsync(string function, string method, string kind, string name, string? body = null)
    {
        var answer = await gateway.InsistAsync(function, method, $"/api/controls/{kind}/{name}", body, route: [("kind", kind), ("name", name)]);
        if (answer is not { Asked.IsSure: true })
            unsure.Add($"{kind}/{name}");
        return answer;
    }
}
