using System.Globalization;
using Azure.Core;
using Azure.Core.Pipeline;

namespace Azure.Data.Tables;

/// <summary>
/// Signs each try with the account's key, in the short form that the table service has:
/// https://learn.microsoft.com/rest/api/storageservices/authorize-with-shared-key#table-service-shared-key-lite-authorization.
/// </summary>
internal sealed class SharedKeyPolicy(TableSharedKeyCredential credential, TimeProvider clock) : HttpPipelineSynchronousPolicy
{
    public override void OnSendingRequest(HttpMessage message)
    {
        var date = clock.GetUtcNow().ToString("r", CultureInfo.InvariantCulture);
        // Of the query only "comp" would be signed, and no call here has one.
        var signature = credential.Sign($"{date}\n/{credential.AccountName}{message.Request.Uri.ToUri().AbsolutePath}");
        message.Request.Headers.SetValue("x-ms-date", date);
        message.Request.Headers.SetValue("Authorization", $"SharedKeyLite {credential.AccountName}:{signature}");
    }
}
