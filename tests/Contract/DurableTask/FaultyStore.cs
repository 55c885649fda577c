using Microsoft.DurableTask.Client;
using Microsoft.DurableTask.Engine;

namespace Contract.Tests.DurableTask;

/// <summary>Puts <paramref name="fault"/> round every call: it gets the method's name and the call, and may refuse, delay or forget it.</summary>
internal sealed class FaultyStore(IOrchestrationStore inner, Func<string, Func<Task>, Task> fault) : IOrchestrationStore
{
    public bool IsShared => inner.IsShared;

    public long CommitVersion() => inner.CommitVersion();

    public Task<StartResult> StartAsync(NewInstance instance, CancellationToken cancellation) =>
        Run(nameof(StartAsync), () => inner.StartAsync(instance, cancellation));

    public Task RaiseEventAsync(string instanceId, string name, string? payload, CancellationToken cancellation) =>
        fault(nameof(RaiseEventAsync), () => inner.RaiseEventAsync(instanceId, name, payload, cancellation));

    public Task TerminateAsync(string instanceId, string? output, bool recursive, CancellationToken cancellation) =>
        fault(nameof(TerminateAsync), () => inner.TerminateAsync(instanceId, output, recursive, cancellation));

    public Task SuspendAsync(string instanceId, CancellationToken cancellation) =>
        fault(nameof(SuspendAsync), () => inner.SuspendAsync(instanceId, cancellation));

    public Task ResumeAsync(string instanceId, CancellationToken cancellation) =>
        fault(nameof(ResumeAsync), () => inner.ResumeAsync(instanceId, cancellation));

    public Task<InstanceRow?> GetAsync(string instanceId, bool withPayloads, CancellationToken cancellation) =>
        Run(nameof(GetAsync), () => inner.GetAsync(instanceId, withPayloads, cancellation));

    public Task<IReadOnlyList<InstanceRow>> QueryAsync(InstanceFilter filter, CancellationToken cancellation) =>
        Run(nameof(QueryAsync), () => inner.QueryAsync(filter, cancellation));

    public Task<OrchestrationRuntimeStatus?> PurgeAsync(string instanceId, CancellationToken cancellation) =>
        Run(nameof(PurgeAsync), () => inner.PurgeAsync(instanceId, cancellation));

    public Task<int> PurgeAsync(InstanceFilter filter, CancellationToken cancellation) =>
        Run(nameof(PurgeAsync), () => inner.PurgeAsync(filter, cancellation));

    public Task<Work> TakeAsync(TakeRequest request, CancellationToken cancellation) =>
        Run(nameof(TakeAsync), () => inner.TakeAsync(request, cancellation));

    public Task<TurnInput> ReadTurnAsync(TurnWork work, int known, CancellationToken cancellation) =>
        Run(nameof(ReadTurnAsync), () => inner.ReadTurnAsync(work, known, cancellation));

    public Task<TurnCommit> CommitTurnAsync(TurnOutcome outcome, Room next, CancellationToken cancellation) =>
        Run(nameof(CommitTurnAsync), () => inner.CommitTurnAsync(outcome, next, cancellation));

    public Task<ActivityCommit> CompleteActivityAsync(
        ActivityWork work, EventKind kind, string? payload, Room next, CancellationToken cancellation) =>
        Run(nameof(CompleteActivityAsync), () => inner.CompleteActivityAsync(work, kind, payload, next, cancellation));

    public Task HandBackAsync(IReadOnlyCollection<TurnWork> turns, IReadOnlyCollection<ActivityWork> activities, CancellationToken cancellation) =>
        fault(nameof(HandBackAsync), () => inner.HandBackAsync(turns, activities, cancellation));

    public Task<IReadOnlyList<ActivityWork>> RenewAsync(
        IReadOnlyCollection<ActivityWork> activities, TimeSpan lockDuration, CancellationToken cancellation) =>
        Run(nameof(RenewAsync), () => inner.RenewAsync(activities, lockDuration, cancellation));

    private async Task<T> Run<T>(string name, Func<Task<T>> call)
    {
        T result = default!;
        await fault(name, async () => result = await call());
        return result;
    }
}
