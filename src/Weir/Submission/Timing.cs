using System.Text.Json;
using System.Text.RegularExpressions;
using Weir.Catalog;

namespace Weir.Submission;

/// <summary>When a job may begin, and until when it is worth beginning, as its submission says.</summary>
internal sealed partial record Timing(TimeSpan? Delay, DateTimeOffset? NotBefore, TimeSpan? ExpiresIn)
{
    /// <summary>The furthest start. What is meant for later belongs into a schedule.</summary>
    public static readonly TimeSpan Furthest = TimeSpan.FromDays(30);

    /// <summary>The longest life, counted from the submission.</summary>
    public static readonly TimeSpan LongestLife = TimeSpan.FromDays(90);

    public static readonly string[] Fields = ["delay", "notBefore", "expiresIn"];

    /// <summary>At once, and worth running whenever.</summary>
    public static Timing None { get; } = new(null, null, null);

    /// <summary>Reads the fields of a submission; what is wrong with their form goes to <paramref name="errors"/>.</summary>
    public static Timing Read(JsonElement body, List<ContractError> errors)
    {
        var timing = new Timing(
            Duration(body, "delay", Furthest, allowsZero: true, errors),
            Time(body, "notBefore", errors),
            Duration(body, "expiresIn", LongestLife, allowsZero: false, errors));
        if (timing is { Delay: not null, NotBefore: not null })
            errors.Add(new("/notBefore", "expected either delay or notBefore, got both"));
        return timing == None ? None : timing;
    }

    /// <summary>What only the time of the submission can tell to be wrong.</summary>
    public ContractError? Check(DateTimeOffset now)
    {
        if (NotBefore > now + Furthest)
            return new("/notBefore", $"expected a time at most {Furthest.TotalDays:0} days ahead, got {NotBefore:O}");
        if (StartsAt(now) >= ExpiresAt(now))
            return new("/expiresIn", "the job would expire before it may start: expected a duration that ends after delay or notBefore");
        return null;
    }

    /// <summary>Null: at once. A time that has passed is now.</summary>
    public DateTimeOffset? StartsAt(DateTimeOffset now) => (NotBefore ?? now + Delay) is { } at && at > now ? at.ToUniversalTime() : null;

    public DateTimeOffset? ExpiresAt(DateTimeOffset now) => now + ExpiresIn;

    /// <summary>Reads one duration of a submission, from nothing (or more than nothing) to <paramref name="most"/>.</summary>
    public static TimeSpan? Duration(JsonElement body, string name, TimeSpan most, bool allowsZero, List<ContractError> errors, string below = "")
    {
        if (!body.TryGetProperty(name, out var value) || value.ValueKind == JsonValueKind.Null)
            return null;
        if (value.ValueKind == JsonValueKind.String && IsoDuration.TryRead(value.GetString()!, out var duration) && duration <= most && (allowsZero || duration > TimeSpan.Zero))
            return duration;
        errors.Add(new($"{below}/{name}", $"expected an ISO 8601 duration of days, hours, minutes and seconds, {(allowsZero ? "from PT0S" : "longer than PT0S")} and at most P{most.TotalDays:0}D, such as PT90S"));
        return null;
    }

    private static DateTimeOffset? Time(JsonElement body, string name, List<ContractError> errors)
    {
        if (!body.TryGetProperty(name, out var value) || value.ValueKind == JsonValueKind.Null)
            return null;
        if (value.ValueKind == JsonValueKind.String && Offset().IsMatch(value.GetString()!) && value.TryGetDateTimeOffset(out var time))
            return time;
        errors.Add(new($"/{name}", "expected a time with its offset (ISO 8601), such as 2026-11-21T10:00:00Z"));
        return null;
    }

    // Without an offset a time would be read as this machine's.
    [GeneratedRegex(@"T.*(?:Z|[+-][0-9]{2}:[0-9]{2})\z", RegexOptions.CultureInvariant)]
    private static partial Regex Offset();
}
