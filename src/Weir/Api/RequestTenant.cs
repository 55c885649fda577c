using System.Text.RegularExpressions;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;

namespace Weir.Api;

/// <summary>Whose request it is. In development, which has no keys and listens on loopback only, a request may say so itself.</summary>
internal sealed partial class RequestTenant(IOptions<WeirOptions> options, IHostEnvironment environment)
{
    private const string Header = "Weir-Tenant";

    /// <returns>Null when the request names a tenant that cannot be one.</returns>
    public string? TenantOf(HttpRequest request)
    {
        if (!environment.IsDevelopment() || request.Headers[Header] is not [{ } tenant])
            return options.Value.Tenant;
        return ValidName().IsMatch(tenant) ? tenant : null;
    }

    [GeneratedRegex("^[A-Za-z0-9_-]{1,64}$")]
    private static partial Regex ValidName();
}
