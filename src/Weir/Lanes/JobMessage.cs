using System.Globalization;
using System.Text.RegularExpressions;
using Azure;
using Azure.Messaging.ServiceBus;
using Weir.Access;
using Weir.Batches;

namespace Weir.Lanes;

/// <summary>
/// What a Service Bus message says of a job: enough to claim it without a read. The body is the payload, or empty when the
/// payload lies beside the receipt.
/// </summary>
internal sealed partial record JobMessage(string JobId, string Type, string Tenant, string Lane, ETag ReceiptETag, string PayloadHash, ReadOnlyMemory<byte> Body)
{
    /// <summary>The contract version that the payload was written in.</summary>
    public int Version { get; init; } = 1;

    /// <summary>The attempt that this message asks for, from 1; a replay goes on counting.</summary>
    public int Attempt { get; init; } = 1;

    /// <summary>How many attempts belong to earlier runs, before the last replay: the policy counts from there.</summary>
    public int EarlierAttempts { get; init; }

    /// <summary>Which replay this message belongs to, 0 for the first run. Part of the MessageId: a run that died before its next attempt has used that one's id.</summary>
    public int Replays { get; init; }

    /// <summary>How often this attempt has been put off; part of the MessageId, because the broker drops a second copy of one id without a word.</summary>
    public int PutOffs { get; init; }

    /// <summary>How often the job's message was found missing; part of the MessageId, because the broker still remembers the ids of messages that are gone.</summary>
    public int Resends { get; init; }

    /// <summary>Jobs that share it run in order.</summary>
    public string? OrderingKey { get; init; }

    /// <summary>Where the order of its key is kept (<see cref="OrderedKeys.KeyOf"/>); null unless it runs in strict order.</summary>
    public string? StrictKey { get; init; }

    /// <summary>The broker's number of the message that was received; not sent.</summary>
    public long SequenceNumber { get; init; }

    /// <summary>Its key had no head when it came, so nobody waits for its end; not sent.</summary>
    public bool KeyWasFree { get; init; }

    /// <summary>After this the job is not worth running.</summary>
    public DateTimeOffset? ExpiresAt { get; init; }

    /// <summary>When the job was submitted; part of its line's key in the list of jobs.</summary>
    public DateTimeOffset? SubmittedAt { get; init; }

    /// <summary>What follows the job's end. Here, so that a job with nothing to follow needs no read of its receipt.</summary>
    public Follows Follows { get; init; }

    /// <summary>The item of a batch that it is; null for a job of its own.</summary>
    public BatchItem? Batch { get; init; }

    public string? TraceParent { get; init; }

    /// <summary>Why it is sent to come later, as the beginning of a sentence for whoever asks; not read again, so that it is always the last reason.</summary>
    public string? PutOffBecause { get; init; }

    /// <summary>More than any policy and all the replays that somebody could ask for.</summary>
    private const int MostAttempts = 1_000_000;

    /// <summary>SHA-256 in hexadecimal.</summary>
    private const int HashLength = 64;

    private const string VersionProperty = "weir-version";
    private const string AttemptProperty = "weir-attempt";
    private const string PutOffsProperty = "weir-put-offs";
    private const string ReceiptProperty = "weir-receipt";
    private const string HashProperty = "weir-payload-sha256";
    private const string TenantProperty = "weir-tenant";
    private const string TraceParentProperty = "traceparent";
    private const string JobProperty = "weir-job";
    private const string EarlierAttemptsProperty = "weir-earlier-attempts";
    private const string ReplaysProperty = "weir-replays";
    private const string ResendsProperty = "weir-resends";
    private const string OrderingKeyProperty = "weir-ordering-key";
    private const string StrictKeyProperty = "weir-strict-key";
    private const string ExpiresProperty = "weir-expires";
    private const string SubmittedProperty = "weir-submitted";
    private const string FollowsProperty = "weir-follows";
    private const string BatchProperty = "weir-batch";
    private const string PutOffProperty = "weir-put-off-because";

    public string MessageId => string.Create(CultureInfo.InvariantCulture, $"{JobId}:{Attempt}:{PutOffs}{(Replays == 0 ? "" : $":{Replays}")}{(Resends == 0 ? "" : $":r{Resends}")}");

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
        if (EarlierAttempts > 0)
            properties[EarlierAttemptsProperty] = EarlierAttempts;
        if (Replays > 0)
            properties[ReplaysProperty] = Replays;
        if (Resends > 0)
            properties[ResendsProperty] = Resends;
        if (OrderingKey is not null)
            properties[OrderingKeyProperty] = OrderingKey;
        if (StrictKey is not null)
            properties[StrictKeyProperty] = StrictKey;
        if (ExpiresAt is { } expires)
            properties[ExpiresProperty] = expires;
        if (SubmittedAt is { } submitted)
            properties[SubmittedProperty] = submitted;
        if (Follows != Follows.Nothing)
            properties[FollowsProperty] = (int)Follows;
        if (Batch is { } batch)
            properties[BatchProperty] = batch.ToString();
        if (TraceParent is not null)
            properties[TraceParentProperty] = TraceParent;
        if (PutOffBecause is not null)
            properties[PutOffProperty] = PutOffBecause;
        return message;
    }

    public static string? PutOffReasonOf(ServiceBusReceivedMessage message) => Text(message.ApplicationProperties, PutOffProperty);

    /// <summary>
    /// Reads a message that was received; null when it is none of ours. What it says goes into table keys, conditions and sums, so a message that says what no
    /// message of ours can is none: put off, it would come again for ever.
    /// </summary>
    public static JobMessage? Of(ServiceBusReceivedMessage message) => Read(message) is { IsPossible: true } ours ? ours : null;

    private static JobMessage? Read(ServiceBusReceivedMessage message)
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

        return new JobMessage(jobId, type, tenant, lane, new ETag(etag), payloadHash, message.Body.ToMemory())
        {
            Version = Number(properties, VersionProperty, otherwise: 1),
            Attempt = attempt,
            EarlierAttempts = Number(properties, EarlierAttemptsProperty, otherwise: 0),
            Replays = Number(properties, ReplaysProperty, otherwise: 0),
            PutOffs = Number(properties, PutOffsProperty, otherwise: 0),
            Resends = Number(properties, ResendsProperty, otherwise: 0),
            OrderingKey = Text(properties, OrderingKeyProperty),
            StrictKey = Text(properties, StrictKeyProperty),
            SequenceNumber = message.SequenceNumber,
            ExpiresAt = properties.TryGetValue(ExpiresProperty, out var at) && at is DateTimeOffset expires ? expires : null,
            SubmittedAt = properties.TryGetValue(SubmittedProperty, out var since) && since is DateTimeOffset submitted ? submitted : null,
            Follows = (Follows)Number(properties, FollowsProperty, otherwise: 0),
            Batch = BatchItem.Parse(Text(properties, BatchProperty)),
            TraceParent = Text(properties, TraceParentProperty),
        };
    }

    /// <summary>A property of another kind than ours makes the number impossible.</summary>
    private static int Number(IReadOnlyDictionary<string, object> properties, string name, int otherwise) =>
        !properties.TryGetValue(name, out var value) ? otherwise : value is int number ? number : -1;

    private bool IsPossible =>
        Submission.JobId.IsWellFormed(JobId) && ReceiptETag.ToString() is var etag && ValidETag().IsMatch(etag) && PayloadHash.Length == HashLength
        && Version >= 1 && Attempt is >= 1 and <= MostAttempts && EarlierAttempts >= 0 && EarlierAttempts < Attempt && Replays >= 0 && PutOffs is >= 0 and < int.MaxValue && Follows >= 0
        && IsTime(ExpiresAt) && IsTime(SubmittedAt) && Admission.IsTenant(Tenant) && (StrictKey is null || IsKeyOfOrder(StrictKey));

    private bool IsKeyOfOrder(string key) => OrderingKey is { } of && Enum.GetValues<Queue>().Any(queue => OrderedKeys.KeyOf(Tenant, queue, of) == key);

    /// <summary>Room for a clock that is wrong, and for sums with it.</summary>
    private static bool IsTime(DateTimeOffset? time) => time is null or { Year: > 1970 and < 9000 };

    /// <summary>As Table storage makes them. The star would fit any receipt, so a message that had it would run a job that has ended.</summary>
    [GeneratedRegex("""\A(W/)?"[^"\x00-\x1f\x7f]{1,200}"\z""", RegexOptions.CultureInvariant)]
    private static partial Regex ValidETag();

    private static string? Text(IReadOnlyDictionary<string, object> properties, string name) =>
        properties.TryGetValue(name, out var value) ? value as string : null;
}

/// <summary>What is to be done when a job has ended, besides its outcome.</summary>
[Flags]
internal enum Follows
{
    Nothing = 0,

    /// <summary>A webhook.</summary>
    Callback = 1,

    /// <summary>An event on the topic of completions.</summary>
    Event = 2,

    /// <summary>The release of a unique key.</summary>
    Unique = 4,

    /// <summary>Word to the workflow that waits for it.</summary>
    Parent = 8,
}
