namespace Infra.Tests;

/// <summary>A node of a syntax tree, as grammar/parse.mjs prints it.</summary>
internal sealed record Node(string Type, int Row, string Text, string? Field, bool Error, Node[] Nodes)
{
    public IEnumerable<Node> WithAllBelow => Nodes.SelectMany(node => node.WithAllBelow).Prepend(this);

    public IEnumerable<Node> Of(string type) => Nodes.Where(node => node.Type == type);

    public Node? At(string field) => Nodes.FirstOrDefault(node => node.Field == field);

    /// <summary>The text of a string without its quotes; what it interpolates stands as ${…}.</summary>
    public string Unquoted => Text.Trim('\'');

    /// <summary>The values of an object by their keys.</summary>
    public IReadOnlyDictionary<string, Node> Properties => Of("object_property")
        .GroupBy(property => property.Nodes[0].Unquoted, property => property.Nodes[^1], StringComparer.Ordinal)
        .ToDictionary(group => group.Key, group => group.First(), StringComparer.Ordinal);

    /// <summary>Follows keys through objects.</summary>
    public Node? Path(params string[] keys) => keys.Aggregate<string, Node?>(this, (node, key) => node?.Properties.GetValueOrDefault(key));
}
