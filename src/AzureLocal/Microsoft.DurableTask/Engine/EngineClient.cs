using System.Collections.Immutable;
using System.Text.Json;
using DurableTask.Core.Exceptions;
using Microsoft.DurableTask.Client;

namespace Microsoft.DurableTask.Engine;

/// <summary>The client of one task hub. Each call is one transaction, or one read.</summary>
internal sealed class EngineClient(
    string taskHub,
    IOrchestrationStore store,
    StoreSignals signals,
    TimeProvider clock,
    Random random,
    EngineOptions engineOptions,
    OperationCounter operations) : DurableTaskClient(taskHub)
{
    private const int MaxPageSize = 1_000;
    private const int PurgeBatch = 100;

    public override async Task<string> ScheduleNewOrchestrationInstanceAsync(
        TaskName orchestratorName,
        object? input = null,
        StartOrchestrationOptions? options = null,
        CancellationToken cancellation = default)
    {
        Count("ScheduleNewOrchestrationInstance", cancellation);
        ArgumentException.ThrowIfNullOrEmpty(orchestratorName.Name, nameof(orchestratorName));
        var id = options?.InstanceId ?? NewId();
        InstanceIds.Check(id);
        var instance = new NewInstance(
            id,
            orchestratorName.Name,
            options?.Version is { } version ? version.Version : engineOptions.DefaultVersion ?? string.Empty,
            Serialize(input),
            options?.Tags,
            options?.StartAt,
            RefuseIn(options?.DedupeStatuses));
        var result = await store.StartAsync(instance, cancellation);
        if (result.Existing is { } status)
            throw new OrchestrationAlreadyExistsException($"An orchestration with the id '{id}' exists and is {status}.");
        return id;
    }

    public override Task RaiseEventAsync(
        string instanceId, string eventName, object? eventPayload = null, CancellationToken cancellation = default)
    {
        Count("RaiseEvent", cancellation);
        ArgumentException.ThrowIfNullOrEmpty(instanceId);
        ArgumentException.ThrowIfNullOrEmpty(eventName);
        return store.RaiseEventAsync(instanceId, eventName, Serialize(eventPayload), cancellation);
    }

    public override Task<OrchestrationMetadata> WaitForInstanceStartAsync(
        string instanceId, bool getInputsAndOutputs = false, CancellationToken cancellation = default) =>
        WaitAsync(instanceId, getInputsAndOutputs, static status => status != OrchestrationRuntimeStatus.Pending, cancellation);

    public override Task<OrchestrationMetadata> WaitForInstanceCompletionAsync(
        string instanceId, bool getInputsAndOutputs = false, CancellationToken cancellation = default) =>
        WaitAsync(instanceId, getInputsAndOutputs, Statuses.IsFinal, cancellation);

    public override Task TerminateInstanceAsync(
        string instanceId, TerminateInstanceOptions? options = null, CancellationToken cancellation = default)
    {
        Count("TerminateInstance", cancellation);
        ArgumentException.ThrowIfNullOrEmpty(instanceId);
        return store.TerminateAsync(instanceId, Serialize(options?.Output), options?.Recursive ?? false, cancellation);
    }

    public override Task SuspendInstanceAsync(string instanceId, string? reason = null, CancellationToken cancellation = default)
    {
        Count("SuspendInstance", cancellation);
        ArgumentException.ThrowIfNullOrEmpty(instanceId);
        return store.SuspendAsync(instanceId, cancellation);
    }

    public override Task ResumeInstanceAsync(string instanceId, string? reason = null, CancellationToken cancellation = default)
    {
        Count("ResumeInstance", cancellation);
        ArgumentException.ThrowIfNullOrEmpty(instanceId);
        return store.ResumeAsync(instanceId, cancellation);
    }

    public override async Task<OrchestrationMetadata?> GetInstancesAsync(
        string instanceId, bool getInputsAndOutputs = false, CancellationToken cancellation = default)
    {
        Count("GetInstance", cancellation);
        ArgumentException.ThrowIfNullOrEmpty(instanceId);
        return await store.GetAsync(instanceId, getInputsAndOutputs, cancellation) is { } row ? ToMetadata(row, getInputsAndOutputs) : null;
    }

    public override AsyncPageable<OrchestrationMetadata> GetAllInstancesAsync(OrchestrationQuery? filter = null)
    {
        var query = filter ?? new OrchestrationQuery();
        return Pageable.Create(async (token, sizeHint, cancellation) =>
        {
            Count("QueryInstances", cancellation);
            if (query.TaskHubNames is { } hubs && !hubs.Contains(Name, StringComparer.OrdinalIgnoreCase))
                return new Page<OrchestrationMetadata>([]);
            var size = Math.Clamp(sizeHint ?? query.PageSize, 1, MaxPageSize);
            var rows = await store.QueryAsync(
                new(
                    query.CreatedFrom,
                    query.CreatedTo,
                    query.Statuses is null ? Statuses.AllBits : Statuses.Bits(query.Statuses),
                    query.InstanceIdPrefix ?? string.Empty,
                    token ?? query.ContinuationToken ?? string.Empty,
                    size,
                    query.FetchInputsAndOutputs),
                cancellation);
            // The last id is the token: it stays right whatever is added or purged between two pages.
            return new Page<OrchestrationMetadata>(
                [.. rows.Select(row => ToMetadata(row, query.FetchInputsAndOutputs))], rows.Count == size ? rows[^1].Id : null);
        });
    }

    public override async Task<PurgeResult> PurgeInstanceAsync(
        string instanceId, PurgeInstanceOptions? options = null, CancellationToken cancellation = default)
    {
        Count("PurgeInstance", cancellation);
        ArgumentException.ThrowIfNullOrEmpty(instanceId);
        CheckNotRecursive(options);
        var status = await store.PurgeAsync(instanceId, cancellation);
        if (status is { } known && !Statuses.IsFinal(known))
            throw new InvalidOperationException($"Only a finished orchestration can be purged; '{instanceId}' is {known}.");
        return new PurgeResult(status is null ? 0 : 1, true);
    }

    public override async Task<PurgeResult> PurgeAllInstancesAsync(
        PurgeInstancesFilter filter, PurgeInstanceOptions? options = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(filter);
        CheckNotRecursive(options);
        var started = clock.GetTimestamp();
        var bits = filter.Statuses is null ? Statuses.AllBits : Statuses.Bits(filter.Statuses);
        var batch = new InstanceFilter(filter.CreatedFrom, filter.CreatedTo, bits, string.Empty, string.Empty, PurgeBatch, false);
        var purged = 0;
        while (true)
        {
            Count("PurgeInstances", cancellation);
            var removed = await store.PurgeAsync(batch, cancellation);
            purged += removed;
            if (removed < PurgeBatch)
                return new PurgeResult(purged, true);
            if (filter.Timeout is { } timeout && clock.GetElapsedTime(started) >= timeout)
                return new PurgeResult(purged, false);
        }
    }

    public override ValueTask DisposeAsync() => ValueTask.CompletedTask;

    private async Task<OrchestrationMetadata> WaitAsync(
        string instanceId, bool withPayloads, Func<OrchestrationRuntimeStatus, bool> isDone, CancellationToken cancellation)
    {
        Count("WaitForInstance", cancellation);
        ArgumentException.ThrowIfNullOrEmpty(instanceId);
        while (true)
        {
            // The watch begins before the look, so that no change falls between them.
            var version = store.IsShared ? store.CommitVersion() : 0;
            var watch = signals.StartWatch(Name, instanceId);
            try
            {
                var row = await store.GetAsync(instanceId, withPayloads, cancellation)
                    ?? throw new InvalidOperationException($"There is no orchestration with the id '{instanceId}'.");
                if (isDone(row.Status))
                    return ToMetadata(row, withPayloads);
                await ChangeAsync(watch, version, cancellation);
            }
            finally
            {
                signals.Unwatch(watch);
            }
        }
    }

    private async Task ChangeAsync(StoreSignals.Watch watch, long version, CancellationToken cancellation)
    {
        if (!store.IsShared)
        {
            // Not WaitAsync: the end of a task whose continuations run asynchronously would come to it by way of the thread pool.
            var ended = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            await using var calledOff = cancellation.UnsafeRegister(static (ended, token) => ((TaskCompletionSource)ended!).TrySetCanceled(token), ended);
            _ = TellAsync(watch.Changed.Task, ended);
            await ended.Task;
            return;
        }
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        while (!watch.Changed.Task.IsCompleted && store.CommitVersion() == version)
        {
            await Task.WhenAny(watch.Changed.Task, Task.Delay(engineOptions.PollInterval, clock, stop.Token));
            cancellation.ThrowIfCancellationRequested();
        }
        stop.Cancel();
    }

    private static async Task TellAsync(Task changed, TaskCompletionSource ended)
    {
        await changed;
        ended.TrySetResult();
    }

    private OrchestrationMetadata ToMetadata(InstanceRow row, bool withPayloads) => new(row.Name, row.Id)
    {
        DataConverter = withPayloads ? engineOptions.DataConverter : null,
        RuntimeStatus = row.Status,
        CreatedAt = row.CreatedAt,
        LastUpdatedAt = row.UpdatedAt,
        SerializedInput = row.Input,
        SerializedOutput = row.Output,
        SerializedCustomStatus = row.CustomStatus,
        FailureDetails = row.FailureJson is null ? null : Failure.FromJson(row.FailureJson),
        Tags = row.TagsJson is null
            ? ImmutableDictionary<string, string>.Empty
            : JsonSerializer.Deserialize(row.TagsJson, EngineJson.Default.DictionaryStringString)!,
    };

    /// <summary>The statuses that refuse, as bits. Without a choice, an instance that has not finished is in the way.</summary>
    private static int RefuseIn(IReadOnlyList<string>? dedupeStatuses)
    {
        if (dedupeStatuses is null)
            return Statuses.UnfinishedBits;
        var bits = 0;
        foreach (var name in dedupeStatuses)
        {
            if (!Enum.TryParse<OrchestrationRuntimeStatus>(name, ignoreCase: true, out var status))
                throw new ArgumentException($"'{name}' is no orchestration status.", nameof(dedupeStatuses));
            bits |= Statuses.Bits(status);
        }
        var terminated = Statuses.Bits(OrchestrationRuntimeStatus.Terminated);
        if ((bits & terminated) != 0 && (bits & Statuses.UnfinishedBits) != Statuses.UnfinishedBits)
            throw new ArgumentException(
                "The dedupe statuses name Terminated but not each of Pending, Running and Suspended: a running instance would be "
                + "terminated to be replaced, and then be in the way as terminated.",
                nameof(dedupeStatuses));
        return bits;
    }

    private static void CheckNotRecursive(PurgeInstanceOptions? options)
    {
        if (options is { Recursive: true })
            throw new NotSupportedException("Sub-orchestrations are not purged with their parent, as in Azure: purge each by its id.");
    }

    private string? Serialize(object? value) => Payloads.Serialize(engineOptions.DataConverter, value);

    private void Count(string operation, CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        operations.Count(operation);
    }

    private string NewId()
    {
        Span<byte> bytes = stackalloc byte[16];
        lock (random)
            random.NextBytes(bytes);
        return new Guid(bytes).ToString("N");
    }
}
