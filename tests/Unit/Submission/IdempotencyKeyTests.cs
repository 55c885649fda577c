using Microsoft.Extensions.Primitives;
using Weir.Submission;

namespace Unit.Tests.Submission;

public sealed class IdempotencyKeyTests
{
    [Theory]
    [InlineData("8e03978e", "8e03978e")]
    [InlineData("\"8e03978e\"", "8e03978e")]
    [InlineData(" spaced ", "spaced")]
    [InlineData("\"a \\\"b\\\" \\\\c\"", "a \"b\" \\c")]
    [InlineData("it's \"quoted\" inside", "it's \"quoted\" inside")]
    public void Quoted_and_bare_keys_are_taken(string header, string expected)
    {
        Assert.True(IdempotencyKey.TryRead(header, out var key, out _));
        Assert.Equal(expected, key);
    }

    [Theory]
    [InlineData("")]
    [InlineData("\"\"")]
    [InlineData("\"open")]
    [InlineData("\"a\"b")]
    [InlineData("\"bad \\escape\"")]
    [InlineData("tab\there")]
    [InlineData("ümlaut")]
    public void Anything_else_is_refused_with_a_reason(string header)
    {
        Assert.False(IdempotencyKey.TryRead(header, out var key, out var wrong));
        Assert.Null(key);
        Assert.NotNull(wrong);
    }

    [Fact]
    public void The_longest_key_has_256_characters()
    {
        Assert.True(IdempotencyKey.TryRead(new string('k', 256), out _, out _));
        Assert.False(IdempotencyKey.TryRead(new string('k', 257), out _, out var wrong));
        Assert.Contains("257", wrong);
    }

    [Fact]
    public void No_header_is_no_key_and_two_are_a_mistake()
    {
        Assert.True(IdempotencyKey.TryRead(StringValues.Empty, out var key, out _));
        Assert.Null(key);
        Assert.False(IdempotencyKey.TryRead(new StringValues(["a", "b"]), out _, out _));
    }
}
