using System.Net;
using Microsoft.Extensions.Configuration;

namespace Weir.Completion;

/// <summary>
/// Where webhooks may go. A submission is checked for what its text shows; the address behind a name is checked when the connection is made,
/// since it may change in between.
/// </summary>
internal sealed class CallbackUrls
{
    public const int MaxLength = 2_048;

    private const string AllowPrivateSetting = "Weir:Webhooks:AllowPrivate";

    private readonly WebhookSecrets secrets;
    private readonly bool development;

    public CallbackUrls(IConfiguration configuration, WebhookSecrets secrets, bool development)
    {
        (this.secrets, this.development) = (secrets, development);
        AllowPrivate = configuration.GetValue(AllowPrivateSetting, development);
    }

    /// <summary>Whether webhooks may go to addresses that only this machine or network can reach.</summary>
    public bool AllowPrivate { get; }

    /// <returns>What is wrong with it; null when nothing is.</returns>
    public string? Refuse(string url, string tenant)
    {
        if (url.Length > MaxLength || !Uri.TryCreate(url, UriKind.Absolute, out var uri) || uri.Scheme is not ("https" or "http"))
            return $"callbackUrl is an absolute https address of at most {MaxLength:N0} characters.";
        if (uri.Scheme != Uri.UriSchemeHttps && !development)
            return "callbackUrl must be https: what is sent there may be the job's result.";
        if (uri.UserInfo.Length > 0 || uri.Fragment.Length > 0)
            return "callbackUrl has neither a user and password nor a fragment; webhooks are signed instead.";
        if (!AllowPrivate && (uri.IsLoopback || (IPAddress.TryParse(uri.IdnHost, out var address) && !PublicAddresses.Include(address))))
            return $"callbackUrl leads to a private address, and {AllowPrivateSetting} is not set.";
        if (secrets.Of(tenant).Count == 0)
            return $"No secret to sign webhooks with is configured for the tenant '{tenant}' ({WebhookSecrets.Setting}).";
        return null;
    }
}
