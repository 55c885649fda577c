using System.Globalization;
using System.Text;

namespace Azure.Data.Tables;

/// <summary>
/// A filter: comparisons of a property with a literal, joined by and, or, not and parentheses. Bounds on the keys are pushed
/// into SQL (<see cref="KeyRange"/>), then each row is asked whether it <see cref="Matches"/>.
/// </summary>
internal sealed class QueryFilter
{
    public static readonly QueryFilter Everything = new(null);

    private readonly Node? root;

    private QueryFilter(Node? root) => this.root = root;

    /// <summary>Null when the text is not a filter: the service answers InvalidInput.</summary>
    public static QueryFilter? TryParse(string? text)
    {
        if (string.IsNullOrWhiteSpace(text))
            return Everything;
        try
        {
            return new QueryFilter(new Parser(text).Parse());
        }
        catch (FormatException)
        {
            return null;
        }
    }

    public bool Matches(in FilteredRow row) => root?.Matches(row) ?? true;

    /// <summary>The range outside of which no key can match: from the comparisons that hold for every match.</summary>
    public KeyRange RangeOf(string key)
    {
        var range = KeyRange.All;
        Narrow(root, key, ref range);
        return range;
    }

    private static void Narrow(Node? node, string key, ref KeyRange range)
    {
        if (node is And and)
        {
            Narrow(and.Left, key, ref range);
            Narrow(and.Right, key, ref range);
        }
        else if (node is Comparison comparison && comparison.Name == key && comparison.Literal is string bound && (comparison.Operator == FilterOperator.Equal || HasOneOrder(bound)))
        {
            range = range.And(comparison.Operator, bound);
        }
    }

    /// <summary>
    /// A filter compares texts by UTF-16, as .NET and Azurite do; SQLite has its keys by UTF-8. The two part only above U+D7FF, where surrogates come before the last
    /// characters of 16 bits: a bound with one of those narrows nothing, or rows that match would be out of its range.
    /// </summary>
    private static bool HasOneOrder(string bound) => !bound.AsSpan().ContainsAnyInRange('\ud800', '\uffff');

    private abstract class Node
    {
        public abstract bool Matches(in FilteredRow row);
    }

    private sealed class And(Node left, Node right) : Node
    {
        public Node Left => left;

        public Node Right => right;

        public override bool Matches(in FilteredRow row) => left.Matches(row) && right.Matches(row);
    }

    private sealed class Or(Node left, Node right) : Node
    {
        public override bool Matches(in FilteredRow row) => left.Matches(row) || right.Matches(row);
    }

    private sealed class Not(Node inner) : Node
    {
        public override bool Matches(in FilteredRow row) => !inner.Matches(row);
    }

    private sealed class Comparison(string name, FilterOperator comparison, object literal) : Node
    {
        private readonly byte[] utf8Name = Encoding.UTF8.GetBytes(name);

        public string Name => name;

        public FilterOperator Operator => comparison;

        public object Literal => literal;

        /// <summary>A row that lacks the property, or has it with another type, does not match, whatever the operator.</summary>
        public override bool Matches(in FilteredRow row) => Compare(row) is { } order && comparison switch
        {
            FilterOperator.Equal => order == 0,
            FilterOperator.NotEqual => order != 0,
            FilterOperator.Greater => order > 0,
            FilterOperator.GreaterOrEqual => order >= 0,
            FilterOperator.Less => order < 0,
            _ => order <= 0,
        };

        private int? Compare(in FilteredRow row)
        {
            switch (name)
            {
                case TableEntity.PartitionKeyName:
                    return literal is string partitionKey ? string.CompareOrdinal(row.PartitionKey, partitionKey) : null;
                case TableEntity.RowKeyName:
                    return literal is string rowKey ? string.CompareOrdinal(row.RowKey, rowKey) : null;
                case TableEntity.TimestampName:
                    return literal is DateTimeOffset time ? row.Timestamp.CompareTo(time.UtcTicks) : null;
            }
            if (!EntityBlob.Find(row.Properties, utf8Name, out var property))
                return null;
            return (property.Type, literal) switch
            {
                (EdmType.String, string text) => string.CompareOrdinal(property.String(), text),
                (EdmType.False, bool truth) => false.CompareTo(truth),
                (EdmType.True, bool truth) => true.CompareTo(truth),
                (EdmType.Int32, long number) => ((long)property.Int32()).CompareTo(number),
                (EdmType.Int64, long number) => property.Int64().CompareTo(number),
                (EdmType.Double, long number) => Order(property.Double(), number),
                (EdmType.Int32, double number) => Order(property.Int32(), number),
                (EdmType.Int64, double number) => Order(property.Int64(), number),
                (EdmType.Double, double number) => Order(property.Double(), number),
                (EdmType.DateTime, DateTimeOffset time) => property.Int64().CompareTo(time.UtcTicks),
                (EdmType.Guid, Guid guid) => property.Guid().CompareTo(guid),
                (EdmType.Binary, byte[] bytes) => property.Value.SequenceCompareTo(bytes),
                _ => null,
            };
        }

        /// <summary>NaN is in no order with anything.</summary>
        private static int? Order(double left, double right) => double.IsNaN(left) || double.IsNaN(right) ? null : left.CompareTo(right);
    }

    /// <summary>or binds least, then and, then not; a comparison is <c>name operator literal</c>.</summary>
    private sealed class Parser(string text)
    {
        /// <summary>The service's own limit: https://learn.microsoft.com/rest/api/storageservices/querying-tables-and-entities.</summary>
        private const int MaxComparisons = 15;

        /// <summary>Deeper nesting is refused, so that no filter can overflow the stack.</summary>
        private const int MaxDepth = 100;

        private int at;
        private int depth;
        private int comparisons;

        public Node Parse()
        {
            var node = ParseOr();
            SkipSpace();
            return at == text.Length ? node : throw Malformed();
        }

        private Node ParseOr()
        {
            var node = ParseAnd();
            while (TakeWord("or"))
                node = new Or(node, ParseAnd());
            return node;
        }

        private Node ParseAnd()
        {
            var node = ParseUnary();
            while (TakeWord("and"))
                node = new And(node, ParseUnary());
            return node;
        }

        private Node ParseUnary()
        {
            if (++depth > MaxDepth)
                throw Malformed();
            var node = TakeWord("not") ? new Not(ParseUnary()) : ParsePrimary();
            depth--;
            return node;
        }

        private Node ParsePrimary()
        {
            SkipSpace();
            if (at < text.Length && text[at] == '(')
            {
                at++;
                var inner = ParseOr();
                SkipSpace();
                if (at >= text.Length || text[at++] != ')')
                    throw Malformed();
                return inner;
            }
            if (++comparisons > MaxComparisons)
                throw Malformed();
            var name = TakeName();
            var comparison = TakeName() switch
            {
                "eq" => FilterOperator.Equal,
                "ne" => FilterOperator.NotEqual,
                "gt" => FilterOperator.Greater,
                "ge" => FilterOperator.GreaterOrEqual,
                "lt" => FilterOperator.Less,
                "le" => FilterOperator.LessOrEqual,
                _ => throw Malformed(),
            };
            return new Comparison(name, comparison, TakeLiteral());
        }

        private object TakeLiteral()
        {
            SkipSpace();
            if (at >= text.Length)
                throw Malformed();
            if (text[at] == '\'')
                return TakeQuoted();
            if (char.IsAsciiDigit(text[at]) || text[at] == '-')
                return TakeNumber();

            var word = TakeName();
            if (at >= text.Length || text[at] != '\'')
            {
                return word switch
                {
                    "true" => true,
                    "false" => false,
                    "NaN" => double.NaN,
                    _ => throw Malformed(),
                };
            }
            var quoted = TakeQuoted();
            return word switch
            {
                "datetime" => EdmText.Time(quoted),
                "guid" => Guid.Parse(quoted, CultureInfo.InvariantCulture),
                "binary" or "X" => Convert.FromHexString(quoted),
                _ => throw Malformed(),
            };
        }

        private object TakeNumber()
        {
            var start = at;
            while (at < text.Length && (char.IsAsciiLetterOrDigit(text[at]) || text[at] is '-' or '+' or '.'))
                at++;
            var digits = text.AsSpan(start, at - start);
            if (long.TryParse(digits.TrimEnd('L'), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var whole))
                return whole;
            return double.TryParse(digits, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) ? number : throw Malformed();
        }

        private string TakeQuoted()
        {
            var start = ++at;
            while (true)
            {
                var quote = text.IndexOf('\'', at);
                if (quote < 0)
                    throw Malformed();
                at = quote + 1;
                if (at >= text.Length || text[at] != '\'')
                    return text[start..quote].Replace("''", "'", StringComparison.Ordinal);
                at++;
            }
        }

        private string TakeName()
        {
            SkipSpace();
            var start = at;
            while (at < text.Length && IsNamePart(text[at]))
                at++;
            return at > start ? text[start..at] : throw Malformed();
        }

        private bool TakeWord(string word)
        {
            SkipSpace();
            var end = at + word.Length;
            if (!text.AsSpan(at).StartsWith(word, StringComparison.Ordinal) || (end < text.Length && IsNamePart(text[end])))
                return false;
            at = end;
            return true;
        }

        private void SkipSpace()
        {
            while (at < text.Length && char.IsWhiteSpace(text[at]))
                at++;
        }

        private static bool IsNamePart(char letter) => char.IsLetterOrDigit(letter) || letter == '_';

        private FormatException Malformed() => new($"Not a filter from character {at} on.");
    }
}

internal enum FilterOperator { Equal, NotEqual, Greater, GreaterOrEqual, Less, LessOrEqual }

/// <summary>A row as a filter sees it, undecoded.</summary>
internal readonly ref struct FilteredRow(string partitionKey, string rowKey, long timestamp, ReadOnlySpan<byte> properties)
{
    public string PartitionKey => partitionKey;

    public string RowKey => rowKey;

    public long Timestamp => timestamp;

    public ReadOnlySpan<byte> Properties { get; } = properties;
}

/// <summary>
/// Keys from <paramref name="From"/> (inclusive) up to <paramref name="To"/> (exclusive; null: no end). A key holds no control
/// characters, so the first key after <c>x</c> is past <c>x</c> followed by U+0001: every bound can be put in this form.
/// </summary>
internal readonly record struct KeyRange(string From, string? To)
{
    private const string JustAfter = "\u0001";

    public static KeyRange All => new("", null);

    /// <summary>Whether it holds but one key.</summary>
    public bool IsOne => To == From + JustAfter;

    public KeyRange And(FilterOperator comparison, string bound) => comparison switch
    {
        FilterOperator.Equal => Starting(bound).Ending(bound + JustAfter),
        FilterOperator.Greater => Starting(bound + JustAfter),
        FilterOperator.GreaterOrEqual => Starting(bound),
        FilterOperator.Less => Ending(bound),
        FilterOperator.LessOrEqual => Ending(bound + JustAfter),
        _ => this,
    };

    public KeyRange Starting(string from) => string.CompareOrdinal(from, From) > 0 ? this with { From = from } : this;

    private KeyRange Ending(string to) => To is null || string.CompareOrdinal(to, To) < 0 ? this with { To = to } : this;
}
