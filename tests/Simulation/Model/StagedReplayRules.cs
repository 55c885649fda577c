using System.Globalization;
using System.Text.Json;
using Azure.Data.Tables;
using Simulation.World;

namespace Simulation.Model;

/// <summary>
/// What is promised of a staged replay: a stage never replays more than its size, and only what is on record; the next one comes when all jobs of this one have ended and few enough have died again; of a
/// strict key one job goes at a time, and none after one that died.
/// </summary>
internal sealed class StagedReplayRules
{
    public const string Table = "Replays";

    private const string ReplayPrefix = "replay-", PagePrefix = "items-", Mark = "staged replay ";

    private const int Running = 0;

    private readonly SortedDictionary<string, SeenReplay> replays = new(StringComparer.Ordinal);

    /// <summary>A row of the table was written.</summary>
    public void Written(WorldState world, EntityChange change)
    {
        if (change.Entity is not { } row || row.GetString("Document") is not { } document)
            return;
        if (change.RowKey.StartsWith(PagePrefix, StringComparison.Ordinal))
        {
            foreach (var parts in document.Split('\n').Select(line => line.Split(' ')))
                Of(change.RowKey[PagePrefix.Length..^5]).Items[parts[0]] = (int.Parse(parts[3], CultureInfo.InvariantCulture), parts[6]);
        }
        else if (change.RowKey.StartsWith(ReplayPrefix, StringComparison.Ordinal))
        {
            StageWritten(world, change.RowKey[ReplayPrefix.Length..], JsonElement.Parse(document));
        }
    }

    /// <summary>A job has a further run.</summary>
    public void Replayed(WorldState world, string jobId, TableEntity row)
    {
        if (row.GetString("ReplayReason") is not { } reason || !reason.StartsWith(Mark, StringComparison.Ordinal))
            return;
        var id = reason[Mark.Length..].Split(':')[0];
        var replay = Of(id);
        var run = new SeenRun(jobId, row.GetInt32("Replays") ?? 0, replay.Items.TryGetValue(jobId, out var item) ? item.Stage : 0, replay.Version, item.Key ?? "-");
        if (replay.Runs.Exists(one => one.JobId == run.JobId && one.Run == run.Run))
            world.Observer.Break("I9", $"{jobId} was replayed twice for one death, by the staged replay {id}", jobId, id);
        replay.Runs.Add(run);
        var allowed = replay.Started.Values.Sum();
        if (replay.Runs.Count > allowed)
            world.Observer.Break("stages", $"the staged replay {id} has replayed {replay.Runs.Count} jobs, and {allowed} are on record", jobId, id);
        if (run.Key != "-" && replay.Runs.Find(one => one.Key == run.Key && one.JobId != jobId && one.Version == run.Version && EndOf(world, one) is null or "DeadLettered" or "Expired") is { } before)
            world.Observer.Break("stages", $"the staged replay {id} has replayed {jobId}, and {before.JobId} of its key came first and is {EndOf(world, before) ?? "open"}", jobId, before.JobId);
    }

    private void StageWritten(WorldState world, string id, JsonElement document)
    {
        var replay = Of(id);
        var (bound, version) = (document.GetProperty("stopAtFailureRate").GetDouble(), document.GetProperty("version").GetInt32());
        foreach (var stage in document.GetProperty("stages").EnumerateArray())
        {
            var (number, size, started) = (stage.GetProperty("number").GetInt32(), stage.GetProperty("size").GetInt32(), stage.GetProperty("started").GetInt32());
            if (started > size)
                world.Observer.Break("stages", $"stage {number} of the staged replay {id} has {started} jobs, and {size} were allowed", id);
            if (number > 1 && !replay.Started.ContainsKey(number) && replay.Version == version)
                CheckBefore(world, id, replay, number - 1, bound);
            replay.Started[number] = Math.Max(started, replay.Started.GetValueOrDefault(number));
        }
        CheckBound(world, id, document, bound);
        replay.Version = version;
    }

    /// <summary>So many have died that no end of the others saves the stage: it does not go on.</summary>
    private static void CheckBound(WorldState world, string id, JsonElement document, double bound)
    {
        if (document.GetProperty("state").GetInt32() != Running || document.GetProperty("stages").EnumerateArray().LastOrDefault() is not { ValueKind: JsonValueKind.Object } last)
            return;
        var (failed, size) = (last.GetProperty("failed").GetInt32(), last.GetProperty("size").GetInt32());
        if (failed > 0 && failed >= bound * size)
            world.Observer.Break("stages", $"the staged replay {id} goes on, and {failed} of at most {size} of its stage have died again; the bound was {bound}", id);
    }

    private static void CheckBefore(WorldState world, string id, SeenReplay replay, int stage, double bound)
    {
        var ends = replay.Runs.Where(run => run.Stage == stage).Select(run => (run.JobId, End: EndOf(world, run))).ToArray();
        if (Array.Find(ends, one => one.End is null) is { JobId: { } open })
            world.Observer.Break("stages", $"stage {stage + 1} of the staged replay {id} has begun, and {open} of the one before has not ended", open, id);
        var (dead, well) = (ends.Count(one => one.End is "DeadLettered" or "Expired"), ends.Count(one => one.End == "Succeeded"));
        if (dead > 0 && dead >= bound * (dead + well))
            world.Observer.Break("stages", $"stage {stage + 1} of the staged replay {id} has begun, and {dead} of {dead + well} had died again; the bound was {bound}", id);
    }

    private static string? EndOf(WorldState world, SeenRun run) => world.Observer.Find(run.JobId)?.Ends.GetValueOrDefault(run.Run);

    private SeenReplay Of(string id)
    {
        if (!replays.TryGetValue(id, out var replay))
            replays.Add(id, replay = new SeenReplay());
        return replay;
    }

    private sealed class SeenReplay
    {
        /// <summary>By job: the stage that its latest run belongs to, and its key.</summary>
        public Dictionary<string, (int Stage, string Key)> Items { get; } = new(StringComparer.Ordinal);

        /// <summary>By stage: how many were written down as begun.</summary>
        public SortedDictionary<int, int> Started { get; } = [];

        public List<SeenRun> Runs { get; } = [];

        public int Version { get; set; }
    }

    private sealed record SeenRun(string JobId, int Run, int Stage, int Version, string Key);
}
