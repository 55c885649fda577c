using Azure;
using Microsoft.DurableTask.Client;
using Microsoft.DurableTask.Engine;

namespace Simulation.Faults;

/// <summary>The history of orchestrations as one instance reaches it: it lies in the storage account, and fails as the tables do.</summary>
internal sealed class FaultyHistory(IOrchestrationStore inner, Network network) : IOrchestrationStore
{
    public bool IsShared => inner.IsShared;

    public long CommitVersion() => inner.CommitVersion();

    public Task<StartResult> StartAsync(NewInstance instance, CancellationToken cancellation) =>
        CallAsync($"start {instance.Id}", () => inner.StartAsync(instance, CancellationToken.None), started => started.Existing is null, cancellation);

    public Task RaiseEventAsync(string instanceId, string name, string? payload, CancellationToken cancellation) =>
        ChangeAsync($"event {name} to {instanceId}", () => inner.RaiseEventAsync(instanceId, name, payload, CancellationToken.None), cancellation);

    public Task TerminateAsync(string instanceId, string? output, bool recursive, CancellationToken cancellation) =>
        ChangeAsync($"terminate {instanceId}", () => inner.TerminateAsync(instanceId, output, recursive, CancellationToken.None), cancellation);

    public Task SuspendAsync(string instanceId, CancellationToken cancellation) =>
        ChangeAsync($"suspend {instanceId}", () => inner.SuspendAsync(instanceId, CancellationToken.None), cancellation);

    public Task ResumeAsync(string instanceId, CancellationToken cancellation) =>
        ChangeAsync($"resume {instanceId}", () => inner.ResumeAsync(instanceId, CancellationToken.None), cancellation);

    public Task<InstanceRow?> GetAsync(string instanceId, bool withPayloads, CancellationToken cancellation) =>
        CallAsync($"get {instanceId}", () => inner.GetAsync(instanceId, withPayloads, CancellationToken.None), _ => false, cancellation);

    public Task<IReadOnlyList<InstanceRow>> QueryAsync(InstanceFilter filter, CancellationToken cancellation) =>
        CallAsync("query", () => inner.QueryAsync(filter, CancellationToken.None), _ => false, cancellation);

    public Task<OrchestrationRuntimeStatus?> PurgeAsync(string instanceId, CancellationToken cancellation) =>
        CallAsync($"purge {instanceId}", () => inner.PurgeAsync(instanceId, CancellationToken.None), found => found is not null, cancellation);

    public Task<int> PurgeAsync(InstanceFilter filter, CancellationToken cancellation) =>
        CallAsync("purge", () => inner.PurgeAsync(filter, CancellationToken.None), purged => purged > 0, cancellation);

    public Task<Work> TakeAsync(TakeRequest request, CancellationToken cancellation) =>
        CallAsync("take", () => inner.TakeAsync(request, CancellationToken.None), work => work.Turns.Count + work.Activities.Count > 0, cancellation, repeats: false);

    public Task<TurnInput> ReadTurnAsync(TurnWork work, int known, CancellationToken cancellation) =>
        CallAsync($"read {work.InstanceId}", () => inner.ReadTurnAsync(work, known, CancellationToken.None), _ => false, cancellation);

    public Task<TurnCommit> CommitTurnAsync(TurnOutcome outcome, Room next, CancellationToken cancellation) =>
        CallAsync($"turn of {outcome.Work.InstanceId}", () => inner.CommitTurnAsync(outcome, next, CancellationToken.None), commit => commit.IsDone, cancellation);

    public Task<ActivityCommit> CompleteActivityAsync(ActivityWork work, EventKind kind, string? payload, Room next, CancellationToken cancellation) =>
        CallAsync($"{work.Name} of {work.InstanceId}: {kind}", () => inner.CompleteActivityAsync(work, kind, payload, next, CancellationToken.None), commit => commit.IsDone, cancellation);

    public Task HandBackAsync(IReadOnlyCollection<TurnWork> turns, IReadOnlyCollection<ActivityWork> activities, CancellationToken cancellation) =>
        ChangeAsync("hand back", () => inner.HandBackAsync(turns, activities, CancellationToken.None), cancellation);

    public Task<IReadOnlyList<ActivityWork>> RenewAsync(IReadOnlyCollection<ActivityWork> activities, TimeSpan lockDuration, CancellationToken cancellation) =>
        CallAsync("renew", () => inner.RenewAsync(activities, lockDuration, CancellationToken.None), _ => true, cancellation);

    private async Task ChangeAsync(string what, Func<Task> call, CancellationToken cancellation) => await CallAsync(
        what,
        async () =>
        {
            await call();
            return true;
        },
        _ => true,
        cancellation);

    private Task<T> CallAsync<T>(string what, Func<Task<T>> call, Func<T, bool> changes, CancellationToken cancellation, bool repeats = true) => network.CallAsync(
        Dependency.Tables, $"history: {what}", call, changes,
        () => throw new RequestFailedException(503, "The server is busy."),
        () => new RequestFailedException(0, "No connection."),
        cancellation, repeats);
}
