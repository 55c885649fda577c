using Weir.DeadLetters;

namespace Unit.Tests.DeadLetters;

public sealed class DeadLetterKeyTests
{
    private static readonly DateTimeOffset Noon = new(2026, 3, 31, 12, 0, 0, TimeSpan.Zero);

    [Fact]
    public void The_newest_comes_first_within_a_month()
    {
        var rows = new[] { Noon, Noon.AddTicks(1), Noon.AddHours(3) }.Select(time => DeadLetterKey.Of(time, "id").Row).ToArray();
        Assert.Equal(rows.Reverse(), rows.Order(StringComparer.Ordinal));
    }

    [Fact]
    public void The_same_death_has_the_same_key_and_reads_back()
    {
        var key = DeadLetterKey.Of(Noon, "id");
        Assert.Equal(key, DeadLetterKey.Of(Noon.ToOffset(TimeSpan.FromHours(13)), "id"));
        Assert.Equal(key, DeadLetterKey.Parse(key.ToString()));
        Assert.Equal("202603", key.Month);
    }

    [Theory]
    [InlineData("202603", "202602")]
    [InlineData("202601", "202512")]
    [InlineData("nonsense", null)]
    public void The_month_before_is_found_across_years(string month, string? before) => Assert.Equal(before, DeadLetterKey.MonthBefore(month));

    [Fact]
    public void A_cursor_reads_back_and_nonsense_is_none()
    {
        Assert.True(DeadLetterCursor.TryParse(new DeadLetterCursor("202603", "1!8!a b").ToString(), out var cursor));
        Assert.Equal(new DeadLetterCursor("202603", "1!8!a b"), cursor);
        Assert.True(DeadLetterCursor.TryParse(new DeadLetterCursor("202603", Token: null).ToString(), out var atMonth));
        Assert.Null(atMonth!.Token);
        Assert.All(["", "x", "!!!", "MjAyNjEz", new string('A', 5_000)], text => Assert.False(DeadLetterCursor.TryParse(text, out _), text));
    }
}
