namespace Weir;

/// <summary>
/// Turns a payload of an older contract version into the next newer one, so that jobs in the old form are still accepted and those that wait
/// are still run. Found in the handler's assembly; chained when there are several versions. Made once, with its parameterless constructor, and
/// called for every such job: a pure function.
/// </summary>
/// <typeparam name="TOld">A record with <see cref="ContractVersionAttribute"/>.</typeparam>
/// <typeparam name="TNew">The contract of a handler, or the <typeparamref name="TOld"/> of another upcast.</typeparam>
public interface IUpcast<in TOld, out TNew>
{
    TNew Upcast(TOld old);
}

/// <summary>Says which version of its job type's contract a record was: <c>[ContractVersion(1)] public sealed record CrmContactV1(…)</c>.</summary>
[AttributeUsage(AttributeTargets.Class | AttributeTargets.Struct, Inherited = false)]
public sealed class ContractVersionAttribute(int version) : Attribute
{
    public int Version { get; } = version;
}
