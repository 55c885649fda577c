using System.Text.Json;
using System.Text.RegularExpressions;
using Microsoft.AspNetCore.Http;
using Weir.Catalog;
using Weir.Controls;
using Weir.Retries;
using Weir.Submission;

namespace Weir.Api;

/// <summary>What a PUT of a control says.</summary>
internal static partial class ControlRequest
{
    public const int MaxBody = 16 * 1024;

    private static readonly TimeSpan LongestFor = TimeSpan.FromDays(365);
    private static readonly string[] Always = ["reason", "until", "for"];
    private static readonly string[] Figures = ["attempts", "unknownAttempts", "baseSeconds", "capSeconds", "multiplier", "budget"];

    public static bool IsName(string text) => ValidName().IsMatch(text);

    /// <summary>Reads the control, or says everything that is wrong with its form.</summary>
    public static Control? Read(JsonElement body, ControlKind kind, string name, string by, RetryPolicies policies, DateTimeOffset now, List<ContractError> errors)
    {
        if (body.ValueKind != JsonValueKind.Object)
        {
            errors.Add(new("", "expected an object with \"reason\""));
            return null;
        }
        string[] own = kind switch
        {
            ControlKind.Policy => ["retry", "percentage", "per"],
            ControlKind.Feature => ["percentage", "per"],
            ControlKind.Automatic => ["enabled"],
            _ => [],
        };
        ScheduleRequest.CheckFields(body, [.. Always, .. own], errors);
        var reason = ScheduleRequest.Text(body, "reason", ScheduleRequest.MaxReason, errors);
        if (!ScheduleRequest.IsThere(body, "reason"))
            errors.Add(new("/reason", "required, but missing: say why"));
        var control = new Control(kind, name, by, reason ?? "", now, ReadUntil(body, now, errors));
        if (own.Contains("percentage"))
            control = control with { Percentage = ReadPercentage(body, kind == ControlKind.Feature, errors), Spread = ScheduleRequest.Choice(body, "per", Spread.Job, errors) };
        if (kind == ControlKind.Policy)
            control = ReadPolicy(body, control, policies, errors);
        if (kind == ControlKind.Automatic)
            control = control with { Enabled = ReadEnabled(body, errors) };
        return errors.Count > 0 ? null : control;
    }

    /// <summary>Whether what is there now may be changed, by If-Match and If-None-Match; null, with what is wrong, when they cannot be read.</summary>
    public static Func<Control?, bool>? ReadPrecondition(IHeaderDictionary headers, out string? wrong)
    {
        if (ScheduleRequest.ReadPrecondition(headers, out wrong) is not { } condition)
            return null;
        return control => condition.None ? control is null : condition.Any ? control is not null : condition.Tags is not { } tags || (control is not null && tags.Contains(control.ETag.ToString()));
    }

    private static DateTimeOffset? ReadUntil(JsonElement body, DateTimeOffset now, List<ContractError> errors)
    {
        var until = ScheduleRequest.Time(body, "until", errors);
        if (until <= now)
            errors.Add(new("/until", "expected a time in the future"));
        if (!ScheduleRequest.IsThere(body, "for"))
            return until;
        if (ScheduleRequest.IsThere(body, "until"))
            errors.Add(new("/for", "expected either until or for, got both"));
        if (body.GetProperty("for") is { ValueKind: JsonValueKind.String } text && IsoDuration.TryRead(text.GetString()!, out var time) && time > TimeSpan.Zero && time <= LongestFor)
            return now + time;
        errors.Add(new("/for", "expected an ISO 8601 duration of more than nothing and at most a year, such as PT30M"));
        return null;
    }

    private static double ReadPercentage(JsonElement body, bool required, List<ContractError> errors)
    {
        if (!ScheduleRequest.IsThere(body, "percentage"))
        {
            if (required)
                errors.Add(new("/percentage", "required, but missing: 0 to 100"));
            return 100;
        }
        if (body.GetProperty("percentage") is { ValueKind: JsonValueKind.Number } number && number.TryGetDouble(out var percentage) && percentage is >= 0 and <= 100)
            return percentage;
        errors.Add(new("/percentage", "expected a number from 0 to 100"));
        return 100;
    }

    private static bool ReadEnabled(JsonElement body, List<ContractError> errors)
    {
        if (body.TryGetProperty("enabled", out var enabled) && enabled.ValueKind is JsonValueKind.True or JsonValueKind.False)
            return enabled.GetBoolean();
        errors.Add(new("/enabled", "expected true or false"));
        return false;
    }

    private static Control ReadPolicy(JsonElement body, Control control, RetryPolicies policies, List<ContractError> errors)
    {
        if (!body.TryGetProperty("retry", out var retry) || retry.ValueKind is not (JsonValueKind.String or JsonValueKind.Object))
        {
            errors.Add(new("/retry", $"expected the name of a policy ({string.Join(", ", policies.Names)}), or an object with its figures ({string.Join(", ", Figures)})"));
            return control;
        }
        if (retry.ValueKind == JsonValueKind.String)
        {
            if (policies.Find(retry.GetString()!) is null)
                errors.Add(new("/retry", $"there is no such policy; expected one of {string.Join(", ", policies.Names)}"));
            return control with { PolicyName = retry.GetString() };
        }
        foreach (var field in retry.EnumerateObject().Where(field => !Figures.Contains(field.Name)))
            errors.Add(new($"/retry/{field.Name.Replace("~", "~0", StringComparison.Ordinal).Replace("/", "~1", StringComparison.Ordinal)}", $"unknown field; expected one of {string.Join(", ", Figures)}"));
        var standard = policies.Find(RetryPolicies.Standard)!;
        var policy = new RetryPolicy(
            (int)Number(retry, "attempts", standard.Attempts, 100, errors), (int)Number(retry, "unknownAttempts", standard.UnknownAttempts, 100, errors),
            TimeSpan.FromSeconds(Number(retry, "baseSeconds", standard.Base.TotalSeconds, 604_800, errors)), TimeSpan.FromSeconds(Number(retry, "capSeconds", standard.Cap.TotalSeconds, 604_800, errors)),
            Number(retry, "multiplier", standard.Multiplier, 10, errors), Number(retry, "budget", standard.Budget, 1, errors));
        if (errors.Count == 0 && RetryPolicies.WrongIn(policy) is { } wrong)
            errors.Add(new("/retry", wrong));
        return control with { Policy = policy };
    }

    private static double Number(JsonElement retry, string name, double standard, double most, List<ContractError> errors)
    {
        if (!ScheduleRequest.IsThere(retry, name))
            return standard;
        if (retry.GetProperty(name) is { ValueKind: JsonValueKind.Number } number && number.TryGetDouble(out var value) && value >= 0 && value <= most)
            return value;
        errors.Add(new($"/retry/{name}", $"expected a number from 0 to {most:0}"));
        return standard;
    }

    [GeneratedRegex(@"\A[A-Za-z0-9._-]{1,128}\z")]
    private static partial Regex ValidName();
}
