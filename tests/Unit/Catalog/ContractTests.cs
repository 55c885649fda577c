using System.ComponentModel.DataAnnotations;
using System.Text.Json;
using System.Text.Json.Serialization;
using Weir.Catalog;

namespace Unit.Tests.Catalog;

public sealed class ContractTests
{
    public enum Colour
    {
        Red,
        DeepBlue,
    }

    public sealed record Item([property: Range(1, 9)] int Count, Colour Colour = Colour.Red);

    public sealed record Order(string Name, [property: EmailAddress] string? Mail, Item[] Items, Dictionary<string, int>? Extra = null, DateTimeOffset? Due = null)
    {
        [StringLength(3)]
        public string? Note { get; init; }
    }

    private static readonly Contract<Order> Contract = new();

    [Theory]
    [InlineData("""{"name": "a", "mail": null, "items": []}""")]
    [InlineData("""{"name": "a", "mail": "a@b.c", "items": [{"count": 1, "colour": "deepBlue"}], "extra": {"k": 1}, "due": "2026-11-21T10:00:00Z", "note": "abc"}""")]
    public void What_fits_has_no_errors_and_can_be_read(string payload)
    {
        Assert.Empty(Contract.Check(JsonElement.Parse(payload)));
        Assert.NotNull(Contract.Read(System.Text.Encoding.UTF8.GetBytes(payload)));
    }

    [Theory]
    [InlineData("7", "", "expected an object, got the number 7")]
    [InlineData("null", "", "expected an object, got null")]
    [InlineData("""{"name": null, "mail": null, "items": []}""", "/name", "expected a string, got null")]
    [InlineData("""{"name": "a", "mail": null}""", "/items", "required, but missing")]
    [InlineData("""{"name": "a", "mail": null, "items": {}}""", "/items", "expected an array, got an object")]
    [InlineData("""{"name": "a", "mail": null, "items": [{"count": "1"}]}""", "/items/0/count", "expected a whole number (32 bits), got a string")]
    [InlineData("""{"name": "a", "mail": null, "items": [{"count": 1.5}]}""", "/items/0/count", "expected a whole number (32 bits), got the number 1.5")]
    [InlineData("""{"name": "a", "mail": null, "items": [{"count": 1}, {"count": 0}]}""", "/items/1/count", "The field count must be between 1 and 9.")]
    [InlineData("""{"name": "a", "mail": null, "items": [{"count": 1, "colour": "green"}]}""", "/items/0/colour", "expected one of red, deepBlue, got a string")]
    [InlineData("""{"name": "a", "mail": null, "items": [{"count": 1, "colour": 1}]}""", "/items/0/colour", "expected one of red, deepBlue, got the number 1")]
    [InlineData("""{"name": "a", "mail": null, "items": [], "extra": {"a/b~c": "x"}}""", "/extra/a~1b~0c", "expected a whole number (32 bits), got a string")]
    [InlineData("""{"name": "a", "mail": null, "items": [], "due": "tomorrow"}""", "/due", "expected a time (ISO 8601), got a string")]
    [InlineData("""{"name": "a", "mail": null, "items": [], "Name": "b"}""", "/Name", "unknown field; expected one of name, mail, items, extra, due, note")]
    [InlineData("""{"name": "a", "mail": "nobody", "items": []}""", "/mail", "The mail field is not a valid e-mail address.")]
    [InlineData("""{"name": "a", "mail": null, "items": [], "note": "abcd"}""", "/note", "The field note must be a string with a maximum length of 3.")]
    public void What_does_not_fit_is_told_with_its_pointer(string payload, string pointer, string detail)
    {
        var error = Assert.Single(Contract.Check(JsonElement.Parse(payload)));
        Assert.Equal((pointer, detail), (error.Pointer, error.Detail));
    }

    /// <summary>What the reader of JSON takes as it comes, for itself or because the contract's author told it to.</summary>
    [Theory]
    [InlineData("""{"orders": [null]}""", "/orders/0", "expected an object, got null")]
    [InlineData("""{"byName": {"a": null}}""", "/byName/a", "expected an object, got null")]
    [InlineData("""{"lenient": "7"}""", "/lenient", "expected a whole number (32 bits), got a string")]
    [InlineData("""{"fixed": "x"}""", "/fixed", "expected a whole number (32 bits), got a string")]
    [InlineData("""{"further": 1}""", "/further", "unknown field; expected one of orders, byName, lenient, fixed, rest")]
    public void What_reading_lets_pass_is_told_too(string payload, string pointer, string detail)
    {
        var error = Assert.Single(new Contract<Lax>().Check(JsonElement.Parse(payload)));
        Assert.Equal((pointer, detail), (error.Pointer, error.Detail));
    }

    public sealed class Lax
    {
        public List<Order> Orders { get; set; } = [];

        public Dictionary<string, Item> ByName { get; set; } = [];

        [JsonNumberHandling(JsonNumberHandling.AllowReadingFromString)]
        public int Lenient { get; set; }

        public int Fixed { get; } = 1;

        [JsonExtensionData]
        public Dictionary<string, JsonElement>? Rest { get; set; }
    }

    [Fact]
    public void All_mistakes_are_told_at_once()
    {
        var errors = Contract.Check(JsonElement.Parse("""{"nmae": "a", "items": [{}, {"count": true}]}"""));
        Assert.Equal(["/items/0/count", "/items/1/count", "/mail", "/name", "/nmae"], errors.Select(error => error.Pointer).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void A_rule_on_a_records_parameter_counts_as_much_as_one_on_a_property()
    {
        var error = Assert.Single(new Contract<OnParameter>().Check(JsonElement.Parse("""{"size": 0}""")));
        Assert.Equal("/size", error.Pointer);
    }

    public sealed record OnParameter([Range(1, 2)] int Size);

    [Fact]
    public void A_payload_with_a_thousand_mistakes_gets_a_bounded_answer()
    {
        var payload = "{" + string.Join(",", Enumerable.Range(0, 1_000).Select(number => $"\"f{number}\": 1")) + "}";
        Assert.InRange(Contract.Check(JsonElement.Parse(payload)).Count, 1, 60);
    }
}
