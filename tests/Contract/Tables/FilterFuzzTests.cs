using System.Diagnostics;
using System.Globalization;
using Azure;
using Azure.Data.Tables;
using AzureLocal.Storage;

namespace Contract.Tests.Tables;

/// <summary>
/// Filters by seed. Those from the grammar find what a slow evaluator of our own finds, row by row, without a parser, an index or a range; those that are broken are
/// refused as the service does, at once. WEIR_HUNT_CASES multiplies the number of cases, WEIR_HUNT_SEED begins elsewhere.
/// </summary>
public sealed class FilterFuzzTests
{
    private static readonly int Seed = Read("WEIR_HUNT_SEED", 20_261_122);
    private static readonly int Cases = 3_000 * Read("WEIR_HUNT_CASES", 1);
    private static readonly TimeSpan Longest = TimeSpan.FromSeconds(10);

    // Past U+FFFF a text's order by UTF-16 is not its order by UTF-8.
    private static readonly string[] Keys = ["a", "b", "B", "ab", "it's ü", "x y", "\ue000", "\uff5e", "\U0001f600", "zz", "00"];
    private static readonly string[] Names = ["Int32", "Int64", "Double", "Flag", "Text", "Time", "Id", "Bytes", "Mixed", "Größe", "_x", "Missing"];
    private static readonly string[] Operators = ["eq", "ne", "gt", "ge", "lt", "le"];

    [Fact]
    public async Task A_filter_finds_what_a_slow_evaluator_finds()
    {
        var random = new Random(Seed);
        using var store = Store.InMemory();
        var table = new TableServiceClient(store, TimeProvider.System).GetTableClient("fuzz");
        await table.CreateAsync();
        var rows = new List<TableEntity>();
        foreach (var (partition, row) in Keys.SelectMany(partition => Keys.Select(row => (partition, row))))
        {
            var entity = new TableEntity(partition, row);
            foreach (var name in Names[..^1].Where(_ => random.Next(2) == 0))
                entity[name] = Value(random, name);
            await table.AddEntityAsync(entity);
            rows.Add(entity);
        }

        var matched = 0;
        for (var number = 0; number < Cases; number++)
        {
            var left = 15;
            var filter = Next(random, random.Next(5), ref left);
            var text = filter.Text(random);
            var found = new List<string>();
            await foreach (var entity in table.QueryAsync<TableEntity>(text, random.Next(3) == 0 ? random.Next(1, 5) : null))
                found.Add($"{entity.PartitionKey}/{entity.RowKey}");
            var expected = rows.Where(filter.Fits).Select(entity => $"{entity.PartitionKey}/{entity.RowKey}").Order(StringComparer.Ordinal).ToArray();
            found.Sort(StringComparer.Ordinal);
            Assert.True(expected.SequenceEqual(found), $"WEIR_HUNT_SEED={Seed}, case {number}: {text}\nnot found: {string.Join(", ", expected.Except(found))}\nfound too much, or twice: {string.Join(", ", found.Except(expected))}");
            matched += found.Count > 0 && found.Count < rows.Count ? 1 : 0;
        }
        Assert.True(matched > Cases / 4, $"Only {matched} of {Cases} filters told rows from one another.");
    }

    [Fact]
    public async Task A_broken_filter_is_refused_and_nothing_worse()
    {
        var random = new Random(Seed + 1);
        using var store = Store.InMemory();
        var table = new TableServiceClient(store, TimeProvider.System).GetTableClient("fuzz");
        await table.CreateAsync();
        await table.AddEntityAsync(new TableEntity("a", "a") { ["Int32"] = 1, ["Text"] = "x", ["Id"] = Guid.Empty });

        var (refused, answered) = (0, 0);
        for (var number = 0; number < Cases * 3; number++)
        {
            var left = 15;
            var text = Next(random, random.Next(4), ref left).Text(random);
            for (var changes = random.Next(1, 4); changes > 0; changes--)
                text = Mutated(random, text);
            var began = Stopwatch.GetTimestamp();
            try
            {
                await foreach (var _ in table.QueryAsync<TableEntity>(text)) { }
                answered++;
            }
            catch (RequestFailedException bad) when (bad.Status == 400)
            {
                refused++;
            }
            catch (Exception other)
            {
                Assert.Fail($"WEIR_HUNT_SEED={Seed}, case {number}: {Shown(text)}\n{other}");
            }
            Assert.True(Stopwatch.GetElapsedTime(began) < Longest, $"WEIR_HUNT_SEED={Seed}, case {number} took too long: {Shown(text)}");
        }
        Assert.True(refused > Cases && answered > Cases / 10, $"{refused} refused, {answered} answered: one side of the parser is hardly reached.");
    }

    [Theory]
    [InlineData("(", 1_000_000)]
    [InlineData("not ", 1_000_000)]
    [InlineData("'", 1_000_001)]
    [InlineData("a eq 1 and ", 100_000)]
    [InlineData("a eq '''''''''''''", 50_000)]
    [InlineData("9", 1_000_000)]
    [InlineData(" ", 1_000_000)]
    public async Task A_filter_of_a_mebibyte_is_answered_at_once(string part, int times)
    {
        using var store = Store.InMemory();
        var table = new TableServiceClient(store, TimeProvider.System).GetTableClient("fuzz");
        await table.CreateAsync();
        var began = Stopwatch.GetTimestamp();
        foreach (var text in new[] { string.Concat(Enumerable.Repeat(part, times)), "Text eq " + string.Concat(Enumerable.Repeat(part, times)) })
        {
            try
            {
                await foreach (var _ in table.QueryAsync<TableEntity>(text)) { }
            }
            catch (RequestFailedException refused) when (refused.Status == 400)
            {
                // As it should.
            }
        }
        Assert.True(Stopwatch.GetElapsedTime(began) < Longest);
    }

    private static Node Next(Random random, int depth, ref int left)
    {
        if (depth > 0 && left > 1)
        {
            switch (random.Next(4))
            {
                case 0:
                    return new Not(Next(random, depth - 1, ref left));
                case 1:
                    return new Join(Next(random, depth - 1, ref left), Next(random, depth - 1, ref left), IsAnd: false);
                default:
                    return new Join(Next(random, depth - 1, ref left), Next(random, depth - 1, ref left), IsAnd: true);
            }
        }
        // The service's limit is 15 comparisons; one of them that is too many is left out by saying the same again.
        left--;
        var name = random.Next(3) > 0 ? random.Next(2) == 0 ? "PartitionKey" : "RowKey" : Names[random.Next(Names.Length)];
        return new Compare(name, Operators[random.Next(Operators.Length)], random.Next(8) == 0 ? Value(random, "Mixed") : Value(random, name));
    }

    private static object Value(Random random, string name) => name switch
    {
        "PartitionKey" or "RowKey" => random.Next(6) == 0 ? "" : Keys[random.Next(Keys.Length)],
        "Int32" or "_x" => random.Next(4) == 0 ? int.MinValue : random.Next(-2, 3),
        "Int64" => random.Next(4) == 0 ? long.MaxValue - random.Next(2) : random.Next(3),
        "Double" => random.Next(6) switch { 0 => double.NaN, 1 => double.MaxValue, 2 => -0.0, _ => random.Next(-2, 3) * 0.5 },
        "Flag" => random.Next(2) == 0,
        "Time" => new DateTimeOffset(2026, 1, 1 + random.Next(3), 0, 0, 0, TimeSpan.Zero).AddTicks(random.Next(3)),
        "Id" => new Guid(random.Next(3), (short)random.Next(2), 0, [0, 0, 0, 0, 0, 0, 0, 0]),
        "Bytes" => new byte[] { (byte)random.Next(3), 255 }[..random.Next(3)],
        "Mixed" => Value(random, Names[random.Next(7)]),
        _ => random.Next(5) switch { 0 => "", 1 => "it''s '", 2 => "\uff5e", 3 => "\U0001f600", _ => $"text {random.Next(3)}" },
    };

    private static string Mutated(Random random, string text)
    {
        string[] parts = ["'", "(", ")", " ", "and", "or ", "not ", "eq", "guid'{0xFFFFFFFFFF,1,1,{1,1,1,1,1,1,1,1}}'", "guid''", "datetime'9999-99-99'", "datetime'0001-01-01T00:00:00+14:00'", "datetime'10000-01-01'", "X'0'", "X'zz'", "binary''", "1e999", "-", "--1", "1L", "1LL", "L", "NaN", "INF", "\0", "\ud800", "\u3000", "٣", "9223372036854775808", "null", "''", "PartitionKey", "%27"];
        if (text.Length == 0)
            return parts[random.Next(parts.Length)];
        var at = random.Next(text.Length);
        return random.Next(5) switch
        {
            0 => text.Remove(at, Math.Min(random.Next(1, 4), text.Length - at)),
            1 => text.Insert(at, parts[random.Next(parts.Length)]),
            2 => text.Insert(at, text[at..]),
            3 => text[..at],
            // A literal in the place of another, so that the parser comes as far as its value.
            _ => text[..(text.LastIndexOf(' ') + 1)] + parts[random.Next(parts.Length)],
        };
    }

    private static string Shown(string text) => text.Length <= 1_000 ? text : $"{text[..1_000]}… ({text.Length} characters)";

    private static int Read(string name, int usual) =>
        int.TryParse(Environment.GetEnvironmentVariable(name), NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number > 0 ? number : usual;

    /// <summary>A filter as a tree, which was never a text.</summary>
    private abstract record Node
    {
        public abstract bool Fits(TableEntity row);

        /// <summary>With the parentheses that it needs, and sometimes more.</summary>
        public abstract string Text(Random random);

        protected string Within(Random random, Node inner, bool needed) => needed || random.Next(3) == 0 ? $"({Space(random)}{inner.Text(random)}{Space(random)})" : inner.Text(random);

        protected static string Space(Random random) => random.Next(5) == 0 ? "  " : "";
    }

    private sealed record Not(Node Inner) : Node
    {
        public override bool Fits(TableEntity row) => !Inner.Fits(row);

        public override string Text(Random random) => $"not {Within(random, Inner, needed: Inner is Join)}";
    }

    private sealed record Join(Node Left, Node Right, bool IsAnd) : Node
    {
        public override bool Fits(TableEntity row) => IsAnd ? Left.Fits(row) && Right.Fits(row) : Left.Fits(row) || Right.Fits(row);

        public override string Text(Random random) => IsAnd
            ? $"{Within(random, Left, needed: Left is Join { IsAnd: false })} and {Space(random)}{Within(random, Right, needed: Right is Join { IsAnd: false })}"
            : $"{Within(random, Left, needed: false)} or {Space(random)}{Within(random, Right, needed: false)}";
    }

    private sealed record Compare(string Name, string Operator, object Literal) : Node
    {
        public override bool Fits(TableEntity row)
        {
            var value = Name switch { "PartitionKey" => row.PartitionKey, "RowKey" => row.RowKey, _ => row.TryGetValue(Name, out var property) ? property : null };
            return Order(value, Literal) is { } order && Operator switch { "eq" => order == 0, "ne" => order != 0, "gt" => order > 0, "ge" => order >= 0, "lt" => order < 0, _ => order <= 0 };
        }

        public override string Text(Random random) => $"{Name} {Space(random)}{Operator} {Space(random)}{Written(random)}";

        private string Written(Random random) => Literal switch
        {
            string text => $"'{text.Replace("'", "''", StringComparison.Ordinal)}'",
            bool truth => truth ? "true" : "false",
            int number => number.ToString(CultureInfo.InvariantCulture),
            long number => number.ToString(CultureInfo.InvariantCulture) + "L",
            double number => double.IsNaN(number) ? "NaN" : number.ToString(random.Next(2) == 0 ? "R" : "E17", CultureInfo.InvariantCulture) is var digits && digits.AsSpan().IndexOfAny(".E") >= 0 ? digits : digits + ".0",
            DateTimeOffset time => $"datetime'{time.UtcDateTime.ToString("O", CultureInfo.InvariantCulture)}'",
            Guid id => $"guid'{id}'",
            byte[] bytes => $"{(random.Next(2) == 0 ? "X" : "binary")}'{Convert.ToHexString(bytes)}'",
            _ => throw new UnreachableException(),
        };

        /// <summary>Texts by UTF-16; numbers of any kind as numbers; all else with its own kind only, and NaN with nothing.</summary>
        private static int? Order(object? value, object literal) => (value, literal) switch
        {
            (string one, string other) => string.CompareOrdinal(one, other),
            (bool one, bool other) => one.CompareTo(other),
            (int or long, int or long) => Convert.ToInt64(value, CultureInfo.InvariantCulture).CompareTo(Convert.ToInt64(literal, CultureInfo.InvariantCulture)),
            (int or long or double, int or long or double) when Convert.ToDouble(value, CultureInfo.InvariantCulture) is var one && Convert.ToDouble(literal, CultureInfo.InvariantCulture) is var other =>
                double.IsNaN(one) || double.IsNaN(other) ? null : one < other ? -1 : one > other ? 1 : 0,
            (DateTimeOffset one, DateTimeOffset other) => one.CompareTo(other),
            (Guid one, Guid other) => one.CompareTo(other),
            (byte[] one, byte[] other) => string.CompareOrdinal(Convert.ToHexString(one), Convert.ToHexString(other)),
            _ => null,
        };
    }
}
