using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Configuration;
using Weir.Access;

namespace Unit.Tests.Access;

public sealed class EntraPrincipalsTests
{
    private static readonly (string, string)[] Ada = [("preferred_username", "ada@example.org"), ("roles", "Weir.Read"), ("roles", "Weir.Operate"), ("roles", "Other"), ("tenant", "acme")];

    [Fact]
    public void Roles_become_scopes_and_the_tenant_comes_from_its_claim()
    {
        var caller = Principals(("TenantClaim", "tenant")).Find(Request(Ada))!;
        Assert.Equal(("ada@example.org", "acme", Scope.Read | Scope.Operate), (caller.Name, caller.Tenant, caller.Scopes));
    }

    [Fact]
    public void A_fixed_tenant_counts_for_everybody_and_a_star_is_every_tenant()
    {
        Assert.Equal("ours", Principals(("Tenant", "ours")).Find(Request(Ada))!.Tenant);
        Assert.Null(Principals(("Tenant", "*")).Find(Request(Ada))!.Tenant);
    }

    [Theory]
    [InlineData("*")]
    [InlineData("a b")]
    [InlineData("")]
    public void A_claim_that_is_no_tenant_lets_nobody_in(string tenant) =>
        Assert.Null(Principals(("TenantClaim", "tenant")).Find(Request(("roles", "Weir.Read"), ("tenant", tenant))));

    [Theory]
    [InlineData("not base64!")]
    [InlineData("bm90IGpzb24=")]
    [InlineData("e30=")]
    [InlineData("eyJjbGFpbXMiOls3XX0=")]
    public void A_header_that_cannot_be_read_lets_nobody_in(string header)
    {
        var request = new DefaultHttpContext().Request;
        request.Headers["X-MS-CLIENT-PRINCIPAL"] = header;
        Assert.Null(Principals(("Tenant", "*")).Find(request));
    }

    [Fact]
    public void Unless_enabled_the_header_is_not_looked_at() =>
        Assert.Null(new EntraPrincipals(new ConfigurationBuilder().Build()).Find(Request(Ada)));

    [Fact]
    public void It_cannot_be_enabled_where_nobody_takes_the_header_off_what_comes_from_outside()
    {
        var configuration = new ConfigurationBuilder().AddInMemoryCollection([new("Weir:Entra:Enabled", "true"), new("Weir:Entra:Tenant", "*")]).Build();
        Assert.Contains("WEBSITE_AUTH_ENABLED", Assert.Throws<InvalidOperationException>(() => new EntraPrincipals(configuration)).Message);
    }

    [Fact]
    public void It_needs_to_know_whose_jobs_they_are() =>
        Assert.Contains("one of Tenant", Assert.Throws<InvalidOperationException>(() => Principals()).Message);

    private static EntraPrincipals Principals(params (string Name, string Value)[] settings) => new(new ConfigurationBuilder().AddInMemoryCollection(
        [new("WEBSITE_AUTH_ENABLED", "True"), new("Weir:Entra:Enabled", "true"), .. settings.Select(one => KeyValuePair.Create($"Weir:Entra:{one.Name}", (string?)one.Value))]).Build());

    private static HttpRequest Request(params (string Type, string Value)[] claims)
    {
        var request = new DefaultHttpContext().Request;
        var principal = new { auth_typ = "aad", name_typ = "name", role_typ = "roles", claims = claims.Select(claim => new { typ = claim.Type, val = claim.Value }) };
        request.Headers["X-MS-CLIENT-PRINCIPAL"] = Convert.ToBase64String(Encoding.UTF8.GetBytes(JsonSerializer.Serialize(principal)));
        return request;
    }
}
