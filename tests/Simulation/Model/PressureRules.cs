using System.Text.Json;
using Simulation.World;

namespace Simulation.Model;

/// <summary>What a producer is promised under pressure: a refusal says why and until when, what is refused is not there, critical work comes first, and it ends.</summary>
internal static class PressureRules
{
    /// <summary>How deep the critical queue may become here.</summary>
    public const int CriticalLimit = 25;

    /// <summary>What an instance still counts as waiting: all that came since the last reading that it trusts.</summary>
    private static readonly TimeSpan Remembered = TimeSpan.FromSeconds(100);

    private const int MostTries = 60;

    /// <summary>Thresholds that a handful of slow jobs reaches.</summary>
    public static IEnumerable<KeyValuePair<string, string?>> Settings => new Dictionary<string, string?>
    {
        ["Weir:Pressure:critical:Elevated"] = "00:00:02", ["Weir:Pressure:critical:Saturated"] = "00:00:05", ["Weir:Pressure:critical:MinDepth"] = "4", ["Weir:Pressure:critical:MaxDepth"] = $"{CriticalLimit}",
        ["Weir:Pressure:default:Elevated"] = "00:00:03", ["Weir:Pressure:default:Saturated"] = "00:00:08", ["Weir:Pressure:default:MinDepth"] = "4", ["Weir:Pressure:default:MaxDepth"] = "40",
        ["Weir:Pressure:bulk:Elevated"] = "00:00:03", ["Weir:Pressure:bulk:Saturated"] = "00:00:08", ["Weir:Pressure:bulk:MinDepth"] = "4", ["Weir:Pressure:bulk:MaxDepth"] = "40",
    };

    /// <summary>Whether an answer is a refusal for lack of room; and if so, whether it says what it must, and may be one.</summary>
    public static bool IsRefusal(WorldState world, JobCase known, string queue, HttpReply reply)
    {
        if (reply.Status is < 500 and not 429)
            world.Observer.Break("pressure", $"{known} was answered with {reply}");
        if (reply.Body.Length == 0 || reply.Status is not (429 or 503))
            return false; // it stops, or something behind it does not answer
        var problem = JsonElement.Parse(reply.Body);
        var code = problem.GetProperty("code").GetString();
        if (code is not ("underPressure" or "queueFull"))
            return false;
        if (reply.RetryAfter is not > 0 || (code == "queueFull") != (reply.Status == 503) || problem.GetProperty("queue").GetString() != queue || problem.GetProperty("reason").GetString() is not { Length: > 0 }
            || (code == "underPressure" && (!problem.TryGetProperty("estimatedWait", out _) || problem.GetProperty("pressure").GetString() == "normal")))
            world.Observer.Break("pressure", $"{known} was refused with {reply}");
        if (queue == "critical")
            CheckCritical(world, known, code, reply);
        return true;
    }

    /// <summary>
    /// Only at the hard limit; an instance takes the others to have accepted as many as itself, the dead ones of a moment ago too. What it knows may be a minute old when it cannot reach the broker or the
    /// tables, so how many there are counts only where these are always there.
    /// </summary>
    private static void CheckCritical(WorldState world, JobCase known, string code, HttpReply reply)
    {
        var may = world.Observer.Seen.Count(job => job.Queue == "Critical" && (!job.IsFinal || job.EndedAt > world.Now - Remembered));
        if (code != "queueFull" || (world.AllAnswer && may * 3 * world.Settings.Instances < CriticalLimit))
            world.Observer.Break("pressure", $"{known} is critical, there were at most {may} of its queue, and it was refused with {reply}");
    }

    public static async Task JudgeAsync(WorldState world, Gateway gateway)
    {
        if (world.Observer.Refused.Intersect(world.Observer.StartedNumbers).Order().FirstOrDefault() is var number and > 0)
            world.Observer.Break("pressure", $"job {number} was refused by every answer, and ran");
        var last = "nobody answered";
        for (var tries = 0; tries < MostTries; tries++)
        {
            if (await gateway.CallAsync("GetQueues", "GET", "/api/queues") is { } reply)
            {
                last = reply.ToString();
                if (reply.Status == 200 && JsonElement.Parse(reply.Body).GetProperty("queues").EnumerateArray().All(queue => queue.GetProperty("pressure").GetString() == "normal" && queue.GetProperty("depth").GetInt64() == 0))
                    return;
            }
            await world.Outside.DelayAsync(TimeSpan.FromSeconds(5));
        }
        world.Observer.Break("pressure", $"all jobs have ended, and the queues are not back to normal: {last}");
    }
}
