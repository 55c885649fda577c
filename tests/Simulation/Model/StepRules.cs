using Azure.Data.Tables;
using Simulation.World;

namespace Simulation.Model;

/// <summary>I3 and I9 for the steps of workflows, seen in the rows beside a receipt: what is done stays done in every later run, and only the job's present run begins anything.</summary>
internal sealed class StepRules
{
    public const string StepPrefix = "step-", UndoPrefix = "undo-";

    private static readonly string[] ForEver = ["Done", "Skipped", "Late"];

    private readonly Dictionary<(string Job, string Row), string> states = [];

    public void Written(WorldState world, string job, string row, TableEntity entity)
    {
        if (entity.GetString("StepState") is not { } state)
            return; // a checkpoint of that name
        var (run, present) = (entity.GetInt32("Run") ?? 0, world.Observer.Find(job)?.Replays ?? 0);
        if (states.TryGetValue((job, row), out var before) && before != state && ForEver.Contains(before))
            world.Observer.Break("I3", $"{row} of {job} was {before} and is {state}", job);
        if (state == "Running" && run < present)
            world.Observer.Break("I9", $"{row} of {job} begins in run {run}, and the job is in run {present}", job);
        states[(job, row)] = state;
    }
}
