using System.Text.RegularExpressions;

namespace Infra.Tests;

/// <summary>A Bicep file, taken apart: what it declares, and what it says of each.</summary>
internal sealed class BicepFile(string path, Node tree)
{
    public string Path => path;

    public Node Tree => tree;

    public string Folder { get; } = System.IO.Path.GetDirectoryName(path)!;

    public IReadOnlyDictionary<string, Parameter> Parameters { get; } = tree.Of("parameter_declaration")
        .ToDictionary(node => node.Nodes[0].Text, node => new Parameter(node.Nodes[1].Text, HasDefault: node.Nodes.Length > 2), StringComparer.Ordinal);

    public IReadOnlyList<Node> Variables { get; } = [.. tree.Of("variable_declaration")];

    public IReadOnlyList<Declared> Resources { get; } = [.. tree.Of("resource_declaration").Select(Declared.Of)];

    public IReadOnlyList<Declared> Modules { get; } = [.. tree.Of("module_declaration").Select(Declared.Of)];

    public IReadOnlySet<string> Outputs { get; } = tree.Of("output_declaration").Select(node => node.Nodes[0].Text).ToHashSet(StringComparer.Ordinal);

    public IEnumerable<(string Name, string From)> Imports =>
        tree.Of("import_functionality").SelectMany(node => node.Of("identifier").Select(name => (name.Text, node.Of("string").Single().Unquoted)));

    public IEnumerable<string> Types => tree.Of("type_declaration").Select(node => node.Nodes[0].Text);

    /// <summary>The value that a variable is declared with.</summary>
    public Node? Variable(string name) => Variables.FirstOrDefault(node => node.Nodes[0].Text == name)?.Nodes[^1];

    internal sealed record Parameter(string Type, bool HasDefault)
    {
        public bool IsRequired => !HasDefault && !Type.EndsWith('?');
    }

    /// <summary>A resource or a module: its symbol, its type or path, its body without loop and condition, what it loops over.</summary>
    internal sealed record Declared(string Symbol, string What, Node Body, Node? Loop, Node Whole)
    {
        public string ResourceType => What.Split('@')[0];

        public static Declared Of(Node node)
        {
            var loop = node.WithAllBelow.FirstOrDefault(below => below.Type == "for_statement" && node.Nodes.Contains(below));
            var body = node.Nodes[^1];
            while (body.Type is "for_statement" or "if_statement")
                body = body.Nodes[^1];
            return new(node.Nodes[0].Text, Regex.Replace(node.Nodes[1].Text, "^'|'$", ""), body, loop, node);
        }
    }
}
