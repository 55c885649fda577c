using System.Text.Json;
using Weir.Catalog;
using Weir.Replays;
using Weir.Submission;

namespace Weir.Api;

/// <summary>What a replay by filter says of its stages: any of these fields makes it a staged one.</summary>
internal sealed record StagedReplayRequest(IReadOnlyList<int> Sizes, double Rate, double StopAtFailureRate, TimeSpan StageTimeout)
{
    private const int MostStages = 20;
    private const double DefaultRate = 10;
    private const double SlowestRate = 0.01;
    private const double FastestRate = StagedRun.MostAtOnce;
    private const double DefaultBound = 0.1;

    public static readonly string[] Fields = ["stages", "rate", "stopAtFailureRate", "stageTimeout"];

    private static readonly int[] DefaultSizes = [1, 10, 100, 1_000];
    private static readonly TimeSpan DefaultTimeout = TimeSpan.FromMinutes(30);
    private static readonly TimeSpan ShortestTimeout = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan LongestTimeout = TimeSpan.FromDays(1);

    public static bool IsAskedFor(JsonElement body) =>
        body.ValueKind == JsonValueKind.Object && body.EnumerateObject().Any(field => Fields.Contains(field.Name) && field.Value.ValueKind is not (JsonValueKind.Null or JsonValueKind.False));

    /// <summary>What is wrong is told by JSON pointer.</summary>
    public static StagedReplayRequest Read(JsonElement body, List<ContractError> errors) => new(
        SizesOf(body, errors),
        NumberOf(body, "rate", SlowestRate, FastestRate, DefaultRate, "jobs a second", errors),
        NumberOf(body, "stopAtFailureRate", 0, 1, DefaultBound, "the share of a stage that must not die again", errors),
        TimeoutOf(body, errors));

    private static IReadOnlyList<int> SizesOf(JsonElement body, List<ContractError> errors)
    {
        if (!IsThere(body, "stages", out var stages) || stages.ValueKind == JsonValueKind.True)
            return DefaultSizes;
        if (stages.ValueKind == JsonValueKind.Array && stages.GetArrayLength() is > 0 and <= MostStages)
        {
            var sizes = new List<int>();
            foreach (var one in stages.EnumerateArray())
            {
                if (one.ValueKind == JsonValueKind.Number && one.TryGetInt32(out var size) && size is >= 1 and <= ReplayPlan.MostItems)
                    sizes.Add(size);
            }
            if (sizes.Count == stages.GetArrayLength())
                return sizes;
        }
        errors.Add(new("/stages", $"expected true (1, 10, 100, 1000), or 1 to {MostStages} whole numbers from 1 to {ReplayPlan.MostItems}: how many jobs each stage replays, the last for all that follow"));
        return DefaultSizes;
    }

    private static double NumberOf(JsonElement body, string name, double least, double most, double otherwise, string meaning, List<ContractError> errors)
    {
        if (!IsThere(body, name, out var value))
            return otherwise;
        if (value.ValueKind == JsonValueKind.Number && value.TryGetDouble(out var number) && number >= least && number <= most)
            return number;
        errors.Add(new($"/{name}", FormattableString.Invariant($"expected a number from {least} to {most}: {meaning}")));
        return otherwise;
    }

    private static TimeSpan TimeoutOf(JsonElement body, List<ContractError> errors)
    {
        if (!IsThere(body, "stageTimeout", out var value))
            return DefaultTimeout;
        if (value.ValueKind == JsonValueKind.String && IsoDuration.TryRead(value.GetString()!, out var time) && time >= ShortestTimeout && time <= LongestTimeout)
            return time;
        errors.Add(new("/stageTimeout", "expected an ISO 8601 duration from PT1S to P1D: how long a stage's jobs may take to end"));
        return DefaultTimeout;
    }

    private static bool IsThere(JsonElement body, string name, out JsonElement value) => body.TryGetProperty(name, out value) && value.ValueKind != JsonValueKind.Null;
}
