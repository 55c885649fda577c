using System.Globalization;
using System.Reflection;
using System.Text;

namespace Architecture.Tests.AzureApi;

/// <summary>
/// Turns the visible (public and protected) surface of an assembly into normalized lines, one fact a line.
/// Uses only reflection that works both on loaded assemblies and inside a MetadataLoadContext, so a test can
/// feed it <c>typeof(X).Assembly</c> and compare with a stored list by set operations.
/// </summary>
/// <remarks>
/// Line forms (FQ = namespace-qualified name, nested types joined with '.', generic parameters by name):
///   type FQ : class|struct|interface|enum|delegate|record [abstract] [sealed] [static] [readonly] [where ...]
///   base FQ : FQ                      (classes only; System.Object left out)
///   implements FQ : FQ                (every visible interface, inherited ones included, one a line)
///   ctor FQ(parameters) [protected]
///   method FQ.Name&lt;T&gt;(parameters) : FQ [static] [abstract] [virtual] [override] [sealed] [protected] [where ...]
///   property FQ.Name : FQ { get; set; } [flags] [required]     (indexers: FQ.this[parameters]; init-only: init)
///   event FQ.Name : FQ [flags]
///   field FQ.Name : FQ [static] [readonly]
///   const FQ.Name : FQ = value
///   enum FQ.Name = value
///   attribute FQ : ...                (AttributeUsage, Flags, Obsolete on types; Obsolete on members)
///   forward FQ                        (type forwarded to another assembly)
/// A parameter is "[this ][params ][ref |out |in ]FQ name" and, when optional, " = value"; a null or
/// default(struct) value is written "default", an enum value as its number.
/// </remarks>
internal static class ApiLines
{
    private const string CompilerServices = "System.Runtime.CompilerServices.";

    private const BindingFlags Declared =
        BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Instance | BindingFlags.Static | BindingFlags.DeclaredOnly;

    public static IEnumerable<string> OfAssembly(Assembly assembly, Func<Type, bool>? filter = null) =>
    [
        .. assembly.GetTypes().Where(IsVisible).Where(filter ?? (_ => true)).OrderBy(Name, StringComparer.Ordinal).SelectMany(OfType),
        .. Forwards(assembly),
    ];

    private static IEnumerable<string> OfType(Type type) =>
        type.IsEnum ? [.. Head(type), .. EnumValues(type)]
        : IsDelegate(type) ? [.. Head(type), Invocation(type)]
        : [.. Head(type), .. Members(type).Order(StringComparer.Ordinal)];

    private static IEnumerable<string> Head(Type type)
    {
        var fq = Name(type);
        yield return $"type {fq} : {Kind(type)}{Constraints(type.IsGenericTypeDefinition ? type.GetGenericArguments() : [])}";

        if (type.IsClass && type.BaseType is { } b && b.FullName is not ("System.Object" or "System.MulticastDelegate"))
            yield return $"base {fq} : {Name(b)}";

        var interfaces = type.IsEnum || IsDelegate(type) ? [] : type.GetInterfaces();
        foreach (var i in interfaces.Where(IsVisible).Select(Name).Order(StringComparer.Ordinal))
            yield return $"implements {fq} : {i}";

        foreach (var a in Attributes(type.GetCustomAttributesData(), onType: true))
            yield return $"attribute {fq} : {a}";
    }

    private static IEnumerable<string> EnumValues(Type type) =>
        type.GetFields(BindingFlags.Public | BindingFlags.Static)
            .Select(f => $"enum {Name(type)}.{f.Name} = {Convert.ToString(f.GetRawConstantValue(), CultureInfo.InvariantCulture)}");

    private static string Invocation(Type type)
    {
        var invoke = type.GetMethod("Invoke")!;
        return $"method {Name(type)}.Invoke({Parameters(invoke)}) : {Name(invoke.ReturnType)}";
    }

    private static IEnumerable<string> Members(Type type)
    {
        IEnumerable<(string Line, MemberInfo Member)> all =
        [
            .. type.GetConstructors(Declared).Where(c => !c.IsStatic && IsVisible(c)).Select(c => (Constructor(c), (MemberInfo)c)),
            .. type.GetMethods(Declared).Where(IsOrdinary).Select(m => (Method(m), (MemberInfo)m)),
            .. type.GetProperties(Declared).Where(p => p.GetAccessors(true).Any(IsVisible)).Select(p => (Property(p), (MemberInfo)p)),
            .. type.GetEvents(Declared).Where(e => e.AddMethod is { } add && IsVisible(add)).Select(e => (Event(e), (MemberInfo)e)),
            .. type.GetFields(Declared).Where(f => IsVisible(f) && !f.IsSpecialName).Select(f => (Field(f), (MemberInfo)f)),
        ];
        foreach (var (line, member) in all)
        {
            yield return line;
            foreach (var a in Attributes(member.GetCustomAttributesData(), onType: false))
                yield return $"attribute {line[(line.IndexOf(' ') + 1)..]} : {a}";
        }
    }

    private static string Constructor(ConstructorInfo c) => $"ctor {Name(c.DeclaringType!)}({Parameters(c)}){Access(c)}";

    /// <summary>Not an accessor, and not one of the methods that the compiler makes for records and local functions.</summary>
    private static bool IsOrdinary(MethodInfo m) =>
        IsVisible(m) && !m.Name.Contains('<') && (!m.IsSpecialName || m.Name.StartsWith("op_", StringComparison.Ordinal));

    private static string Method(MethodInfo m)
    {
        var generic = m.IsGenericMethodDefinition ? m.GetGenericArguments() : [];
        var args = generic.Length == 0 ? "" : $"<{string.Join(", ", generic.Select(g => g.Name))}>";
        var result = (m.ReturnType.IsByRef ? "ref " : "") + Name(m.ReturnType);
        return $"method {Name(m.DeclaringType!)}.{m.Name}{args}({Parameters(m)}) : {result}{Flags(m)}{Access(m)}{Constraints(generic)}";
    }

    private static string Property(PropertyInfo p)
    {
        var get = p.GetMethod is { } g && IsVisible(g) ? g : null;
        var set = p.SetMethod is { } s && IsVisible(s) ? s : null;
        var any = get ?? set!;
        var sameAccess = get is null || set is null || Access(get) == Access(set);

        var accessors = new StringBuilder();
        if (get is not null)
            accessors.Append(sameAccess ? "" : Access(get)).Append(" get;");
        if (set is not null)
            accessors.Append(sameAccess ? "" : Access(set)).Append(IsInit(set) ? " init;" : " set;");

        var index = p.GetIndexParameters();
        var name = index.Length == 0 ? p.Name : $"this[{string.Join(", ", index.Select(Parameter))}]";
        var required = Has(p.GetCustomAttributesData(), CompilerServices + "RequiredMemberAttribute") ? " [required]" : "";
        var access = sameAccess ? Access(any) : "";
        return $"property {Name(p.DeclaringType!)}.{name} : {Name(p.PropertyType)} {{{accessors} }}{Flags(any)}{access}{required}";
    }

    private static bool IsInit(MethodInfo set) => set.ReturnParameter.GetRequiredCustomModifiers()
        .Any(t => t.FullName == CompilerServices + "IsExternalInit");

    private static string Event(EventInfo e) =>
        $"event {Name(e.DeclaringType!)}.{e.Name} : {Name(e.EventHandlerType!)}{Flags(e.AddMethod!)}{Access(e.AddMethod!)}";

    private static string Field(FieldInfo f)
    {
        var name = $"{Name(f.DeclaringType!)}.{f.Name} : {Name(f.FieldType)}";
        var access = f.IsPublic ? "" : f.IsFamily ? " [protected]" : " [protected internal]";
        return f.IsLiteral
            ? $"const {name} = {Literal(f.GetRawConstantValue())}{access}"
            : $"field {name}{(f.IsStatic ? " [static]" : "")}{(f.IsInitOnly ? " [readonly]" : "")}{access}";
    }

    /// <summary>The name of a type as the lines write it.</summary>
    public static string Name(Type type)
    {
        if (type.IsByRef)
            return Name(type.GetElementType()!);

        if (type.IsArray)
            return Name(type.GetElementType()!) + "[" + new string(',', type.GetArrayRank() - 1) + "]";

        if (type.IsPointer)
            return Name(type.GetElementType()!) + "*";

        if (type.IsGenericParameter)
            return type.Name;

        var chain = new Stack<Type>();
        for (Type? t = type; t is not null; t = t.DeclaringType)
            chain.Push(t);

        // A nested type of a generic type carries the outer type's arguments first.
        var arguments = new Queue<Type>(type.IsGenericType ? type.GetGenericArguments() : []);
        var names = chain.Select(t =>
        {
            var parts = t.Name.Split('`');
            var arity = parts.Length == 1 ? 0 : int.Parse(parts[1], CultureInfo.InvariantCulture);
            var own = Enumerable.Range(0, arity).Select(_ => Name(arguments.Dequeue())).ToArray();
            return arity == 0 ? parts[0] : $"{parts[0]}<{string.Join(", ", own)}>";
        });
        return (string.IsNullOrEmpty(type.Namespace) ? "" : type.Namespace + ".") + string.Join('.', names);
    }

    private static IEnumerable<string> Forwards(Assembly assembly)
    {
        Type[] forwarded;
        try
        {
            forwarded = assembly.GetForwardedTypes();
        }
        catch (Exception e) when (e is NotSupportedException or ReflectionTypeLoadException or FileNotFoundException)
        {
            forwarded = [];
        }

        return forwarded.Where(t => t.IsPublic).Select(t => "forward " + Name(t)).Order(StringComparer.Ordinal);
    }

    private static string Kind(Type type)
    {
        if (type.IsEnum)
            return "enum";

        if (IsDelegate(type))
            return "delegate";

        if (type.IsInterface)
            return "interface";

        if (type.IsValueType)
            return "struct" + (Has(type.GetCustomAttributesData(), CompilerServices + "IsReadOnlyAttribute") ? " [readonly]" : "");

        var kind = type.GetMethods(Declared).Any(m => m.Name == "<Clone>$") ? "record" : "class";
        return kind + (type.IsAbstract && type.IsSealed ? " [static]" : type.IsAbstract ? " [abstract]" : type.IsSealed ? " [sealed]" : "");
    }

    private static string Flags(MethodInfo m)
    {
        if (m.DeclaringType!.IsInterface)
            return (m.IsStatic ? " [static]" : "") + (m.IsAbstract ? "" : m.IsStatic ? "" : " [default]");

        if (m.IsStatic)
            return " [static]";

        var newSlot = (m.Attributes & MethodAttributes.NewSlot) != 0;
        if (!m.IsVirtual || (m.IsFinal && newSlot))
            return ""; // not virtual in C#: a sealed new slot only implements an interface

        if (newSlot)
            return m.IsAbstract ? " [abstract]" : " [virtual]";

        return (m.IsAbstract ? " [abstract]" : "") + " [override]" + (m.IsFinal ? " [sealed]" : "");
    }

    private static string Access(MethodBase m) => m.IsPublic ? "" : m.IsFamily ? " [protected]" : " [protected internal]";

    private static string Parameters(MethodBase m)
    {
        var all = m.GetParameters().Select(Parameter).ToArray();
        if (all.Length > 0 && Has(m.GetCustomAttributesData(), CompilerServices + "ExtensionAttribute"))
            all[0] = "this " + all[0];

        return string.Join(", ", all);
    }

    private static string Parameter(ParameterInfo p)
    {
        var by = !p.ParameterType.IsByRef ? "" : p.IsOut ? "out " : p.IsIn ? "in " : "ref ";
        var many = Has(p.GetCustomAttributesData(), "System.ParamArrayAttribute") ? "params " : "";
        var optional = p.IsOptional ? " = " + (p.HasDefaultValue ? Literal(p.RawDefaultValue) : "default") : "";
        return many + by + Name(p.ParameterType) + " " + p.Name + optional;
    }

    private static string Literal(object? value) => value switch
    {
        null or Missing or DBNull => "default",
        string s => "\"" + s.Replace("\\", "\\\\").Replace("\"", "\\\"") + "\"",
        bool b => b ? "true" : "false",
        char c => "'" + c + "'",
        IFormattable f => f.ToString(null, CultureInfo.InvariantCulture),
        _ => value.ToString() ?? "",
    };

    private static string Constraints(Type[] parameters) => string.Concat(parameters
        .Select(p => (p.Name, Parts: ConstraintsOf(p).ToArray()))
        .Where(p => p.Parts.Length > 0)
        .Select(p => $" [where {p.Name} : {string.Join(", ", p.Parts)}]"));

    private static IEnumerable<string> ConstraintsOf(Type parameter)
    {
        var flags = parameter.GenericParameterAttributes;
        var isStruct = flags.HasFlag(GenericParameterAttributes.NotNullableValueTypeConstraint);
        if (flags.HasFlag(GenericParameterAttributes.ReferenceTypeConstraint))
            yield return "class";
        if (isStruct)
            yield return "struct";
        var types = parameter.GetGenericParameterConstraints().Where(t => t.FullName != "System.ValueType").Select(Name);
        foreach (var type in types.Order(StringComparer.Ordinal))
            yield return type;
        if (!isStruct && flags.HasFlag(GenericParameterAttributes.DefaultConstructorConstraint))
            yield return "new()";
    }

    private static IEnumerable<string> Attributes(IList<CustomAttributeData> data, bool onType)
    {
        foreach (var d in data)
        {
            var name = d.AttributeType.FullName;
            if (name == "System.ObsoleteAttribute" && !IsCompilersMarker(d))
                yield return name;
            else if (name == "System.FlagsAttribute" && onType)
                yield return name;
            else if (name == "System.AttributeUsageAttribute" && onType)
                yield return $"{name}({Targets(d)}; {Flag(d, "AllowMultiple", false)}; {Flag(d, "Inherited", true)})";
        }
    }

    /// <summary>The compiler marks the constructors of types with required members as obsolete, for older compilers.</summary>
    private static bool IsCompilersMarker(CustomAttributeData d) =>
        d.ConstructorArguments.FirstOrDefault().Value is string text && text.Contains("required members", StringComparison.Ordinal);

    private static AttributeTargets Targets(CustomAttributeData usage) =>
        (AttributeTargets)Convert.ToInt32(usage.ConstructorArguments[0].Value, CultureInfo.InvariantCulture);

    private static string Flag(CustomAttributeData d, string name, bool unset)
    {
        var set = d.NamedArguments.Where(x => x.MemberName == name).Select(x => (bool)x.TypedValue.Value!);
        return $"{name}={(set.FirstOrDefault(unset) ? "true" : "false")}";
    }

    private static bool Has(IList<CustomAttributeData> data, string fullName) => data.Any(d => d.AttributeType.FullName == fullName);

    private static bool IsDelegate(Type type) => type.BaseType?.FullName == "System.MulticastDelegate";

    private static bool IsVisible(FieldInfo f) => f.IsPublic || f.IsFamily || f.IsFamilyOrAssembly;

    private static bool IsVisible(MethodBase m) => m.IsPublic || m.IsFamily || m.IsFamilyOrAssembly;

    private static bool IsVisible(Type type)
    {
        if (type.IsConstructedGenericType)
            return IsVisible(type.GetGenericTypeDefinition()) && type.GetGenericArguments().All(IsVisible);

        if (type.IsGenericParameter)
            return true;

        if (type.HasElementType)
            return IsVisible(type.GetElementType()!);

        return type.IsNested
            ? (type.IsNestedPublic || type.IsNestedFamily || type.IsNestedFamORAssem) && IsVisible(type.DeclaringType!)
            : type.IsPublic;
    }
}
