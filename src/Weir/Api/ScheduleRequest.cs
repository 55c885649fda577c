using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Primitives;
using Weir.Catalog;
using Weir.Schedules;
using Weir.Submission;

namespace Weir.Api;

/// <summary>What a PUT of a schedule, or a pause, says.</summary>
internal static partial class ScheduleRequest
{
    public const int MaxReason = 1_000;

    /// <summary>A schedule is one row of a table, and its submission one property of it.</summary>
    public const int MaxSubmission = 60 * 1024;

    private static readonly DateTimeOffset Earliest = new(2000, 1, 1, 0, 0, 0, TimeSpan.Zero);
    private static readonly DateTimeOffset Latest = new(9000, 1, 1, 0, 0, 0, TimeSpan.Zero);

    private static readonly string[] OfSubmission = ["type", "payload", "version", "priority", "orderingKey", "correlationId", "expiresIn", "callbackUrl"];
    private static readonly string[] Known = [.. OfSubmission, "cron", "at", "timeZone", "start", "end", "missed", "missedLimit", "overlap"];

    public static bool IsName(string text) => ValidName().IsMatch(text);

    /// <summary>Reads a definition, or says everything that is wrong with its form.</summary>
    public static (ScheduleDefinition Definition, SubmitRequest Submission)? Read(JsonElement body, List<ContractError> errors)
    {
        if (body.ValueKind != JsonValueKind.Object)
        {
            errors.Add(new("", "expected an object with \"type\", \"payload\", and \"cron\" or \"at\""));
            return null;
        }
        CheckFields(body, Known, errors);
        var cron = Text(body, "cron", CronExpression.MaxLength, errors);
        var at = Time(body, "at", errors);
        if (!IsThere(body, "cron") && !IsThere(body, "at"))
            errors.Add(new("", "expected \"cron\" (again and again) or \"at\" (once), got neither"));
        if (IsThere(body, "cron") && IsThere(body, "at"))
            errors.Add(new("/at", "expected either cron or at, got both"));
        var (start, end) = (Time(body, "start", errors), Time(body, "end", errors));
        if (start > end)
            errors.Add(new("/end", "expected a time that is not before start"));
        foreach (var bound in new[] { "start", "end" }.Where(bound => IsThere(body, "at") && IsThere(body, bound)))
            errors.Add(new($"/{bound}", "expected none where at says when"));
        var missed = Choice(body, "missed", MissedPolicy.Last, errors);
        var limit = ScheduleDefinition.DefaultMissed;
        if (IsThere(body, "missedLimit") && (missed != MissedPolicy.All || body.GetProperty("missedLimit") is not { ValueKind: JsonValueKind.Number } number || !number.TryGetInt32(out limit) || limit is < 1 or > ScheduleDefinition.MostMissed))
            errors.Add(new("/missedLimit", $"expected a whole number from 1 to {ScheduleDefinition.MostMissed}, and missed \"all\""));
        var overlap = Choice(body, "overlap", OverlapPolicy.Allow, errors);
        var zone = Text(body, "timeZone", TimeZones.MaxLength, errors) ?? TimeZones.Utc;

        var (submission, text) = ReadSubmission(body, errors);
        return errors.Count > 0 ? null : (new ScheduleDefinition(cron, at?.ToUniversalTime(), zone, start, end, missed, limit, overlap, text), submission!);
    }

    /// <summary>Reads why, and until when, a schedule is to be paused.</summary>
    public static (string? Reason, DateTimeOffset? Until) ReadPause(JsonElement body, DateTimeOffset now, List<ContractError> errors)
    {
        if (body.ValueKind != JsonValueKind.Object)
        {
            errors.Add(new("", "expected an object with \"reason\""));
            return default;
        }
        CheckFields(body, ["reason", "until"], errors);
        var reason = Text(body, "reason", MaxReason, errors);
        if (reason is null && !IsThere(body, "reason"))
            errors.Add(new("/reason", "required, but missing: say why"));
        var until = Time(body, "until", errors);
        if (until <= now)
            errors.Add(new("/until", "expected a time in the future"));
        return (reason, until);
    }

    /// <summary>If-Match and If-None-Match; null, with what is wrong, when they cannot be read.</summary>
    public static Precondition? ReadPrecondition(IHeaderDictionary headers, out string? wrong)
    {
        wrong = null;
        var (match, noneMatch) = (Tags(headers.IfMatch), Tags(headers.IfNoneMatch));
        if (noneMatch.Length > 0 && (match.Length > 0 || noneMatch is not ["*"]))
            wrong = "If-None-Match is \"*\" here (only if there is none yet), and not together with If-Match.";
        else if (match is not [] and not ["*"] && !match.All(tag => ValidTag().IsMatch(tag)))
            wrong = "If-Match is the ETag of an earlier answer, with its quotes, or \"*\".";
        if (wrong is not null)
            return null;
        return new Precondition(match is [] or ["*"] ? null : match, Any: match is ["*"], None: noneMatch.Length > 0);
    }

    internal static string[] Tags(StringValues header) => [.. header.SelectMany(value => (value ?? "").Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries)).Take(20)];

    private static (SubmitRequest? Submission, string Text) ReadSubmission(JsonElement body, List<ContractError> errors)
    {
        var submission = new JsonObject();
        foreach (var name in OfSubmission.Where(name => body.TryGetProperty(name, out _)))
            submission[name] = JsonNode.Parse(body.GetProperty(name).GetRawText());
        var text = submission.ToJsonString();
        if (System.Text.Encoding.UTF8.GetByteCount(text) > MaxSubmission)
            errors.Add(new("/payload", $"expected a submission of at most {MaxSubmission:N0} bytes, its payload included"));
        return (SubmitRequest.Read(JsonElement.Parse(text), errors), text);
    }

    internal static void CheckFields(JsonElement body, string[] known, List<ContractError> errors)
    {
        foreach (var field in body.EnumerateObject().Where(field => !known.Contains(field.Name)))
            errors.Add(new($"/{field.Name.Replace("~", "~0", StringComparison.Ordinal).Replace("/", "~1", StringComparison.Ordinal)}", $"unknown field; expected one of {string.Join(", ", known)}"));
    }

    internal static bool IsThere(JsonElement body, string name) => body.TryGetProperty(name, out var value) && value.ValueKind != JsonValueKind.Null;

    internal static string? Text(JsonElement body, string name, int most, List<ContractError> errors)
    {
        if (!IsThere(body, name))
            return null;
        if (body.GetProperty(name) is { ValueKind: JsonValueKind.String } value && value.GetString() is { Length: > 0 } text && text.Length <= most)
            return text;
        errors.Add(new($"/{name}", $"expected a string of 1 to {most} characters"));
        return null;
    }

    internal static DateTimeOffset? Time(JsonElement body, string name, List<ContractError> errors)
    {
        if (!IsThere(body, name))
            return null;
        if (body.GetProperty(name) is { ValueKind: JsonValueKind.String } value && WithOffset().IsMatch(value.GetString()!) && value.TryGetDateTimeOffset(out var time) && time > Earliest && time < Latest)
            return time.ToUniversalTime();
        errors.Add(new($"/{name}", "expected a time with its offset (ISO 8601), such as 2026-11-21T10:00:00Z"));
        return null;
    }

    internal static T Choice<T>(JsonElement body, string name, T standard, List<ContractError> errors) where T : struct, Enum
    {
        if (!IsThere(body, name))
            return standard;
        foreach (var choice in Enum.GetValues<T>())
        {
            if (body.GetProperty(name) is { ValueKind: JsonValueKind.String } value && value.ValueEquals(Name(choice)))
                return choice;
        }
        errors.Add(new($"/{name}", $"expected one of {string.Join(", ", Enum.GetValues<T>().Select(Name))}"));
        return standard;

        static string Name(T choice) => JsonNamingPolicy.CamelCase.ConvertName(choice.ToString());
    }

    [GeneratedRegex(@"\A[A-Za-z0-9._-]{1,100}\z")]
    private static partial Regex ValidName();

    [GeneratedRegex(@"T.*(?:Z|[+-][0-9]{2}:[0-9]{2})\z", RegexOptions.CultureInvariant)]
    private static partial Regex WithOffset();

    [GeneratedRegex("\\A(W/)?\"[\\x21\\x23-\\x7e]{0,100}\"\\z")]
    private static partial Regex ValidTag();
}
