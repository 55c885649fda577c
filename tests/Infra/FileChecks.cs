using System.Text.RegularExpressions;

namespace Infra.Tests;

/// <summary>What the Bicep compiler would say first: syntax, names, modules and their parameters, resource types and their versions.</summary>
internal static class FileChecks
{
    /// <summary>Functions of Bicep that the files use. One that is not here is either misspelt or to be added.</summary>
    private static readonly string[] Functions =
    [
        "cidrSubnet", "concat", "contains", "empty", "environment", "filter", "flatten", "guid", "indexOf", "items", "join", "length", "loadJsonContent", "loadTextContent", "map",
        "range", "readEnvironmentVariable", "resourceGroup", "resourceId", "split", "string", "subscription", "subscriptionResourceId", "toLower", "toObject", "union", "uniqueString",
        "allowed", "description", "export", "maxLength", "maxValue", "minLength", "minValue", "secure",
    ];

    public static IEnumerable<string> Syntax(InfraFolder infra) =>
        from file in infra.Files.Concat(infra.ParameterFiles)
        from node in file.Tree.WithAllBelow
        where node.Error
        select $"  {infra.Name(file)}:{node.Row}: the grammar makes no sense of '{node.Text.Trim()}'.";

    public static IEnumerable<string> Names(InfraFolder infra) => infra.Files.Concat(infra.ParameterFiles).SelectMany(file => NamesIn(infra, file));

    public static IEnumerable<string> ResourceTypes(InfraFolder infra) =>
        from file in infra.Files
        from resource in file.Resources
        where !Facts.Schemas.Resources.ContainsKey(resource.What)
        select $"  {infra.Name(file)}: {resource.What} is not among the known types and versions (tests/Infra/facts/extract.mjs adds one).";

    public static IEnumerable<string> Modules(InfraFolder infra) =>
        from file in infra.Files
        from module in file.Modules
        from complaint in ModuleIn(infra, file, module)
        select $"  {infra.Name(file)}: module {module.Symbol}: {complaint}";

    /// <summary>Every <c>loadJsonContent</c>, <c>loadTextContent</c>, import and using names a file that is there, and what is imported is exported.</summary>
    public static IEnumerable<string> Files(InfraFolder infra)
    {
        foreach (var file in infra.Files.Concat(infra.ParameterFiles))
        {
            var loaded = file.Tree.WithAllBelow
                .Where(node => node.Type == "call_expression" && node.At("function")?.Text is "loadJsonContent" or "loadTextContent")
                .Select(node => node.At("arguments")!.Nodes[0].Unquoted);
            var used = file.Tree.Of("using_statement").Select(node => node.Of("string").Single().Unquoted);
            foreach (var name in loaded.Concat(used).Concat(file.Imports.Select(import => import.From)))
            {
                if (!infra.FileNames.Contains(Path.GetFullPath(name, file.Folder)))
                    yield return $"  {infra.Name(file)} names the file '{name}', which is not there.";
            }
            foreach (var (name, from) in file.Imports)
            {
                var source = infra.Files.FirstOrDefault(other => Path.GetFullPath(other.Path) == Path.GetFullPath(from, file.Folder));
                if (source is null || !source.Types.Contains(name))
                    yield return $"  {infra.Name(file)} imports {name}, which {from} does not export.";
            }
        }
    }

    private static IEnumerable<string> ModuleIn(InfraFolder infra, BicepFile file, BicepFile.Declared module)
    {
        var target = infra.Files.FirstOrDefault(other => Path.GetFullPath(other.Path) == Path.GetFullPath(module.What, file.Folder));
        if (target is null)
        {
            yield return $"there is no file '{module.What}'.";
            yield break;
        }
        var given = module.Body.Path("params")?.Properties.Keys.ToArray() ?? [];
        foreach (var unknown in given.Where(name => !target.Parameters.ContainsKey(name)))
            yield return $"{module.What} has no parameter '{unknown}'.";
        foreach (var missing in target.Parameters.Where(parameter => parameter.Value.IsRequired && !given.Contains(parameter.Key)))
            yield return $"{module.What} needs the parameter '{missing.Key}'.";
        foreach (Match use in Regex.Matches(file.Tree.Text, $@"\b{module.Symbol}(?:\[(?:[^\[\]]|\[[^\]]*\])*\])?!?\.outputs\.(\w+)"))
        {
            if (!target.Outputs.Contains(use.Groups[1].Value))
                yield return $"{module.What} has no output '{use.Groups[1].Value}'.";
        }
    }

    private static IEnumerable<string> NamesIn(InfraFolder infra, BicepFile file)
    {
        var isParameterFile = file.Path.EndsWith(".bicepparam", StringComparison.Ordinal);
        string[] declared =
        [
            .. file.Parameters.Keys, .. file.Variables.Select(node => node.Nodes[0].Text), .. file.Resources.Select(one => one.Symbol),
            .. file.Modules.Select(one => one.Symbol), .. file.Types, .. file.Imports.Select(import => import.Name),
        ];
        foreach (var twice in declared.GroupBy(name => name).Where(group => group.Count() > 1))
            yield return $"  {infra.Name(file)}: '{twice.Key}' is declared more than once.";

        var uses = Uses(file.Tree, []).ToArray();
        foreach (var (name, row) in uses.Where(use => !declared.Contains(use.Name) && !Functions.Contains(use.Name)))
            yield return $"  {infra.Name(file)}:{row}: '{name}' is not declared.";

        if (isParameterFile)
            yield break;
        var used = uses.Select(use => use.Name).ToHashSet(StringComparer.Ordinal);
        foreach (var unused in file.Parameters.Keys.Concat(file.Variables.Select(node => node.Nodes[0].Text)).Where(name => !used.Contains(name)))
            yield return $"  {infra.Name(file)}: '{unused}' is never used.";
    }

    /// <summary>The names that a tree uses, without those that loops and lambdas in it declare themselves.</summary>
    private static IEnumerable<(string Name, int Row)> Uses(Node node, string[] local)
    {
        if (node.Type == "identifier")
            return local.Contains(node.Text) ? [] : [(node.Text, node.Row)];

        switch (node.Type)
        {
            case "object_property": // its key is a name of its own, unless it is made
                return node.Nodes[0].Type == "identifier" ? node.Nodes[1..].SelectMany(below => Uses(below, local)) : node.Nodes.SelectMany(below => Uses(below, local));
            case "parameter_declaration" or "variable_declaration" or "resource_declaration" or "module_declaration" or "output_declaration" or "type_declaration":
                return node.Nodes[1..].SelectMany(below => Uses(below, local));
            case "import_functionality":
                return [];
            case "lambda_expression":
                string[] parameters = [.. node.Nodes[..^1].SelectMany(parameter => parameter.WithAllBelow).Where(leaf => leaf.Type == "identifier").Select(leaf => leaf.Text)];
                return Uses(node.Nodes[^1], [.. local, .. parameters]);
            case "for_statement":
                string[] variables = [.. node.WithAllBelow.Where(leaf => leaf.Type is "loop_variable" or "loop_enumerator").Select(leaf => leaf.Text), .. node.Nodes.Where(leaf => leaf.Field == "initializer").Select(leaf => leaf.Text)];
                return node.Nodes.Where(below => below.Field != "initializer").SelectMany(below => Uses(below, [.. local, .. variables]));
            default:
                return node.Nodes.SelectMany(below => Uses(below, local));
        }
    }
}
