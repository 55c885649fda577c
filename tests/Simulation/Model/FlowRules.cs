using System.Globalization;
using System.Text.Json;
using Simulation.World;

namespace Simulation.Model;

/// <summary>I7: a finished workflow has all steps done, or every done step compensated, or a dead letter that says which not.</summary>
internal static class FlowRules
{
    public static void Judge(WorldState world, JobCase known, SeenJob job, JsonElement view)
    {
        var flow = known.Flow!;
        switch (job.State)
        {
            case "Succeeded":
                for (var step = 1; step <= flow.Steps; step++)
                {
                    if (!job.Steps.Contains(Run(step)))
                        world.Observer.Break("I7", $"{known} succeeded without step {step}", job.Id);
                    if (job.Steps.Contains(Undo(step)))
                        world.Observer.Break("I7", $"{known} succeeded, and step {step} was undone", job.Id);
                }
                break;
            case "Compensated" or "Cancelled":
                foreach (var step in Standing(flow, job))
                    world.Observer.Break("I7", $"{known} is {job.State}, and step {step} was not undone", job.Id);
                CheckOrder(world, known, job);
                break;
            case "DeadLettered":
                foreach (var step in Standing(flow, job).Where(step => !SaysSo(view, step)))
                    world.Observer.Break("I7", $"{known} is a dead letter, and says nothing of step {step}, which was not undone", job.Id);
                break;
        }
    }

    /// <summary>Steps that took effect and were not undone.</summary>
    private static IEnumerable<int> Standing(Flow flow, SeenJob job) =>
        Enumerable.Range(1, flow.Steps).Where(step => job.Steps.Contains(Run(step)) && !job.Steps.Contains(Undo(step)));

    /// <summary>The last that was done is the first that is undone; but what could not be undone at first comes when a replay undoes it.</summary>
    private static void CheckOrder(WorldState world, JobCase known, SeenJob job)
    {
        var undone = job.Steps.Where(effect => effect.StartsWith("undo:", StringComparison.Ordinal)).Select(effect => int.Parse(effect[5..], CultureInfo.InvariantCulture)).ToArray();
        if (!known.Flow!.Parallel && job.Replays == 0 && !undone.SequenceEqual(undone.OrderDescending()))
            world.Observer.Break("I7", $"{known} was undone in the order {string.Join(' ', undone)}", job.Id);
    }

    private static bool SaysSo(JsonElement view, int step) =>
        view.TryGetProperty("steps", out var steps) && steps.EnumerateArray().Any(one =>
            one.GetProperty("name").GetString() == $"s{step}"
            && ((one.TryGetProperty("compensation", out var undo) && undo.GetProperty("state").GetString() != "done") || one.GetProperty("state").GetString() != "done"));

    private static string Run(int step) => $"run:{step}";

    private static string Undo(int step) => $"undo:{step}";
}
