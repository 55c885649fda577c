using Microsoft.AspNetCore.Http;
using Weir.Catalog;
using Weir.DeadLetters;
using Weir.Receipts;

namespace Weir.Api;

/// <summary>The errors of what concerns dead letters.</summary>
internal static partial class Problem
{
    public static IResult InvalidQuery(IReadOnlyList<ContractError> errors) => Of(400, "invalidQuery", "The query is not as expected", "See errors, by the parameter's name.", errors);

    public static IResult DeadLetterNotFound(string id) =>
        Of(404, "deadLetterNotFound", "There is no such dead letter", $"'{Shorten(id)}' is the id of no job that has died, and of no message that was kept as poison.");

    /// <summary>Says who replayed it and when, if somebody did.</summary>
    public static IResult NotDeadLettered(Receipt receipt) => receipt.LastReplay is { } replay
        ? Of(409, "alreadyReplayed", "It has been replayed already", $"{replay.By} replayed the job at {replay.At:O}; it is {StateName(receipt)} now.", more: More(receipt, replay))
        : Of(409, "notDeadLettered", "The job is not dead", $"The job is {StateName(receipt)}; only a dead job can be replayed or discarded.", more: More(receipt, how: null));

    public static IResult DeadLetterDiscarded(Receipt receipt) => Of(
        409, "discarded", "It has been discarded", $"{receipt.Discarded!.By} gave the job up at {receipt.Discarded.At:O}: {receipt.Discarded.Reason}", more: More(receipt, receipt.Discarded));

    public static IResult DeadLetterNotCollected() => RetryAfter(1,
        Of(409, "notCollected", "It is not in the catalogue yet", "The job has died a moment ago and is on its way into the catalogue. Ask again in a second."));

    public static IResult NotReplayable(string why) => Of(409, "notReplayable", "It cannot be replayed", why);

    public static IResult DeadLettersUnavailable(int retryAfterSeconds) => RetryAfter(retryAfterSeconds,
        Of(503, "storeUnavailable", "The dead letters could not be reached", "A store behind the service did not answer. Ask again: what was begun is taken up, and nothing is done twice."));

    private static string StateName(Receipt receipt) => System.Text.Json.JsonNamingPolicy.CamelCase.ConvertName(receipt.State.ToString());

    private static Dictionary<string, object?> More(Receipt receipt, Handling? how)
    {
        var more = new Dictionary<string, object?> { ["state"] = StateName(receipt), ["job"] = LinksView.Of(receipt.Id).Self };
        if (how is not null)
            (more["by"], more["at"]) = (how.By, how.At);
        return more;
    }
}
