using System.Security.Cryptography;
using System.Text;

namespace BlackBox.Tests;

/// <summary>A key as an administrator makes one: see docs/operations/access.md.</summary>
internal sealed record ApiKey(string Name, string Tenant, string Scopes)
{
    public string Text { get; } = "weir_" + Convert.ToBase64String(RandomNumberGenerator.GetBytes(32)).TrimEnd('=').Replace('+', '-').Replace('/', '_');

    public (string Name, string Value)[] Settings =>
    [
        ($"Weir__Keys__{Name}__Hash", Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(Text)))),
        ($"Weir__Keys__{Name}__Tenant", Tenant),
        ($"Weir__Keys__{Name}__Scopes", Scopes),
    ];

    public HttpClient Client(WeirProcess weir)
    {
        var http = new HttpClient { BaseAddress = weir.Http.BaseAddress };
        http.DefaultRequestHeaders.Authorization = new("Bearer", Text);
        return http;
    }
}
