using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Microsoft.Extensions.Logging;

namespace Microsoft.DurableTask.Engine;

/// <summary>
/// What an orchestrator sees. Calls are numbered in the order in which the code makes them; a call completes when
/// <see cref="Apply"/> comes upon the event with its number, in a replay as on the first time.
/// </summary>
internal sealed class ReplayContext(TurnWork work, EngineOptions options, ILoggerFactory loggers) : TaskOrchestrationContext
{
    /// <summary>As the Functions host's maxOrchestrationActions.</summary>
    private const int MaxAskedPerTurn = 100_000;

    /// <summary>16 KB of UTF-16, as documented.</summary>
    private const int MaxCustomStatus = 8_192;

    // The name space of the official SDK, so that the same calls give the same ids.
    private static readonly Guid GuidNamespace = new("9e952958-5e33-4daf-827f-2fa12937b875");

    private readonly Queue<Asked> asked = new();
    private readonly Dictionary<int, OpenCall> open = [];
    private readonly Dictionary<string, List<EventWait>> waits = new(StringComparer.OrdinalIgnoreCase);
    private readonly Dictionary<string, Queue<HistoryEvent>> unclaimed = new(StringComparer.OrdinalIgnoreCase);
    private readonly List<int> cancelledTimers = [];
    private DateTime now;
    private string? input;
    private int nextTask;
    private int nextGuid;
    private bool isReplaying = true;
    private int thread;

    public override TaskName Name { get; } = work.Name;

    public override string InstanceId => work.InstanceId;

    public override ParentOrchestrationInstance? Parent { get; } =
        work.ParentId is null ? null : new ParentOrchestrationInstance(work.ParentName!, work.ParentId);

    public override string Version => work.Version;

    public override DateTime CurrentUtcDateTime => now;

    public override bool IsReplaying => isReplaying;

    protected override ILoggerFactory LoggerFactory => loggers;

    public string? CustomStatus { get; private set; }

    public (string? Input, string? Version, bool KeepsEvents)? Continuation { get; private set; }

    /// <summary>What the code has asked for and history has not (yet) said.</summary>
    public Queue<Asked> Asked => asked;

    public IReadOnlyList<int> CancelledTimers => cancelledTimers;

    /// <summary>Whether activities, timers or sub-orchestrations are under way: until they end, the instance does not.</summary>
    public bool HasOpenCalls => open.Count > 0;

    public bool WaitsForEvent => waits.Count > 0;

    public override T? GetInput<T>()
        where T : default => options.DataConverter.Deserialize<T>(input);

    public override async Task<TResult> CallActivityAsync<TResult>(TaskName name, object? input = null, TaskOptions? options = null)
    {
        CheckArguments(name, input, options);
        if (options?.Version is not null)
            throw new NotSupportedException("AzureLocal has no versions of activities: each runs under its orchestration's.");
        var payload = Serialize(input);
        var result = await CallAsync(options?.Retry, () => Ask(new(EventKind.ActivityScheduled, nextTask, name.Name, payload)));
        return Deserialize<TResult>(result);
    }

    public override async Task<TResult> CallSubOrchestratorAsync<TResult>(
        TaskName orchestratorName, object? input = null, TaskOptions? options = null)
    {
        CheckArguments(orchestratorName, input, options);
        var id = (options as SubOrchestrationOptions)?.InstanceId ?? NewGuid().ToString("N");
        InstanceIds.Check(id);
        var version = options?.Version is { } given ? given.Version : DefaultVersion;
        var tags = options?.Tags is null ? null : new Dictionary<string, string>(options.Tags);
        var payload = Serialize(input);
        return Deserialize<TResult>(await CallAsync(options?.Retry, () =>
            Ask(new(EventKind.SubOrchestrationScheduled, nextTask, orchestratorName.Name, payload)
            {
                InstanceId = id,
                Version = version,
                Tags = tags,
            })));
    }

    public override async Task CreateTimer(DateTime fireAt, CancellationToken cancellationToken)
    {
        var task = nextTask;
        var fired = Ask(new(EventKind.TimerCreated, task, null, null) { DueAt = fireAt.ToUniversalTime() });
        using (cancellationToken.Register(() => CancelTimer(task)))
            await fired;
    }

    public override Task<T> WaitForExternalEvent<T>(string eventName, CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(eventName);
        CheckThread();
        var wait = new EventWait<T>(options.DataConverter);
        if (waits.TryGetValue(eventName, out var earlier) && earlier[0].Type != typeof(T))
            throw new ArgumentException(
                $"Event '{eventName}' is already waited for as {earlier[0].Type}, so it cannot be waited for as {typeof(T)}.");

        if (unclaimed.TryGetValue(eventName, out var queue))
        {
            wait.Complete(queue.Dequeue().Payload);
            if (queue.Count == 0)
                unclaimed.Remove(eventName);
            return wait.Task;
        }
        if (earlier is null)
            waits.Add(eventName, earlier = []);
        earlier.Add(wait);
        cancellationToken.Register(() =>
        {
            RemoveWait(eventName, wait);
            wait.Cancel(cancellationToken);
        });
        return wait.Task;
    }

    public override void SendEvent(string instanceId, string eventName, object payload)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(instanceId);
        ArgumentException.ThrowIfNullOrEmpty(eventName);
        _ = Ask(new(EventKind.EventSent, nextTask, eventName, Serialize(payload)) { InstanceId = instanceId });
    }

    public override void SetCustomStatus(object? customStatus)
    {
        CheckThread();
        var text = options.DataConverter.Serialize(customStatus);
        if (text?.Length > MaxCustomStatus)
            throw new ArgumentException(
                $"The custom status has {text.Length * 2} bytes; at most {MaxCustomStatus * 2} are allowed.", nameof(customStatus));
        CustomStatus = text;
    }

    public override void ContinueAsNew(object? newInput = null, bool preserveUnprocessedEvents = true) =>
        ContinueAsNew(new ContinueAsNewOptions { NewInput = newInput, PreserveUnprocessedEvents = preserveUnprocessedEvents });

    public override void ContinueAsNew(ContinueAsNewOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        CheckThread();
        var version = string.IsNullOrWhiteSpace(options.NewVersion) ? null : options.NewVersion;
        Continuation = (Serialize(options.NewInput), version, options.PreserveUnprocessedEvents);
    }

    /// <summary>A name-based UUID (version 5) of instance, time and count.</summary>
    public override Guid NewGuid()
    {
        CheckThread();
        var name = string.Create(CultureInfo.InvariantCulture, $"{InstanceId}_{now:o}_{nextGuid++}");
        var bytes = new byte[16 + Encoding.UTF8.GetByteCount(name)];
        GuidNamespace.TryWriteBytes(bytes, bigEndian: true, out _);
        Encoding.UTF8.GetBytes(name, bytes.AsSpan(16));
        Span<byte> hash = stackalloc byte[SHA1.HashSizeInBytes];
        SHA1.HashData(bytes, hash);
        hash[6] = (byte)((hash[6] & 0x0F) | 0x50);
        hash[8] = (byte)((hash[8] & 0x3F) | 0x80);
        return new Guid(hash[..16], bigEndian: true);
    }

    /// <summary>From here to <see cref="Leave"/> the code may run, on this thread.</summary>
    public void Enter() => thread = Environment.CurrentManagedThreadId;

    public void Leave() => thread = 0;

    public void StopReplaying() => isReplaying = false;

    public void StartTurn(DateTime at) => now = at;

    public void SetInput(string? payload) => input = payload;

    /// <summary>Tells the code what happened. What it does then, it does before this returns.</summary>
    public void Apply(HistoryEvent happened)
    {
        switch (happened.Kind)
        {
            case EventKind.ActivityCompleted or EventKind.SubOrchestrationCompleted or EventKind.TimerFired:
                if (open.Remove(happened.TaskId, out var call))
                    call.Result.TrySetResult(happened.Payload);
                break;
            case EventKind.ActivityFailed or EventKind.SubOrchestrationFailed:
                if (!open.Remove(happened.TaskId, out var failed))
                    break;
                var details = Failure.FromJson(happened.Payload!);
                failed.Result.TrySetException(new TaskFailedException(failed.Name, happened.TaskId, details));
                break;
            case EventKind.EventRaised:
                Raise(happened);
                break;
        }
    }

    /// <summary>The events that came and that no code has waited for, in the order in which they came.</summary>
    public IReadOnlyList<HistoryEvent> UnclaimedEvents() =>
        [.. unclaimed.Values.SelectMany(queue => queue).OrderBy(raised => raised.AtTicks)];

    public string? Serialize(object? value) => Payloads.Serialize(options.DataConverter, value);

    private string DefaultVersion => options.DefaultVersion ?? string.Empty;

    private T Deserialize<T>(string? payload) => options.DataConverter.Deserialize<T>(payload)!;

    private Task<string?> Ask(Asked request)
    {
        CheckThread();
        if (asked.Count == MaxAskedPerTurn)
            throw new InvalidOperationException($"An orchestrator may ask for at most {MaxAskedPerTurn} things in a turn.");
        nextTask++;
        asked.Enqueue(request);
        if (request.Kind == EventKind.EventSent)
            return Task.FromResult<string?>(null);
        var call = new OpenCall(request.Name ?? "timer");
        open.Add(request.TaskId, call);
        return call.Result.Task;
    }

    private async Task<string?> CallAsync(TaskRetryOptions? retry, Func<Task<string?>> call)
    {
        var firstCall = now;
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                return await call();
            }
            catch (TaskFailedException failure) when (retry is not null && !failure.FailureDetails.IsNonRetriable)
            {
                if (retry.Policy is { } policy)
                {
                    if (policy.NextDelay(attempt, firstCall, now, failure) is not { } delay)
                        throw;
                    await CreateTimer(now.Add(delay), CancellationToken.None);
                }
                else if (!await retry.Handler!(new(this, attempt, failure.FailureDetails, now - firstCall, CancellationToken.None)))
                {
                    throw;
                }
            }
        }
    }

    private void CancelTimer(int task)
    {
        if (!open.Remove(task, out var call))
            return;
        if (!isReplaying)
            cancelledTimers.Add(task);
        call.Result.TrySetCanceled();
    }

    private void Raise(HistoryEvent raised)
    {
        if (waits.TryGetValue(raised.Name!, out var waiting))
        {
            var latest = waiting[^1];
            RemoveWait(raised.Name!, latest);
            latest.Complete(raised.Payload);
            return;
        }
        if (!unclaimed.TryGetValue(raised.Name!, out var queue))
            unclaimed.Add(raised.Name!, queue = new());
        queue.Enqueue(raised);
    }

    private void RemoveWait(string eventName, EventWait wait)
    {
        if (waits.TryGetValue(eventName, out var waiting) && waiting.Remove(wait) && waiting.Count == 0)
            waits.Remove(eventName);
    }

    private void CheckThread()
    {
        if (thread != Environment.CurrentManagedThreadId)
            throw new InvalidOperationException(
                "The orchestration context was used outside the orchestrator's own thread: after something that is not durable, "
                + "in Task.Run, after ConfigureAwait(false), or after the turn had ended.");
    }

    private static void CheckArguments(TaskName name, object? input, TaskOptions? options)
    {
        ArgumentException.ThrowIfNullOrEmpty(name.Name, nameof(name));
        if (input is TaskOptions && options is null)
            throw new ArgumentException("TaskOptions were given as the input: name the parameter (options: …).", nameof(input));
    }

    private sealed class OpenCall(string name)
    {
        public string Name => name;

        // Without RunContinuationsAsynchronously: the code goes on inside Apply, on the turn's thread.
        public TaskCompletionSource<string?> Result { get; } = new();
    }

    private abstract class EventWait
    {
        public abstract Type Type { get; }

        public abstract void Complete(string? payload);

        public abstract void Cancel(CancellationToken token);
    }

    private sealed class EventWait<T>(DataConverter converter) : EventWait
    {
        private readonly TaskCompletionSource<T> raised = new();

        public Task<T> Task => raised.Task;

        public override Type Type => typeof(T);

        public override void Complete(string? payload)
        {
            T value;
            try
            {
                value = converter.Deserialize<T>(payload)!;
            }
            catch (Exception failure)
            {
                raised.TrySetException(failure);
                return;
            }
            raised.TrySetResult(value);
        }

        public override void Cancel(CancellationToken token) => raised.TrySetCanceled(token);
    }
}
