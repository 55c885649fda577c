using System.Globalization;
using Azure;
using Azure.Messaging.ServiceBus;

namespace Weir.Lanes;

/// <summary>
/// What a Service Bus message says of a job: enough to claim it without a read. The body is the payload, or empty when the
/// payload lies beside the receipt.
/// </summary>
/// <param name="Attempt">The attempt that this message asks for, from 1.</param>
/// <param name="PutOffs">How often this attempt has been put off; part of the MessageId, because the broker drops a second copy of one id without a word.</param>
/// <param name="ReceiptETag">The receipt's ETag when the message was made: the claim is made against it.</param>
internal sealed record JobMessage(
    string JobId, string Type, int Version, string Tenant, string Lane, int Attempt, int PutOffs, ETag ReceiptETag, string PayloadHash, string? TraceParent, ReadOnlyMemory<byte> Body)
{
    private const string VersionProperty = "weir-version";
    private const string AttemptProperty = "weir-attempt";
    private const string PutOffsProperty = "weir-put-offs";
    private const string ReceiptProperty = "weir-receipt";
    private const string HashProperty = "weir-payload-sha256";
    private const string TenantProperty = "weir-tenant";
    private const string TraceParentProperty = "traceparent";
    private const string JobProperty = "weir-job";

    public string MessageId => string.Create(CultureInfo.InvariantCulture, $"{JobId}:{Attempt}:{PutOffs}");

    public ServiceBusMessage ToServiceBus()
    {
        var message = new ServiceBusMessage(Body)
        {
            MessageId = MessageId,
            SessionId = Lane,
            Subject = Type,
            ContentType = "application/json",
        };
        var properties = message.ApplicationProperties;
        properties[JobProperty] = JobId;
        properties[VersionProperty] = Version;
        properties[AttemptProperty] = Attempt;
        properties[PutOffsProperty] = PutOffs;
        properties[ReceiptProperty] = ReceiptETag.ToString();
        properties[HashProperty] = PayloadHash;
        properties[TenantProperty] = Tenant;
        if (TraceParent is not null)
            properties[TraceParentProperty] = TraceParent;
        return message;
    }

    /// <summary>Reads a message that was received; null when it is none of ours.</summary>
    public static JobMessage? Of(ServiceBusReceivedMessage message)
    {
        var properties = message.ApplicationProperties;
        if (!properties.TryGetValue(JobProperty, out var job) || job is not string jobId
            || !properties.TryGetValue(AttemptProperty, out var number) || number is not int attempt
            || !properties.TryGetValue(ReceiptProperty, out var receipt) || receipt is not string etag
            || !properties.TryGetValue(HashProperty, out var hash) || hash is not string payloadHash
            || !properties.TryGetValue(TenantProperty, out var owner) || owner is not string tenant
            || message.Subject is not { } type || message.SessionId is not { } lane)
        {
            return null;
        }

        var version = properties.TryGetValue(VersionProperty, out var known) && known is int contract ? contract : 1;
        var putOffs = properties.TryGetValue(PutOffsProperty, out var count) && count is int times ? times : 0;
        var traceParent = properties.TryGetValue(TraceParentProperty, out var trace) ? trace as string : null;
        return new JobMessage(jobId, type, version, tenant, lane, attempt, putOffs, new ETag(etag), payloadHash, traceParent, message.Body.ToMemory());
    }
}
