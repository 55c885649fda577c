using Microsoft.AspNetCore.Http;

namespace Weir.Api;

/// <summary>The errors of what concerns schedules.</summary>
internal static partial class Problem
{
    public static IResult ScheduleNotFound(string name) => Of(404, "scheduleNotFound", "There is no such schedule", $"No schedule has the name '{Shorten(name)}'.");

    public static IResult InvalidScheduleName() => Of(400, "invalidScheduleName", "The name is not valid", "A schedule's name is 1 to 100 letters, digits, dots, dashes and underscores.");

    public static IResult InvalidCron(string wrong) => Of(422, "invalidCron", "The cron expression is not valid", $"cron: {wrong.TrimEnd('.')}.", [new("/cron", wrong)]);

    public static IResult CronNeverFires(string detail) => Of(422, "cronNeverFires", "The schedule would never be due", detail, [new("/cron", detail)]);

    public static IResult AtInThePast(DateTimeOffset at, DateTimeOffset now) =>
        Of(422, "atInThePast", "The time has passed", $"at is {at:O}, and it is {now:O} now. POST /api/jobs runs a job at once.", [new("/at", "expected a time in the future")]);

    public static IResult UnknownTimeZone(string name, IReadOnlyList<string> near)
    {
        var detail = $"There is no time zone '{Shorten(name)}'. {(near.Count > 0 ? $"Did you mean {string.Join(", ", near)}?" : "Expected an IANA name, such as Europe/Berlin, or a Windows name.")}";
        return Of(422, "unknownTimeZone", "There is no such time zone", detail, [new("/timeZone", detail)], new Dictionary<string, object?> { ["suggestions"] = near });
    }

    public static IResult TimeZoneDataMissing(string name) => Of(
        503, "timeZoneDataMissing", "This machine has no time zones", $"'{Shorten(name)}' cannot be looked up: the machine has no time zone data. Install tzdata (or set TZDIR to where it lies), or use UTC.");

    public static IResult PreconditionFailed(string? current) => Of(
        412, "preconditionFailed", "The schedule is another one by now", current is null ? "There is no such schedule." : $"Its ETag is {current}: read it again.", more: new Dictionary<string, object?> { ["etag"] = current });

    public static IResult InvalidPrecondition(string detail) => Of(400, "invalidPrecondition", "The condition is not valid", detail);

    public static IResult ScheduleContended() => RetryAfter(1, Of(503, "contended", "The schedule could not be changed", "It changed whenever it was to be written. Send the request again a little later."));

    public static IResult SchedulesUnavailable(int retryAfterSeconds) => RetryAfter(retryAfterSeconds,
        Of(503, "storeUnavailable", "The schedules could not be reached", "A store behind the service did not answer. Send the request again: nothing is done twice."));
}
