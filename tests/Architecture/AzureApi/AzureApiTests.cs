using System.Reflection;

namespace Architecture.Tests.AzureApi;

/// <summary>AzureLocal invents nothing: what compiles against it compiles against the official packages.</summary>
public sealed class AzureApiTests
{
    public static TheoryData<string> AzureLocalAssemblies =>
        [.. Repository.Projects.Where(project => project.IsAzureLocal).Select(project => project.Assembly)];

    [Theory, MemberData(nameof(AzureLocalAssemblies))]
    public void Every_public_member_of_AzureLocal_is_official(string assembly)
    {
        var local = ApiLines.OfAssembly(Assembly.Load(assembly)).ToArray();
        var official = OfficialApi.Of(assembly);
        var complaints = official.Complaints(local).ToArray();

        var rule = official.IsEmpty
            ? $"{assembly} has no list in tests/Architecture/azure-api, so it may have no public type"
            : $"{assembly} differs from the official API in {complaints.Length} of {local.Length} lines";
        Expect.None(complaints, $"{rule}:");
    }

    /// <summary>
    /// A subset may leave members out, but not from a type that the app itself derives from: the official compiler would ask for them.
    /// </summary>
    [Fact]
    public void What_the_app_derives_from_is_complete()
    {
        var azureLocal = Repository.Projects.Where(project => project.IsAzureLocal).Select(project => project.Assembly).ToHashSet();
        var bases =
            from project in Repository.ProductProjects
            where !project.IsAzureLocal
            from type in Assembly.Load(project.Assembly).GetTypes()
            from parent in BasesOf(type)
            let assembly = parent.Assembly.GetName().Name!
            where azureLocal.Contains(assembly)
            select (assembly, Name: ApiLines.Name(parent.IsGenericType ? parent.GetGenericTypeDefinition() : parent));

        var missing =
            from parent in bases.Distinct()
            let local = ApiLines.OfAssembly(Assembly.Load(parent.assembly)).ToHashSet()
            from line in OfficialApi.Of(parent.assembly).AbstractMembersOf(parent.Name)
            where !local.Contains(line)
            select $"  {parent.assembly} lacks: {line}";

        Expect.None(missing, "The app derives from types whose abstract members are not all there:");
    }

    private static IEnumerable<Type> BasesOf(Type type)
    {
        for (var parent = type.BaseType; parent is not null; parent = parent.BaseType)
            yield return parent;
        foreach (var contract in type.GetInterfaces())
            yield return contract;
    }
}
