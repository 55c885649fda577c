using System.Security.Cryptography;
using System.Text;
using Microsoft.Extensions.Configuration;
using Weir.Access;

namespace Unit.Tests.Access;

public sealed class ApiKeysTests
{
    [Theory]
    [InlineData("weir_one")]
    [InlineData("weir_two")]
    [InlineData("weir_three")]
    [InlineData("weir_none")]
    [InlineData("")]
    public void Every_key_is_compared_whichever_it_is(string key)
    {
        var compared = new List<string>();
        var keys = new ApiKeys(Configured("weir_one", "weir_two", "weir_three"), (one, other) =>
        {
            compared.Add(Convert.ToHexStringLower(other));
            return CryptographicOperations.FixedTimeEquals(one, other);
        });
        keys.Find(key);
        Assert.Equal(new[] { "weir_one", "weir_two", "weir_three" }.Select(Hash).Order(), compared.Order());
    }

    [Fact]
    public void A_key_is_found_by_its_hash_with_its_tenant_and_scopes()
    {
        var caller = new ApiKeys(Configured("weir_one", "weir_two")).Find("weir_two")!;
        Assert.Equal(("key1", "acme", Scope.Submit | Scope.Read), (caller.Name, caller.Tenant, caller.Scopes));
        Assert.Null(new ApiKeys(Configured("weir_one")).Find("weir_One"));
    }

    [Theory]
    [InlineData("Hash", "weir_one", "no SHA-256")]
    [InlineData("Hash", "", "no SHA-256")]
    [InlineData("Tenant", "a b", "Tenant is 'a b'")]
    [InlineData("Tenant", "acme\n", "Tenant is")]
    [InlineData("Scopes", "", "Scopes is ''")]
    [InlineData("Scopes", "submit admin", "Scopes is 'submit admin'")]
    public void A_wrong_setting_stops_the_start_and_says_which(string setting, string value, string says)
    {
        var configuration = Configured("weir_one");
        configuration[$"Weir:Keys:key0:{setting}"] = value;
        Assert.Contains(says, Assert.Throws<InvalidOperationException>(() => new ApiKeys(configuration)).Message);
    }

    private static string Hash(string key) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(key)));

    private static IConfiguration Configured(params string[] keys) => new ConfigurationBuilder().AddInMemoryCollection(keys.SelectMany((key, index) => new Dictionary<string, string?>
    {
        [$"Weir:Keys:key{index}:Hash"] = Hash(key),
        [$"Weir:Keys:key{index}:Tenant"] = "acme",
        [$"Weir:Keys:key{index}:Scopes"] = "submit, read",
    })).Build();
}
