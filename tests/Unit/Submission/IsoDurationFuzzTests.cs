using System.Diagnostics;
using System.Globalization;
using System.Numerics;
using System.Text;
using Weir.Submission;

namespace Unit.Tests.Submission;

/// <summary>
/// Durations by seed, from the grammar and beside it, against a slow reader of our own. WEIR_HUNT_CASES multiplies the number of cases, WEIR_HUNT_SEED begins elsewhere.
/// </summary>
public sealed class IsoDurationFuzzTests
{
    private const string Letters = "PTWDHMSY0123456789.,-+ \n\0e٣Pp";

    private static readonly int Seed = Read("WEIR_HUNT_SEED", 20_261_122);
    private static readonly int Cases = 40_000 * Read("WEIR_HUNT_CASES", 1);

    [Fact]
    public void It_reads_what_the_grammar_allows_to_the_tick_and_nothing_else()
    {
        var random = new Random(Seed);
        var read = 0;
        for (var number = 0; number < Cases; number++)
        {
            var text = random.Next(3) switch
            {
                0 => Good(random),
                1 => Mutated(random, Good(random)),
                _ => new string([.. Enumerable.Range(0, random.Next(12)).Select(_ => Letters[random.Next(Letters.Length)])]),
            };
            var expected = Slowly(text);
            var isRead = IsoDuration.TryRead(text, out var duration);
            Assert.True(isRead == expected is not null && (!isRead || duration == expected), $"WEIR_HUNT_SEED={Seed}, case {number}: '{text}' is read as {(isRead ? duration : "nothing")}, expected {(object?)expected ?? "nothing"}.");
            read += isRead ? 1 : 0;
        }
        Assert.InRange(read, Cases / 4, Cases * 3 / 4);
    }

    [Theory]
    [InlineData('9')]
    [InlineData('P')]
    [InlineData('T')]
    [InlineData('\n')]
    public void A_text_of_a_mebibyte_is_refused_at_once(char letter)
    {
        var began = Stopwatch.GetTimestamp();
        foreach (var text in new[] { new string(letter, 1 << 20), "P" + new string(letter, 1 << 20), "PT" + new string(letter, 1 << 20) + "S" })
            Assert.False(IsoDuration.TryRead(text, out _));
        Assert.True(Stopwatch.GetElapsedTime(began) < TimeSpan.FromSeconds(5));
    }

    private static string Good(Random random)
    {
        if (random.Next(6) == 0)
            return $"P{Digits(random)}W";
        var text = new StringBuilder("P");
        if (random.Next(2) == 0)
            text.Append(Digits(random)).Append('D');
        var time = new StringBuilder();
        if (random.Next(2) == 0)
            time.Append(Digits(random)).Append('H');
        if (random.Next(2) == 0)
            time.Append(Digits(random)).Append('M');
        if (random.Next(2) == 0)
            time.Append(Digits(random)).Append(random.Next(2) == 0 ? "" : "." + random.NextInt64(10_000_000).ToString("D7", CultureInfo.InvariantCulture)[random.Next(7)..]).Append('S');
        return text.Append(time.Length > 0 ? $"T{time}" : "").ToString();
    }

    private static string Digits(Random random) => random.Next(1_000_000).ToString("D6", CultureInfo.InvariantCulture)[random.Next(6)..];

    private static string Mutated(Random random, string text)
    {
        var at = random.Next(text.Length);
        return random.Next(4) switch
        {
            0 => text.Remove(at, 1),
            1 => text.Insert(at, Letters[random.Next(Letters.Length)].ToString()),
            2 => text[..at] + Letters[random.Next(Letters.Length)] + text[(at + 1)..],
            _ => text + text[at..],
        };
    }

    /// <summary>Letter by letter, with whole numbers as large as they come.</summary>
    private static TimeSpan? Slowly(string text)
    {
        if (!text.StartsWith('P') || text.Length < 2 || text.EndsWith('T'))
            return null;
        var ticks = BigInteger.Zero;
        var order = "";
        for (var at = 1; at < text.Length; at++)
        {
            if (text[at] == 'T')
            {
                order += 'T';
                continue;
            }
            var start = at;
            while (at < text.Length && (text[at] is >= '0' and <= '9' || text[at] == '.'))
                at++;
            var number = text[start..at].Split('.');
            if (at == text.Length || number.Length > 2 || number[0].Length is 0 or > 6 || (number.Length == 2 && (text[at] != 'S' || number[1].Length is 0 or > 7)))
                return null;
            var unit = (text[at], order.Contains('T', StringComparison.Ordinal)) switch
            {
                ('W', false) => TimeSpan.TicksPerDay * 7,
                ('D', false) => TimeSpan.TicksPerDay,
                ('H', true) => TimeSpan.TicksPerHour,
                ('M', true) => TimeSpan.TicksPerMinute,
                ('S', true) => TimeSpan.TicksPerSecond,
                _ => 0,
            };
            if (unit == 0)
                return null;
            order += text[at];
            ticks += BigInteger.Parse(number[0], CultureInfo.InvariantCulture) * unit;
            if (number.Length == 2)
                ticks += BigInteger.Parse(number[1].PadRight(7, '0'), CultureInfo.InvariantCulture);
        }
        // Each part once and in this order, and weeks alone.
        var known = order == "W" || (order.Length > 0 && "DTHMS".Where(order.Contains).SequenceEqual(order));
        return known ? TimeSpan.FromTicks((long)ticks) : null;
    }

    private static int Read(string name, int usual) =>
        int.TryParse(Environment.GetEnvironmentVariable(name), NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number > 0 ? number : usual;
}
