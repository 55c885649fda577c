using System.Collections.Concurrent;
using System.Text.RegularExpressions;
using Architecture.Tests.AzureApi;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;

namespace Architecture.Tests.AzureBuild;

/// <summary>An assembly for each official package, made of its API list: every public member is there, none does anything.</summary>
internal sealed class Stubs(IReadOnlyList<MetadataReference> framework)
{
    private static readonly CSharpParseOptions Parsing = new(LanguageVersion.Latest);

    /// <summary>Roslyn's default would take the generated code for a program of its own and warn about it.</summary>
    private static readonly CSharpCompilationOptions Compiling = new(
        OutputKind.DynamicallyLinkedLibrary, warningLevel: 0, allowUnsafe: true, nullableContextOptions: NullableContextOptions.Disable);

    /// <summary>Types of packages without a list, or with a list of one type: what speaks of the others is left out, so nothing can use it.</summary>
    private static readonly Regex Unlisted = new(@"(?<![\w.])(Azure\.Core\.Amqp\.|DurableTask\.Core\.(?!Exceptions\.OrchestrationAlreadyExistsException))");

    private static readonly SymbolDisplayFormat Full = SymbolDisplayFormat.FullyQualifiedFormat;

    private readonly ConcurrentDictionary<string, byte[]> images = new(StringComparer.Ordinal);

    /// <summary>The assembly of a package, and those of what it brings.</summary>
    public MetadataReference this[string package] => MetadataReference.CreateFromImage(Image(package));

    /// <summary>The lines of its list that a stub can have.</summary>
    public static IEnumerable<string> Lines(string package) => OfficialApi.Lines(package)
        .Where(line => !line.StartsWith("forward ", StringComparison.Ordinal) && !Unlisted.IsMatch(line));

    public byte[] Image(string package) => images.GetOrAdd(package, Compile);

    private byte[] Compile(string package)
    {
        var below = PackageClosure.Of([package]).Where(other => other != package && PackageClosure.HasList(other)).Select(other => this[other]);
        var listed = CSharpSyntaxTree.ParseText(StubSource.Of(Lines(package)), Parsing);
        var first = CSharpCompilation.Create(package, [listed], [.. framework, .. below], Compiling);
        var whole = first.AddSyntaxTrees(CSharpSyntaxTree.ParseText(UnlistedImplementations(first), Parsing));

        using var image = new MemoryStream();
        var result = whole.Emit(image, options: new(metadataOnly: true));
        Expect.None(result.Diagnostics.Where(diagnostic => diagnostic.Severity == DiagnosticSeverity.Error).Select(error => $"  {error}\n    {LineOf(error)}"),
            $"The list of {package} does not make an assembly:");
        return image.ToArray();
    }

    /// <summary>The lists leave out explicit implementations of interface members; C# wants them all the same.</summary>
    private static string UnlistedImplementations(CSharpCompilation compilation)
    {
        var parts =
            from type in TypesIn(compilation.Assembly.GlobalNamespace)
            where type.TypeKind is TypeKind.Class or TypeKind.Struct
            from contract in type.AllInterfaces
            from member in contract.GetMembers()
            where member is IMethodSymbol { MethodKind: MethodKind.Ordinary } or IPropertySymbol or IEventSymbol
            where member.IsAbstract && type.FindImplementationForInterfaceMember(member) is null
            select $"namespace {type.ContainingNamespace} {{ {Wrap(type, Explicit(member))} }}";
        return "#nullable disable\n" + string.Join('\n', parts);
    }

    private static string Wrap(INamedTypeSymbol type, string member)
    {
        var kind = type.IsRecord ? "record" : type.TypeKind == TypeKind.Struct ? "struct" : "class";
        var name = type.ToDisplayString(SymbolDisplayFormat.MinimallyQualifiedFormat.WithMiscellaneousOptions(SymbolDisplayMiscellaneousOptions.None)).Split('.')[^1];
        var text = $"partial {kind} {name} {{ {member} }}";
        return type.ContainingType is { } outer ? Wrap(outer, text) : text;
    }

    private static string Explicit(ISymbol member)
    {
        var owner = member.ContainingType.ToDisplayString(Full);
        return member switch
        {
            IMethodSymbol method => $"{method.ReturnType.ToDisplayString(Full)} {owner}.{method.Name}{(method.IsGenericMethod ? $"<{string.Join(", ", method.TypeParameters)}>" : "")}({Parameters(method.Parameters)}) => throw null;",
            IPropertySymbol property => $"{property.Type.ToDisplayString(Full)} {owner}.{(property.IsIndexer ? $"this[{Parameters(property.Parameters)}]" : property.Name)} {{ "
                + $"{(property.GetMethod is null ? "" : "get => throw null; ")}{(property.SetMethod is null ? "" : property.SetMethod.IsInitOnly ? "init => throw null; " : "set => throw null; ")}}}",
            IEventSymbol happening => $"event {happening.Type.ToDisplayString(Full)} {owner}.{happening.Name} {{ add => throw null; remove => throw null; }}",
            _ => throw new InvalidOperationException($"An interface member of kind {member.Kind}."),
        };
    }

    private static string Parameters(IEnumerable<IParameterSymbol> parameters) => string.Join(", ", parameters.Select(parameter =>
        $"{parameter.RefKind switch { RefKind.Out => "out ", RefKind.Ref => "ref ", RefKind.In => "in ", _ => "" }}{parameter.Type.ToDisplayString(Full)} @{parameter.Name}"));

    private static IEnumerable<INamedTypeSymbol> TypesIn(INamespaceOrTypeSymbol symbol) => symbol.GetMembers().OfType<INamespaceOrTypeSymbol>()
        .SelectMany(member => member is INamedTypeSymbol type ? TypesIn(type).Prepend(type) : TypesIn(member));

    private static string LineOf(Diagnostic diagnostic) => diagnostic.Location.SourceTree is { } tree
        ? tree.GetText().Lines[diagnostic.Location.GetLineSpan().StartLinePosition.Line].ToString()
        : "";
}
