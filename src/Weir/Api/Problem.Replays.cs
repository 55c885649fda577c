using Microsoft.AspNetCore.Http;
using Weir.Replays;

namespace Weir.Api;

/// <summary>What concerns staged replays.</summary>
internal static partial class Problem
{
    public static IResult ReplayNotFound(string id) => Of(404, "replayNotFound", "There is no such staged replay", $"'{Shorten(id)}' is the id of none. GET /api/replays lists those there are.");

    public static IResult ReplayRunning(string id) => Of(
        409, "replayRunning", "A staged replay of these dead letters runs", $"The staged replay {id} may want the same dead letters: wait for its end, or stop it.", more: new Dictionary<string, object?> { ["replayId"] = id, ["replay"] = StagedReplayLinksView.Path(id) });

    public static IResult ReplayCompleted(string id) => Of(409, "replayCompleted", "The staged replay is completed", $"Nothing is left of {id} to go on with. What has died since is another group: start a new one.");

    public static IResult TooManyReplays() => Of(409, "tooManyReplays", "Too many staged replays run", $"{ReplayRegister.MostRunning} can run at once: stop one, or wait for its end.");

    public static IResult NothingToReplay() => Of(409, "nothingToReplay", "There is nothing to replay", "No open dead letter fits the filter.");

    public static IResult TooManyDeadLetters() => Of(
        422, "tooManyDeadLetters", "Too many dead letters fit", $"More fit than can be put in order, {ReplayPlan.MostMatched:N0} or 20 s of looking: narrow the filter, by fingerprint, or by from and to.");

    public static IResult ReplaysUnavailable(int retryAfterSeconds) => RetryAfter(retryAfterSeconds,
        Of(503, "storeUnavailable", "The staged replays could not be reached", "A store behind the service did not answer, or others changed them meanwhile. Whether it was done, GET /api/replays says; no job is replayed twice."));
}
