namespace Weir.Access;

/// <summary>Who sends a request, and what he may do; decided once, by <see cref="Admission"/>.</summary>
public sealed record Caller
{
    /// <summary>What stands for every tenant, in a setting.</summary>
    internal const string EveryTenant = "*";

    internal Caller(string name, string? tenant, Scope scopes) => (Name, Tenant, SubmitsFor, Scopes) = (name, tenant, tenant, scopes);

    /// <summary>The key's name, or the principal's: for the record of who did what. Never the key.</summary>
    public string Name { get; }

    /// <summary>Whose jobs he sees; null for every tenant's.</summary>
    public string? Tenant { get; internal init; }

    /// <summary>Whose his submissions are; null when he may act for every tenant and has not said for which.</summary>
    public string? SubmitsFor { get; internal init; }

    internal Scope Scopes { get; }

    /// <summary>Development without keys: nobody has said who he is.</summary>
    internal bool IsAnybody { get; init; }

    /// <summary>Whether what belongs to this tenant exists for him at all.</summary>
    public bool Sees(string tenant) => Tenant is null || Tenant == tenant;
}
