using Microsoft.AspNetCore.Http;
using Weir.Batches;
using Weir.Submission;

namespace Weir.Api;

internal static partial class Problem
{
    public static IResult BatchNotFound(string id) => Of(404, "batchNotFound", "There is no such batch", $"No batch has the id '{Shorten(id)}'.");

    public static IResult BatchUnreadable(BatchUnreadableException wrong) => wrong.Code switch
    {
        "invalidRequest" => InvalidRequest([new("", wrong.Message)]),
        var code => Of(413, code, "The batch cannot be taken", $"{wrong.Message} What was begun of it is cancelled."),
    };

    public static IResult BatchWasRefused(string id, string code) => Of(409, "batchRefused", "The batch was refused before",
        $"The request under this Idempotency-Key was refused ({code}), and what was begun of it as batch {id} is cancelled. Use a new key.");

    public static IResult BatchKeyReused(string id) =>
        IdempotencyKeyReused($"This Idempotency-Key belongs to batch {id}, which has other items. Use a new key for a new batch.");

    public static IResult CompletionRefused(Submitted.Refused refused) =>
        Of(422, "completionRefused", "The completion job would be refused", $"{refused.Detail} It gets the batch's summary as its payload.", refused.Errors);

    public static IResult BatchStoreAway(int retryAfterSeconds) => RetryAfter(retryAfterSeconds,
        Of(503, "storeUnavailable", "The batch could not be taken", "A store behind the service did not answer. Send the request again with the same Idempotency-Key: what was begun goes on."));

    public static IResult BatchNotReached(int retryAfterSeconds) => RetryAfter(retryAfterSeconds,
        Of(503, "storeUnavailable", "The batch could not be reached", "A store behind the service did not answer. Send the request again: nothing is done twice."));

    public static IResult BatchOver(string id, string how) => Of(409, "batchOver", "The batch is over", $"Batch {id} is {how}: there is nothing to do for it.");

    public static IResult BatchCancelled(string id) => Of(409, "batchCancelled", "The batch is cancelled", $"Batch {id} was cancelled: its items are not run again by it.");
}
