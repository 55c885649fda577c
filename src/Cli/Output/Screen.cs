using System.Globalization;
using System.Text;
using System.Text.Json;
using Spectre.Console;

namespace Cli;

/// <summary>Where a command's answer goes: one JSON document, or tables for people. Errors and progress have a stream of their own.</summary>
internal sealed class Screen
{
    /// <summary>Into a file or a pipe nothing is wrapped.</summary>
    private const int WidthOfFiles = 2_000;

    private const int MostOfACell = 400;

    private readonly Surroundings surroundings;

    public Screen(Surroundings surroundings, bool isJson)
    {
        (this.surroundings, IsJson) = (surroundings, isJson);
        Out = Console(surroundings.Out);
        Error = Console(surroundings.Error);
    }

    public bool IsJson { get; }

    public IAnsiConsole Out { get; }

    public IAnsiConsole Error { get; }

    /// <summary>Live progress would only fill a file.</summary>
    public bool IsLive => surroundings.IsTerminal && !IsJson;

    /// <summary>The answer: as it is, or as people read it.</summary>
    public void Show(JsonElement answer, Action<IAnsiConsole> forPeople)
    {
        if (IsJson)
            surroundings.Out.WriteLine(answer.Indented());
        else
            forPeople(Out);
    }

    /// <summary>A list as a table; columns are "header=path" or the path alone.</summary>
    public void ShowList(JsonElement answer, string name, string none, params string[] columns) => Show(answer, console => Rows(console, answer.Items(name), none, columns));

    /// <summary>All members of an object, one a line.</summary>
    public void ShowOne(JsonElement answer) => Show(answer, console => Members(console, answer));

    public void Say(string line)
    {
        if (!IsJson)
            surroundings.Out.WriteLine(line);
    }

    /// <summary>On the stream of errors, also beside a JSON document.</summary>
    public void Note(string line) => surroundings.Error.WriteLine(Plain(line));

    public void Raw(string text) => surroundings.Out.Write(text);

    public static void Rows(IAnsiConsole console, IReadOnlyList<JsonElement> items, string none, params string[] columns)
    {
        if (items.Count == 0)
        {
            console.WriteLine(none);
            return;
        }
        var table = new Table().Border(TableBorder.Simple);
        foreach (var column in columns)
            table.AddColumn(new TableColumn(new Text(column.Split('=')[0])) { NoWrap = column is "id" or "state" });
        foreach (var item in items)
            table.AddRow(columns.Select(column => (Spectre.Console.Rendering.IRenderable)new Text(Cell(item.Member(column.Split('=')[^1])))));
        console.Write(table);
    }

    public static void Members(IAnsiConsole console, JsonElement answer)
    {
        var members = answer.EnumerateObject().Where(member => member.Name != "links" && member.Value.ValueKind != JsonValueKind.Null).Select(member => (Name: Plain(member.Name), Value: Cell(member.Value))).ToArray();
        var width = members.Max(member => (int?)member.Name.Length) ?? 0;
        foreach (var (name, value) in members)
            console.Profile.Out.Writer.WriteLine($"{name.PadRight(width)}  {value}".TrimEnd());
    }

    public static string Cell(JsonElement? value)
    {
        var text = value switch
        {
            null => "",
            { ValueKind: JsonValueKind.String } one => Time(one.GetString()!),
            { ValueKind: JsonValueKind.Array } list when list.EnumerateArray().All(item => item.ValueKind is JsonValueKind.String or JsonValueKind.Number) => string.Join(", ", list.EnumerateArray().Select(item => item.ToString())),
            { } other => other.Compact(),
        };
        return Plain(text.Length <= MostOfACell ? text : $"{text[..MostOfACell]}…");
    }

    /// <summary>What a tenant has written is shown, and not obeyed: an escape sequence could rewrite the screen.</summary>
    public static string Plain(string text)
    {
        if (!text.Any(IsObeyed))
            return text;
        var plain = new StringBuilder(text.Length);
        foreach (var one in text)
            plain.Append(one is '\n' or '\t' ? ' ' : IsObeyed(one) ? '\uFFFD' : one);
        return plain.ToString();
    }

    /// <summary>Also what turns the direction of writing, or hides what follows.</summary>
    private static bool IsObeyed(char one) => char.GetUnicodeCategory(one) is UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator;

    /// <summary>Times to the second.</summary>
    private static string Time(string text) =>
        text.Length is > 18 and < 40 && text[10] == 'T' && DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var time)
            ? time.UtcDateTime.ToString("yyyy-MM-dd HH:mm:ss'Z'", CultureInfo.InvariantCulture)
            : text;

    private IAnsiConsole Console(TextWriter writer)
    {
        var console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Out = new AnsiConsoleOutput(writer),
            Ansi = surroundings.IsTerminal ? AnsiSupport.Detect : AnsiSupport.No,
            ColorSystem = surroundings.IsTerminal ? ColorSystemSupport.Detect : ColorSystemSupport.NoColors,
            Interactive = surroundings.IsTerminal ? InteractionSupport.Detect : InteractionSupport.No,
        });
        if (!surroundings.IsTerminal)
            console.Profile.Width = WidthOfFiles;
        return console;
    }
}
