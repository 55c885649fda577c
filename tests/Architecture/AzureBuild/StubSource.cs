using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using Architecture.Tests.AzureApi;

namespace Architecture.Tests.AzureBuild;

/// <summary>
/// Turns the lines of an API list (the forms of <see cref="ApiLines"/>) back into C# declarations. No member has a body to speak of:
/// the result is to be compiled against, never run.
/// </summary>
internal sealed class StubSource
{
    private const string NoBody = "throw null";

    private static readonly Dictionary<string, string> Operators = new(StringComparer.Ordinal)
    {
        ["op_Equality"] = "==",
        ["op_Inequality"] = "!=",
        ["op_GreaterThan"] = ">",
        ["op_LessThan"] = "<",
        ["op_GreaterThanOrEqual"] = ">=",
        ["op_LessThanOrEqual"] = "<=",
    };

    private readonly Dictionary<string, string> kinds;
    private readonly ILookup<string, string> basesOf;
    private readonly ILookup<string, string> attributesOf;
    private readonly ILookup<string, (string Kind, string Text)> membersOf;
    private readonly ILookup<string, string> nestedIn;

    private StubSource(IReadOnlyCollection<string> lines)
    {
        var facts = lines.Select(line => line.Split(' ', 2)).Select(words => (Kind: words[0], Text: words[1])).ToArray();
        kinds = facts.Where(fact => fact.Kind == "type").Select(fact => fact.Text.Split(" : ", 2)).ToDictionary(parts => parts[0], parts => parts[1], StringComparer.Ordinal);
        basesOf = facts.Where(fact => fact.Kind is "base" or "implements").ToLookup(fact => fact.Text.Split(" : ", 2)[0], fact => fact.Text.Split(" : ", 2)[1]);
        attributesOf = facts.Where(fact => fact.Kind == "attribute").ToLookup(
            fact => fact.Text[..fact.Text.LastIndexOf(" : ", StringComparison.Ordinal)],
            fact => fact.Text[(fact.Text.LastIndexOf(" : ", StringComparison.Ordinal) + 3)..]);
        membersOf = facts.Where(fact => fact.Kind is not ("type" or "base" or "implements" or "attribute")).ToLookup(fact => OwnerOf(fact.Text));
        nestedIn = kinds.Keys.ToLookup(type => OuterOf(type) ?? "");
    }

    /// <summary>The whole list as one file.</summary>
    public static string Of(IEnumerable<string> lines)
    {
        var source = new StubSource([.. lines]);
        var text = new StringBuilder("#nullable disable\n");
        foreach (var type in source.nestedIn[""].Order(StringComparer.Ordinal))
            text.Append(CultureInfo.InvariantCulture, $"namespace {type[..SimpleNameAt(type)].TrimEnd('.')} {{\n{source.Declaration(type)}}}\n");
        return text.ToString();
    }

    private string Declaration(string type)
    {
        var (kind, flags) = Flags(kinds[type]);
        var name = type[SimpleNameAt(type)..];
        var attributes = string.Concat(attributesOf[type].Select(Attribute));
        var isStatic = flags.Contains("static") ? "static " : "";
        var how = isStatic + string.Concat(new[] { "abstract", "sealed", "readonly" }.Where(flags.Contains).Select(flag => flag + " "));
        var constraints = Constraints(flags);

        if (kind == "enum")
            return $"{attributes}public enum {name} {{ {string.Join(", ", membersOf[type].Select(member => member.Text[(type.Length + 1)..]))} }}\n";

        if (kind == "delegate")
        {
            var invoke = membersOf[type].Single().Text;
            var (parameters, rest) = Parenthesized(invoke[(type.Length + ".Invoke".Length)..]);
            return $"{attributes}public delegate {TypeName(rest.TrimStart(' ', ':'))} {name}({Parameters(parameters)}){constraints};\n";
        }

        var bases = basesOf[type].Select(TypeName).ToArray();
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"{attributes}public {how}partial {kind} {name}{(bases is [] ? "" : " : " + string.Join(", ", bases))}{constraints} {{\n");
        // Without a constructor in the list, the type has none that others may call.
        if (kind is "class" or "record" && isStatic is "" && membersOf[type].All(member => member.Kind != "ctor"))
            text.Append(CultureInfo.InvariantCulture, $"private {name.Split('<')[0]}(global::System.Runtime.InteropServices.GCHandle unlisted) => {NoBody};\n");
        foreach (var member in membersOf[type].Where(member => kind != "record" || !IsMadeByTheCompiler(type, member.Text)))
            text.Append(Member(type, kind, member.Kind, member.Text)).Append('\n');
        foreach (var nested in nestedIn[type].Order(StringComparer.Ordinal))
            text.Append(Declaration(nested));
        return text.Append("}\n").ToString();
    }

    private string Member(string type, string typeKind, string kind, string fact)
    {
        var attributes = string.Concat(attributesOf[fact].Select(Attribute));
        var (signature, flags) = Flags(fact[type.Length..].TrimStart('.'));
        var access = typeKind == "interface" ? "" : flags.Contains("protected internal") ? "protected internal " : flags.Contains("protected") ? "protected " : "public ";
        var how = access + string.Concat(new[] { "static", "abstract", "sealed", "virtual", "override", "required" }.Where(flags.Contains).Select(flag => flag + " "));
        var isBodiless = flags.Contains("abstract") || (typeKind == "interface" && !flags.Contains("default") && !flags.Contains("static"));
        return attributes + kind switch
        {
            "ctor" => $"{how}{type[SimpleNameAt(type)..].Split('<')[0]}({Parameters(Parenthesized(signature).Inside)}) => {NoBody};",
            "method" => Method(signature, how, flags, isBodiless),
            "property" => Property(signature, how, isBodiless),
            "event" => $"{how}event {TypeName(After(signature))} {Before(signature)}{(isBodiless ? ";" : $" {{ add => {NoBody}; remove => {NoBody}; }}")}",
            "field" => $"{how}{(flags.Contains("readonly") ? "readonly " : "")}{TypeName(After(signature))} {Before(signature)};",
            "const" => $"{how}const {TypeName(After(signature).Split(" = ", 2)[0])} {Before(signature)} = {After(signature).Split(" = ", 2)[1]};",
            _ => throw new InvalidDataException($"An API list has a line that begins with '{kind}'."),
        };
    }

    private static string Method(string signature, string how, string[] flags, bool isBodiless)
    {
        var open = signature.IndexOf('(', StringComparison.Ordinal);
        var name = signature[..open];
        var (parameters, rest) = Parenthesized(signature[open..]);
        var result = TypeName(rest.TrimStart(' ', ':'));
        var body = isBodiless ? ";" : $" => {NoBody};";
        if (name is "op_Implicit" or "op_Explicit")
            return $"{how}{name[3..].ToLowerInvariant()} operator {result}({Parameters(parameters)}){body}";
        if (Operators.TryGetValue(name, out var sign))
            return $"{how}{result} operator {sign}({Parameters(parameters)}){body}";
        // An override has its base's constraints, and may not repeat them.
        return $"{how}{result} {name}({Parameters(parameters)}){(flags.Contains("override") ? "" : Constraints(flags))}{body}";
    }

    private static string Property(string signature, string how, bool isBodiless)
    {
        var accessors = signature[(signature.IndexOf(" {", StringComparison.Ordinal) + 2)..].TrimEnd('}', ' ');
        var head = signature[..signature.IndexOf(" {", StringComparison.Ordinal)];
        var indexed = head.StartsWith("this[", StringComparison.Ordinal) ? head[..(head.LastIndexOf("] : ", StringComparison.Ordinal) + 1)] : null;
        var name = indexed is null ? Before(head) : $"this[{Parameters(indexed["this[".Length..^1])}]";
        var type = TypeName(indexed is null ? After(head) : head[(indexed.Length + 3)..]);
        var bodies = accessors.Split(';', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)
            .Select(accessor => accessor.Replace("[", "").Replace("]", ""))
            .Select(accessor => isBodiless ? $"{accessor};" : $"{accessor} => {NoBody};");
        return $"{how}{type} {name} {{ {string.Join(' ', bodies)} }}";
    }

    /// <summary>What C# makes for every record, and forbids to write.</summary>
    private static bool IsMadeByTheCompiler(string type, string fact) =>
        (fact.StartsWith($"{type}.Equals(", StringComparison.Ordinal) && fact.Contains(" [override]")) || Regex.IsMatch(fact[type.Length..], @"^\.op_(Equality|Inequality)\(");

    private static string Attribute(string text) => text switch
    {
        "System.ObsoleteAttribute" => "[global::System.Obsolete] ",
        "System.FlagsAttribute" => "[global::System.Flags] ",
        _ => Regex.Replace(text, @"^System\.AttributeUsageAttribute\((.*); (.*); (.*)\)$", match =>
            $"[global::System.AttributeUsage({string.Join(" | ", match.Groups[1].Value.Split(", ").Select(target => "global::System.AttributeTargets." + target))}, {match.Groups[2]}, {match.Groups[3]})] "),
    };

    private static string Constraints(IEnumerable<string> flags) => string.Concat(flags
        .Where(flag => flag.StartsWith("where ", StringComparison.Ordinal))
        .Select(flag => flag.Split(" : ", 2))
        .Select(parts => $" {parts[0]} : {string.Join(", ", SplitAtCommas(parts[1]).Select(part => part is "class" or "struct" or "new()" ? part : TypeName(part)))}"));

    private static string Parameters(string text) => string.Join(", ", SplitAtCommas(text).Select(Parameter));

    private static string Parameter(string text)
    {
        var parts = text.Split(" = ", 2);
        var words = parts[0];
        var modifiers = Regex.Match(words, "^((this|params|ref|out|in) )*").Value;
        var space = words.LastIndexOf(' ');
        var type = TypeName(words[modifiers.Length..space]);
        var value = parts.Length == 1 ? "" : parts[1] is var literal && (char.IsAsciiDigit(literal[0]) || literal[0] == '-') ? $" = ({EnumOrNumber(type)})({literal})" : $" = {literal}";
        return $"{modifiers}{type} @{words[(space + 1)..]}{value}";
    }

    /// <summary>A number that stands for the default of a nullable type is one of the type below.</summary>
    private static string EnumOrNumber(string type) => Regex.Replace(type, @"^global::System\.Nullable<(.*)>$", "$1");

    /// <summary>A type as C# writes it: full names from the root, so that no namespace of the stubs hides another.</summary>
    private static string TypeName(string name) => name == "System.Void" ? "void"
        : Regex.Replace(name, @"(?<![\w.>])(ref )?([A-Za-z_]\w*(?:\.\w+)+)", "$1global::$2");

    private string OwnerOf(string fact) => kinds.Keys
        .Where(type => fact.Length > type.Length && fact.StartsWith(type, StringComparison.Ordinal) && fact[type.Length] is '.' or '(')
        .Where(type => fact.StartsWith(type, StringComparison.Ordinal))
        .MaxBy(type => type.Length) ?? throw new InvalidDataException($"An API list has a member without its type: {fact}");

    private string? OuterOf(string type) => kinds.Keys
        .Where(outer => outer.Length < type.Length && type.StartsWith(outer + ".", StringComparison.Ordinal))
        .MaxBy(outer => outer.Length);

    /// <summary>Where the last part of a dotted name begins; its type arguments may have dots.</summary>
    private static int SimpleNameAt(string type)
    {
        var open = type.EndsWith('>') ? type.LastIndexOf('<') : type.Length;
        return type.LastIndexOf('.', open - 1) + 1;
    }

    private static (string Text, string[] Flags) Flags(string text)
    {
        var found = Regex.Matches(text, @" \[((?:protected internal|[a-z]+|where [^\]]*(?:\[\][^\]]*)*))\](?=$| \[)");
        var flags = found.Select(match => match.Groups[1].Value).ToArray();
        var at = found.Count == 0 ? text.Length : found[0].Index;
        return (text[..at], flags);
    }

    private static (string Inside, string Text) Parenthesized(string text)
    {
        var end = SplitPoints(text[1..], ')').First() + 1;
        return (text[1..end], text[(end + 1)..]);
    }

    private static IEnumerable<string> SplitAtCommas(string text)
    {
        var from = 0;
        foreach (var at in SplitPoints(text, ',').Append(text.Length))
        {
            if (text[from..at].Trim() is { Length: > 0 } part)
                yield return part;
            from = at + 1;
        }
    }

    /// <summary>Where a sign stands outside of brackets and of string literals.</summary>
    private static IEnumerable<int> SplitPoints(string text, char sign)
    {
        var depth = 0;
        var quoted = false;
        for (var i = 0; i < text.Length; i++)
        {
            if (text[i] == '"' && (i == 0 || text[i - 1] != '\\'))
                quoted = !quoted;
            if (quoted)
                continue;
            if (text[i] == sign && depth == 0)
                yield return i;
            depth += text[i] switch { '(' or '<' or '[' => 1, ')' or '>' or ']' => -1, _ => 0 };
        }
    }

    private static string Before(string signature) => signature.Split(" : ", 2)[0];

    private static string After(string signature) => signature.Split(" : ", 2)[1];
}
