using System.ComponentModel.DataAnnotations;
using System.Text.Json.Nodes;
using Weir.Catalog;

namespace Unit.Tests.Contracts;

/// <summary>The test of the test: what it must call broken, and what it must let pass.</summary>
public sealed class BreakingChangeTests
{
    private const string Before = """
        {
          "type": "object", "required": ["id"], "additionalProperties": false,
          "properties": {
            "id": {"type": "string", "maxLength": 10},
            "note": {"type": ["string", "null"]},
            "size": {"type": "integer", "minimum": 1, "maximum": 9},
            "plan": {"enum": ["free", "team"]},
            "tags": {"type": "array", "items": {"type": "string"}},
            "extra": {"type": "object", "additionalProperties": {"type": "integer"}}
          }
        }
        """;

    [Theory]
    [InlineData("properties.note", null, "/note was removed")]
    [InlineData("required", """["id", "size"]""", "/size is required and was not")]
    [InlineData("properties.note.type", "\"string\"", "/note could be null and must be string")]
    [InlineData("properties.id.type", "\"integer\"", "/id could be string and must be integer")]
    [InlineData("properties.id.maxLength", "9", "/id: maxLength was 10 and is 9")]
    [InlineData("properties.id.minLength", "1", "/id: minLength was not there and is 1")]
    [InlineData("properties.id.pattern", "\"^a\"", "/id: pattern was not there and is \"^a\"")]
    [InlineData("properties.id.format", "\"email\"", "/id: format was not there and is \"email\"")]
    [InlineData("properties.id.enum", """["a"]""", "/id could have any value and must be one of")]
    [InlineData("properties.size.minimum", "2", "/size: minimum was 1 and is 2")]
    [InlineData("properties.size.maximum", "8.5", "/size: maximum was 9 and is 8.5")]
    [InlineData("properties.plan.enum", """["free"]""", "/plan could be \"team\", which is refused")]
    [InlineData("properties.tags.items.type", "\"integer\"", "/tags/* could be string and must be integer")]
    [InlineData("properties.extra.additionalProperties", "false", "/extra/(any other field) was allowed and is refused")]
    [InlineData("properties.extra.additionalProperties.type", "\"string\"", "/extra/(any other field) could be integer and must be string")]
    [InlineData("properties.plan.oneOf", "[]", "/plan: 'oneOf' changed, and this test cannot judge it")]
    public void What_refuses_more_than_before_breaks(string path, string? value, string sentence)
    {
        var breaks = BreakingChange.Between(JsonNode.Parse(Before)!, Changed(path, value));
        Assert.Contains(sentence, Assert.Single(breaks));
    }

    [Theory]
    [InlineData("properties.more", """{"type": "string"}""")]
    [InlineData("properties.id.maxLength", "11")]
    [InlineData("properties.id.maxLength", null)]
    [InlineData("required", "[]")]
    [InlineData("properties.size.type", "\"number\"")]
    [InlineData("properties.size.type", """["integer", "null"]""")]
    [InlineData("properties.plan.enum", """["free", "team", "enterprise"]""")]
    [InlineData("properties.plan", """{"type": "string"}""")]
    [InlineData("properties.extra.additionalProperties", null)]
    [InlineData("additionalProperties", null)]
    [InlineData("title", "\"another\"")]
    [InlineData("properties.id.default", "\"x\"")]
    public void What_allows_as_much_or_more_does_not(string path, string? value) =>
        Assert.Empty(BreakingChange.Between(JsonNode.Parse(Before)!, Changed(path, value)));

    [Fact]
    public void It_judges_the_schemas_that_are_generated()
    {
        var (before, after) = (ContractSchema.Of("t", 1, typeof(Old)), ContractSchema.Of("t", 1, typeof(New)));
        Assert.Empty(BreakingChange.Between(before, ContractSchema.Of("t", 1, typeof(Old))));
        Assert.Equal(
            ["/colour could be \"red\", which is refused", "/inner/count: maximum was 9 and is 5", "/mail: format was not there and is \"email\"", "/name is required and was not: a payload without it is refused"],
            BreakingChange.Between(before, after).Order(StringComparer.Ordinal));
    }

    public enum OldColour
    {
        Red,
        Blue,
    }

    public enum NewColour
    {
        Blue,
        Green,
    }

    public sealed record OldInner([Range(1, 9)] int Count);

    public sealed record NewInner([property: Range(1, 5)] int Count);

    public sealed record Old(OldColour Colour, OldInner Inner, string? Mail = null, string Name = "");

    public sealed record New(NewColour Colour, NewInner Inner, string Name, [property: EmailAddress] string? Mail = null);

    private static JsonNode Changed(string path, string? value)
    {
        var root = JsonNode.Parse(Before)!;
        var steps = path.Split('.');
        var at = steps[..^1].Aggregate(root.AsObject(), (node, step) => node[step]!.AsObject());
        if (value is null)
            Assert.True(at.Remove(steps[^1]), $"{path} is not there to be removed.");
        else
            at[steps[^1]] = JsonNode.Parse(value);
        return root;
    }
}
