using System.Text.Json;
using System.Text.RegularExpressions;
using Microsoft.Extensions.Logging;
using Weir.Catalog;
using Weir.Controls;
using Weir.Execution;
using Weir.Receipts;
using Weir.Submission;

namespace Weir;

/// <summary>What a handler knows of its job, and what it can do that outlives the attempt.</summary>
public sealed partial class JobContext
{
    private const int MaxChildren = 50;
    private const int MaxCheckpoint = 32_000;

    private readonly JobCatalog catalog;
    private readonly ReceiptTable receipts;
    private readonly CancellationToken ended;
    private readonly Claim claim;
    private readonly Action? reported;
    private readonly ControlBoard controls;
    private readonly List<ChildJob> children = [];

    internal JobContext(Claim claim, JobCatalog catalog, ReceiptTable receipts, ILogger logger, TimeProvider clock, CancellationToken ended, Action? reported, ControlBoard controls)
    {
        this.claim = claim;
        this.catalog = catalog;
        this.receipts = receipts;
        this.ended = ended;
        this.reported = reported;
        this.controls = controls;
        Id = claim.Message.JobId;
        Attempt = claim.Attempt.Number;
        Tenant = claim.Message.Tenant;
        StartedAt = claim.Attempt.StartedAt;
        Logger = logger;
        Clock = clock;
    }

    /// <summary>The job's id: a UUID, the same on every attempt.</summary>
    public string Id { get; }

    /// <summary>Which execution this is, from 1.</summary>
    public int Attempt { get; }

    public string Tenant { get; }

    /// <summary>When this attempt began.</summary>
    public DateTimeOffset StartedAt { get; }

    /// <summary>Hand this to services that can recognise a repetition: the same on every attempt, and never another job's.</summary>
    public string IdempotencyKey => Id;

    /// <summary>Carries the job's id, type, attempt and tenant in its scope.</summary>
    public ILogger Logger { get; }

    /// <summary>The time, as the rest of the system sees it.</summary>
    public TimeProvider Clock { get; }

    /// <summary>
    /// Runs <paramref name="work"/> unless an earlier attempt has, and remembers its result: every later attempt gets that result and does
    /// nothing. A crash between the work and its record is the one case in which the work runs again, so the work
    /// should carry <see cref="IdempotencyKey"/> (with <paramref name="name"/>) to the other side.
    /// </summary>
    /// <param name="name">1 to 128 letters, digits, dots and dashes; names this piece of work within the job.</param>
    /// <param name="work">Gets the attempt's token.</param>
    /// <typeparam name="T">Is written as JSON, up to 32,000 characters.</typeparam>
    /// <exception cref="ArgumentException">The name is malformed, or the result too long.</exception>
    /// <exception cref="OperationCanceledException">The attempt has ended: nothing may begin any more.</exception>
    public async Task<T> OnceAsync<T>(string name, Func<CancellationToken, Task<T>> work)
    {
        if (!ValidName().IsMatch(name))
            throw new ArgumentException($"'{name}' does not name a checkpoint; use 1 to 128 letters, digits, dots and dashes.", nameof(name));
        ended.ThrowIfCancellationRequested();

        // A first attempt has nothing to remember: the common case costs one operation, not two.
        if ((Attempt > 1 || claim.BeganBefore) && await receipts.FindCheckpointAsync(Id, name, ended) is { } remembered)
            return Read<T>(remembered);

        var result = await work(ended);
        var json = JsonSerializer.Serialize(result, ContractJson.Options);
        if (json.Length > MaxCheckpoint)
            throw new ArgumentException($"The result of '{name}' has {json.Length:N0} characters as JSON; a checkpoint holds {MaxCheckpoint:N0}.", nameof(work));
        if (await receipts.AddCheckpointAsync(Id, name, Attempt, json, ended))
            return result;

        // Another attempt, which we thought dead, was first. Its result is the one on record.
        return Read<T>(await receipts.FindCheckpointAsync(Id, name, ended) ?? json);
    }

    /// <summary>
    /// Says how far the job is, for whoever looks at it, and that it has not stalled. Cheap to call often: it is written at most once a second.
    /// </summary>
    /// <param name="progress">0 to 1.</param>
    /// <param name="message">Up to 1,000 characters; longer ones are cut.</param>
    /// <exception cref="ArgumentOutOfRangeException">The progress is no share.</exception>
    public Task ReportAsync(double progress, string? message = null)
    {
        if (progress is not (>= 0 and <= 1))
            throw new ArgumentOutOfRangeException(nameof(progress), progress, "Progress is a share from 0 to 1.");
        if (!ended.IsCancellationRequested)
        {
            reported?.Invoke();
            claim.Report(new Progress(progress, message is { Length: > 1_000 } ? message[..1_000] : message), ended);
        }
        return Task.CompletedTask;
    }

    /// <summary>
    /// Enqueues another job if, and only if, this attempt succeeds: it is recorded in the same transaction as the success, and sent after it.
    /// </summary>
    /// <param name="type">A job type of this deployment.</param>
    /// <param name="payload">Written as JSON, and checked against the type's contract now.</param>
    /// <param name="orderingKey">Jobs that share it run in order.</param>
    /// <exception cref="PermanentException">There is no such type, the payload breaks its contract, or these are too many children.</exception>
    public Task EnqueueAsync(string type, object payload, string? orderingKey = null)
    {
        if (children.Count == MaxChildren)
            throw new PermanentException($"A job enqueues at most {MaxChildren} others; more belong into a batch.");
        var known = catalog.Find(type) is { IsInternal: false } found ? found : throw new PermanentException($"There is no job type '{type}' to enqueue.");
        var json = JsonSerializer.SerializeToElement(payload, payload.GetType(), ContractJson.Options);
        if (known.Check(json) is [var error, ..])
            throw new PermanentException($"The payload for '{type}' breaks its contract at '{error.Pointer}': {error.Detail}.");
        children.Add(new ChildJob(children.Count, new SubmitRequest(type, json) { OrderingKey = orderingKey, CorrelationId = Id }));
        return Task.CompletedTask;
    }

    /// <summary>
    /// Whether an operator has switched a feature on for this job: <c>PUT /api/controls/feature/{name}</c>, for a percentage of jobs or of tenants. The same job (or tenant) gets
    /// the same answer for as long as the percentage stays, and one that is in stays in when it grows. False when nobody has.
    /// </summary>
    /// <param name="feature">1 to 64 letters, digits, dots, dashes and underscores.</param>
    public bool IsEnabled(string feature) => controls.IsEnabled(feature, Id, Tenant);

    /// <summary>The contract version that the payload was written in.</summary>
    internal int ContractVersion => claim.Message.Version;

    internal IReadOnlyList<ChildJob> Children => children;

    private static T Read<T>(string json) => JsonSerializer.Deserialize<T>(json, ContractJson.Options)!;

    [GeneratedRegex(@"\A[A-Za-z0-9.-]{1,128}\z")]
    private static partial Regex ValidName();
}
