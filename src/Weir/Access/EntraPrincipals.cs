using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Configuration;

namespace Weir.Access;

/// <summary>
/// Callers whom Azure's App Service authentication has signed in: it takes the header X-MS-CLIENT-PRINCIPAL off what comes from outside and
/// puts its own in. Believed only with <c>Weir:Entra:Enabled</c>, and inside Azure; anywhere else anybody could write that header.
/// </summary>
internal sealed class EntraPrincipals
{
    public const string Section = "Weir:Entra";

    private const string Header = "X-MS-CLIENT-PRINCIPAL";
    private const int MaxHeader = 16 * 1024;

    private readonly string? tenant;
    private readonly string? tenantClaim;

    /// <param name="configuration">Where the settings are, and the variables that App Service sets.</param>
    /// <exception cref="InvalidOperationException">Enabled where nobody takes the header off what comes from outside, or for no tenant.</exception>
    public EntraPrincipals(IConfiguration configuration)
    {
        var section = configuration.GetSection(Section);
        Enabled = section.GetValue<bool>("Enabled");
        if (!Enabled)
            return;

        if (!configuration.GetValue<bool>("WEBSITE_AUTH_ENABLED"))
            throw new InvalidOperationException($"{Section}:Enabled is set, but App Service authentication is not switched on here (WEBSITE_AUTH_ENABLED): whoever sends {Header} would be believed.");
        (tenant, tenantClaim) = (section["Tenant"], section["TenantClaim"]);
        if (string.IsNullOrEmpty(tenant) == string.IsNullOrEmpty(tenantClaim))
            throw new InvalidOperationException($"{Section} needs one of Tenant (a name, or * for every tenant) and TenantClaim (the claim that names the principal's tenant).");
        if (tenant is { Length: > 0 } && tenant != Caller.EveryTenant && !Admission.IsTenant(tenant))
            throw new InvalidOperationException($"{Section}:Tenant is '{tenant}'; expected 1 to 64 letters, digits, dashes and underscores, or * for every tenant.");
    }

    public bool Enabled { get; }

    /// <summary>The principal of a request; null when there is none, or he has no tenant here.</summary>
    public Caller? Find(HttpRequest request)
    {
        if (!Enabled || request.Headers[Header] is not [{ Length: > 0 and <= MaxHeader } header])
            return null;
        try
        {
            using var principal = JsonDocument.Parse(Convert.FromBase64String(header));
            return Read(principal.RootElement);
        }
        catch (Exception malformed) when (malformed is FormatException or JsonException or InvalidOperationException or KeyNotFoundException)
        {
            return null;
        }
    }

    /// <summary>{"auth_typ", "name_typ", "role_typ", "claims": [{"typ", "val"}]}</summary>
    private Caller? Read(JsonElement principal)
    {
        var claims = principal.GetProperty("claims").EnumerateArray()
            .Select(claim => (Type: claim.GetProperty("typ").GetString(), Value: claim.GetProperty("val").GetString() ?? ""))
            .ToArray();
        var roleType = principal.TryGetProperty("role_typ", out var type) ? type.GetString() : null;
        var scopes = claims.Where(claim => claim.Type == "roles" || claim.Type == roleType).Aggregate(Scope.None, (all, claim) => all | ScopeOf(claim.Value));

        // Who he is, for the record: the person's name where there is one, else the application's or the object's id.
        var name = First("preferred_username") ?? First("azp") ?? First("appid") ?? First("oid") ?? First("http://schemas.microsoft.com/identity/claims/objectidentifier") ?? "entra";
        if (tenantClaim is not { Length: > 0 })
            return new Caller(name, tenant == Caller.EveryTenant ? null : tenant, scopes);

        // The claim cannot say *: that is a setting's word, not a directory's.
        return First(tenantClaim) is { } own && Admission.IsTenant(own) ? new Caller(name, own, scopes) : null;

        string? First(string wanted) => claims.FirstOrDefault(claim => claim.Type == wanted).Value is { Length: > 0 } value ? value : null;
    }

    private static Scope ScopeOf(string role) => role switch
    {
        "Weir.Submit" => Scope.Submit,
        "Weir.Read" => Scope.Read,
        "Weir.Operate" => Scope.Operate,
        _ => Scope.None,
    };
}
