using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using Microsoft.AspNetCore.Http;
using Weir.Catalog;
using Weir.DeadLetters;
using Weir.Execution;

namespace Weir.Api;

/// <summary>Which dead letters a request is about, and where to go on: the same fields in a query and in a body, read in one place.</summary>
internal sealed partial class DeadLetterRequest
{
    public const int MaxReason = 1_000;

    private static readonly DateTimeOffset Earliest = new(2000, 1, 1, 0, 0, 0, TimeSpan.Zero);
    private static readonly DateTimeOffset Latest = new(9000, 1, 1, 0, 0, 0, TimeSpan.Zero);

    private static readonly string[] FilterFields = ["type", "fingerprint", "reason", "tenant", "from", "to"];

    public DeadLetterFilter Filter { get; private set; } = new();

    public DeadLetterCursor? Cursor { get; private set; }

    public int? Limit { get; private set; }

    public bool All { get; private set; }

    public bool DryRun { get; private set; }

    /// <summary>Why the operator does it.</summary>
    public string? Why { get; private set; }

    /// <summary>Reads the query of a list. What is wrong is told by the parameter's name.</summary>
    /// <param name="query">The query.</param>
    /// <param name="most">The largest limit; 0 where none can be given.</param>
    /// <param name="errors">Gets what is wrong.</param>
    public static DeadLetterRequest Read(IQueryCollection query, int most, List<ContractError> errors)
    {
        var request = new DeadLetterRequest();
        string[] known = [.. FilterFields, "state", "cursor", .. most > 0 ? (string[])["limit"] : []];
        foreach (var (name, values) in query)
        {
            if (!known.Contains(name))
                errors.Add(new(name, $"unknown parameter; expected one of {string.Join(", ", known)}"));
            else if (values.Count != 1)
                errors.Add(new(name, $"given {values.Count} times; give it once"));
            else if (values[0] is { Length: > 0 } text)
                request.Take(name, name == "limit" && int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : text, name, most, errors);
        }
        return request;
    }

    /// <summary>Reads the body of a replay by filter. What is wrong is told by JSON pointer.</summary>
    /// <param name="body">The body.</param>
    /// <param name="most">The largest limit.</param>
    /// <param name="errors">Gets what is wrong.</param>
    /// <param name="beside">Fields that somebody else reads; null for none.</param>
    public static DeadLetterRequest Read(JsonElement body, int most, List<ContractError> errors, IReadOnlyList<string>? beside = null)
    {
        beside ??= [];
        var request = new DeadLetterRequest();
        string[] known = [.. FilterFields, "all", "limit", "dryRun", "cursor", "why", .. beside];
        if (body.ValueKind != JsonValueKind.Object)
        {
            errors.Add(new("", "expected an object with a filter"));
            return request;
        }
        foreach (var field in body.EnumerateObject())
        {
            if (errors.Count >= ContractError.Most)
                break;
            var pointer = $"/{field.Name.Replace("~", "~0", StringComparison.Ordinal).Replace("/", "~1", StringComparison.Ordinal)}";
            if (!known.Contains(field.Name))
                errors.Add(new(pointer, $"unknown field; expected one of {string.Join(", ", known)}"));
            else if (field.Value.ValueKind != JsonValueKind.Null && !beside.Contains(field.Name))
                request.Take(field.Name, ValueOf(field.Value), pointer, most, errors);
        }
        if (errors.Count == 0 && request.All != request.Filter.IsEmpty)
            errors.Add(new("", $$"""expected a filter (one of {{string.Join(", ", FilterFields)}}), or {"all": true} and no filter"""));
        return request;
    }

    /// <summary>Reads a body that says nothing but why.</summary>
    public static string? ReadWhy(JsonElement body, List<ContractError> errors)
    {
        var request = new DeadLetterRequest();
        if (body.ValueKind != JsonValueKind.Object || body.EnumerateObject().Any(field => field.Name != "why"))
            errors.Add(new("", "expected an object with \"why\", or nothing in it"));
        else if (body.TryGetProperty("why", out var why) && why.ValueKind != JsonValueKind.Null)
            request.Take("why", ValueOf(why), "/why", most: 0, errors);
        return request.Why;
    }

    private static object? ValueOf(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.String => value.GetString(),
        JsonValueKind.True => true,
        JsonValueKind.False => false,
        JsonValueKind.Number when value.TryGetInt32(out var number) => number,
        _ => null,
    };

    private void Take(string name, object? value, string where, int most, List<ContractError> errors)
    {
        switch (name, value)
        {
            case ("type", string { Length: > 0 and <= 64 } text):
                Filter = Filter with { Type = text };
                break;
            case ("fingerprint", string text) when ValidFingerprint().IsMatch(text):
                Filter = Filter with { Fingerprint = text };
                break;
            case ("reason", string text) when DeadLetterReason.All.Contains(text):
                Filter = Filter with { Reason = text };
                break;
            case ("tenant", string { Length: > 0 and <= 64 } text):
                Filter = Filter with { Tenant = text };
                break;
            case ("state", string text) when TryReadState(text, out var state):
                Filter = Filter with { State = state };
                break;
            case ("from", string text) when TryReadTime(text, out var time):
                Filter = Filter with { From = time };
                break;
            case ("to", string text) when TryReadTime(text, out var time):
                Filter = Filter with { To = time };
                break;
            case ("cursor", string text) when DeadLetterCursor.TryParse(text, out var cursor):
                Cursor = cursor;
                break;
            case ("limit", int number) when number >= 1 && number <= most:
                Limit = number;
                break;
            case ("all", bool all):
                All = all;
                break;
            case ("dryRun", bool dryRun):
                DryRun = dryRun;
                break;
            case ("why", string { Length: > 0 and <= MaxReason } text):
                Why = text;
                break;
            default:
                errors.Add(new(where, Expected(name, most)));
                break;
        }
    }

    private static string Expected(string name, int most) => name switch
    {
        "type" or "tenant" => "expected a string of 1 to 64 characters",
        "fingerprint" => $"expected {Fingerprint.Length} hexadecimal digits, as GET /api/dead-letters/groups shows them",
        "reason" => $"expected one of {string.Join(", ", DeadLetterReason.All)}",
        "state" => "expected one of open, replayed, discarded",
        "from" or "to" => "expected a time (ISO 8601, with its offset), such as 2026-01-31T12:00:00Z",
        "cursor" => "expected the cursor of an earlier answer",
        "limit" => $"expected a whole number from 1 to {most}",
        "why" => $"expected a string of 1 to {MaxReason} characters",
        _ => "expected true or false",
    };

    private static bool TryReadState(string text, out DeadLetterState state)
    {
        state = text switch { "replayed" => DeadLetterState.Replayed, "discarded" => DeadLetterState.Discarded, _ => DeadLetterState.Open };
        return text is "open" or "replayed" or "discarded";
    }

    /// <summary>A time without an offset would mean another one on each machine.</summary>
    private static bool TryReadTime(string text, out DateTimeOffset time) =>
        DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal, out time)
        && WithOffset().IsMatch(text) && time >= Earliest && time <= Latest;

    [GeneratedRegex(@"\A[0-9a-f]{16}\z")]
    private static partial Regex ValidFingerprint();

    [GeneratedRegex(@"T.*(Z|[+-]\d\d:?\d\d)\z")]
    private static partial Regex WithOffset();
}
