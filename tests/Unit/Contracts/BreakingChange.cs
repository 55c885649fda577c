using System.Text.Json.Nodes;

namespace Unit.Tests.Contracts;

/// <summary>
/// What a change of a JSON schema breaks: payloads that the old one allows and the new one refuses. Those are what clients send, and what waits in
/// the queues while a new build takes over. What it cannot judge, it calls broken.
/// </summary>
internal static class BreakingChange
{
    /// <summary>Keywords that refuse nothing.</summary>
    private static readonly HashSet<string> Words = ["$schema", "$id", "title", "description", "default"];

    private static readonly string[] LowerBounds = ["minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties"];
    private static readonly string[] UpperBounds = ["maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties"];
    private static readonly string[] Rules = ["pattern", "format", "x-rules"];
    private static readonly HashSet<string> Judged = [.. Words, .. LowerBounds, .. UpperBounds, .. Rules, "type", "enum", "properties", "required", "additionalProperties", "items"];

    /// <summary>A sentence for each thing that breaks, with where it is.</summary>
    public static IReadOnlyList<string> Between(JsonNode before, JsonNode after)
    {
        var breaks = new List<string>();
        Compare(before, after, "", breaks);
        return breaks;
    }

    private static void Compare(JsonNode? before, JsonNode? after, string at, List<string> breaks)
    {
        // "true" allows everything and "false" nothing; a missing schema is "true".
        if (IsFalse(before) || IsTrue(after))
            return;
        if (IsFalse(after))
        {
            breaks.Add($"{Name(at)} was allowed and is refused");
            return;
        }
        var (old, now) = (before as JsonObject ?? [], (JsonObject)after!);
        CompareTypes(old, now, at, breaks);
        CompareValues(old, now, at, breaks);
        CompareRules(old, now, at, breaks);
        CompareFields(old, now, at, breaks);
        if (now["items"] is not null)
            Compare(old["items"], now["items"], $"{at}/*", breaks);
        foreach (var keyword in old.Concat(now).Select(one => one.Key).Distinct().Where(keyword => !Judged.Contains(keyword) && !JsonNode.DeepEquals(old[keyword], now[keyword])))
            breaks.Add($"{Name(at)}: '{keyword}' changed, and this test cannot judge it");
    }

    private static void CompareTypes(JsonObject before, JsonObject after, string at, List<string> breaks)
    {
        if (TypesOf(after) is not { } allowed)
            return;
        if (TypesOf(before) is not { } old)
        {
            breaks.Add($"{Name(at)} could be of any type and must be {string.Join(" or ", allowed)}");
            return;
        }
        var lost = old.Where(type => !allowed.Contains(type) && !(type == "integer" && allowed.Contains("number"))).ToArray();
        if (lost.Length > 0)
            breaks.Add($"{Name(at)} could be {string.Join(" or ", lost)} and must be {string.Join(" or ", allowed)}");
    }

    private static void CompareValues(JsonObject before, JsonObject after, string at, List<string> breaks)
    {
        if (after["enum"] is not JsonArray allowed)
            return;
        if (before["enum"] is not JsonArray old)
        {
            breaks.Add($"{Name(at)} could have any value and must be one of {allowed.ToJsonString()}");
            return;
        }
        foreach (var value in old.Where(value => !allowed.Any(other => JsonNode.DeepEquals(value, other))))
            breaks.Add($"{Name(at)} could be {value?.ToJsonString() ?? "null"}, which is refused");
    }

    private static void CompareRules(JsonObject before, JsonObject after, string at, List<string> breaks)
    {
        foreach (var bound in LowerBounds.Where(bound => after[bound] is not null && !(before[bound] is { } old && Number(after[bound]!) <= Number(old))))
            breaks.Add($"{Name(at)}: {bound} was {Show(before[bound])} and is {Show(after[bound])}");
        foreach (var bound in UpperBounds.Where(bound => after[bound] is not null && !(before[bound] is { } old && Number(after[bound]!) >= Number(old))))
            breaks.Add($"{Name(at)}: {bound} was {Show(before[bound])} and is {Show(after[bound])}");
        foreach (var rule in Rules.Where(rule => after[rule] is not null && !JsonNode.DeepEquals(before[rule], after[rule])))
            breaks.Add($"{Name(at)}: {rule} was {Show(before[rule])} and is {Show(after[rule])}");
    }

    private static void CompareFields(JsonObject before, JsonObject after, string at, List<string> breaks)
    {
        var (old, now) = (before["properties"] as JsonObject ?? [], after["properties"] as JsonObject ?? []);
        var others = after["additionalProperties"];
        foreach (var (name, schema) in old)
        {
            if (now.TryGetPropertyValue(name, out var newer))
                Compare(schema, newer, $"{at}/{name}", breaks);
            else if (IsFalse(others))
                breaks.Add($"{Name($"{at}/{name}")} was removed: a payload that has it is refused");
            else
                Compare(schema, others, $"{at}/{name}", breaks);
        }
        if (others is not null)
            Compare(before["additionalProperties"], others, $"{at}/(any other field)", breaks);
        var required = Names(before["required"]);
        foreach (var name in Names(after["required"]).Except(required))
            breaks.Add($"{Name($"{at}/{name}")} is required and was not: a payload without it is refused");
    }

    /// <summary>Null: any. An enum without a type has those of its values.</summary>
    private static HashSet<string>? TypesOf(JsonObject schema) => schema["type"] switch
    {
        JsonArray several => [.. several.Select(one => one!.GetValue<string>())],
        { } one => [one.GetValue<string>()],
        null when schema["enum"] is JsonArray values => [.. values.Select(value => value is null ? "null" : value.GetValueKind().ToString().ToLowerInvariant())],
        null => null,
    };

    private static IEnumerable<string> Names(JsonNode? required) => required is JsonArray names ? names.Select(name => name!.GetValue<string>()) : [];

    private static bool IsTrue(JsonNode? schema) => schema is null || (schema is JsonValue value && value.TryGetValue<bool>(out var all) && all);

    private static bool IsFalse(JsonNode? schema) => schema is JsonValue value && value.TryGetValue<bool>(out var all) && !all;

    private static decimal Number(JsonNode bound) => decimal.Parse(bound.ToJsonString(), System.Globalization.NumberStyles.Float, System.Globalization.CultureInfo.InvariantCulture);

    private static string Show(JsonNode? value) => value?.ToJsonString() ?? "not there";

    private static string Name(string at) => at.Length == 0 ? "the payload" : at;
}
