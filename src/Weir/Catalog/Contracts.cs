using System.Reflection;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Weir.Catalog;

/// <summary>
/// The contract of a job type in every version that this build can read: the current one, and older ones that a chain of
/// <see cref="IUpcast{TOld, TNew}"/> leads from. A payload is checked against the version it was written in, and read through the chain.
/// </summary>
internal sealed class Contracts<TContract>
{
    private readonly string type;
    private readonly int current;
    private readonly Contract<TContract> contract = new();
    private readonly SortedDictionary<int, OldContract> old = [];

    /// <exception cref="InvalidOperationException">The upcasts do not fit together.</exception>
    public Contracts(string type, int version, Upcasts upcasts)
    {
        (this.type, current) = (type, version);
        if (VersionOf(typeof(TContract)) is { } said && said != version)
            throw new InvalidOperationException($"{type}: the job is at version {version}, but its contract {typeof(TContract).Name} says [ContractVersion({said})].");

        var (newer, newerVersion) = (typeof(TContract), version);
        Func<object, object> toCurrent = static payload => payload;
        while (upcasts.Into(newer, type) is { } upcast)
        {
            var olderVersion = VersionOf(upcast.Old)
                ?? throw new InvalidOperationException($"{type}: {upcast.Old.Name}, which {upcast.Name} reads, does not say its version; put [ContractVersion(n)] on it.");
            if (olderVersion < 1 || olderVersion >= newerVersion)
                throw new InvalidOperationException($"{type}: {upcast.Name} leads from version {olderVersion} to version {newerVersion}; the old version must be from 1 to {newerVersion - 1}.");
            var next = toCurrent;
            toCurrent = payload => next(upcast.Apply(payload));
            old.Add(olderVersion, new OldContract(ContractOf(upcast.Old), toCurrent));
            (newer, newerVersion) = (upcast.Old, olderVersion);
        }
    }

    /// <summary>The versions that can be read, the current one last.</summary>
    public IReadOnlyList<int> Versions => [.. old.Keys, current];

    public bool Knows(int version) => version == current || old.ContainsKey(version);

    public IReadOnlyList<ContractError> Check(int version, JsonElement payload) =>
        version == current ? contract.Check(payload)
        : old.TryGetValue(version, out var older) ? older.Contract.Check(payload)
        : [new("", NotServed(version))];

    /// <exception cref="JsonException">The payload cannot be read, or not be brought to the current version.</exception>
    public TContract Read(int version, ReadOnlySpan<byte> payload)
    {
        if (version == current)
            return contract.Read(payload);
        if (!old.TryGetValue(version, out var older))
            throw new JsonException(NotServed(version));

        var read = older.Contract.ReadObject(payload);
        try
        {
            return (TContract)older.ToCurrent(read);
        }
        catch (Exception failure) when (failure is not OperationCanceledException)
        {
            throw new JsonException($"A payload of version {version} of '{type}' could not be brought to version {current}: {failure.Message}", failure);
        }
    }

    public JsonObject Schema(int version) => ContractSchema.Of(type, version, version == current ? typeof(TContract) : old[version].Contract.Type);

    private string NotServed(int version) => $"version {version} of '{type}' is not served; expected {(old.Count == 0 ? "" : "one of ")}{string.Join(", ", Versions)}";

    private static int? VersionOf(Type contract) => contract.GetCustomAttribute<ContractVersionAttribute>()?.Version;

    private static IContract ContractOf(Type contract) => (IContract)Activator.CreateInstance(typeof(Contract<>).MakeGenericType(contract))!;

    private sealed record OldContract(IContract Contract, Func<object, object> ToCurrent);
}
