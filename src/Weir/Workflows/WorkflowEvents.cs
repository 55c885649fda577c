using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Weir.Catalog;
using Weir.Execution;
using Weir.Receipts;
using Weir.Submission;

namespace Weir.Workflows;

/// <summary>
/// Takes events for workflows: event as a row beside the receipt, once → word to the orchestration. The word may be lost (the orchestration is not there yet, the process dies): whoever had no answer
/// asks again, and a wait that is opened later finds the row.
/// </summary>
internal sealed partial class WorkflowEvents(
    ReceiptTable receipts, JobCatalog catalog, Orchestrations orchestrations, IServiceScopeFactory scopes, KillPoints kill, TimeProvider clock, ILogger<WorkflowEvents> logger)
{
    /// <summary>The most characters of an event: it lies in one property.</summary>
    public const int MostPayload = 32_000;

    /// <param name="jobId">The workflow.</param>
    /// <param name="tenant">Whose jobs exist for the caller; null is every tenant.</param>
    /// <param name="name">The event.</param>
    /// <param name="payload">What it carries.</param>
    /// <param name="cancellation">Ends the waiting.</param>
    public async Task<EventAnswer> SendAsync(string jobId, string? tenant, string name, JsonElement payload, CancellationToken cancellation)
    {
        if (await receipts.ReadWorkflowAsync(jobId, cancellation) is not { } workflow || (tenant is not null && workflow.Receipt.Tenant != tenant))
            return new EventAnswer.NotFound();
        if (catalog.Find(workflow.Receipt.Type) is not WorkflowType type)
            return new EventAnswer.NotAWorkflow(workflow.Receipt);

        var json = System.Text.Encoding.UTF8.GetString(Payload.Of(payload).Bytes.Span);
        if (workflow.TryFindEvent(name, out var before))
            return before == json ? await TellAsync(workflow.Receipt, name, repeated: true, cancellation) : new EventAnswer.Taken(workflow.Receipt, TooLate: before is null);
        if (workflow.Receipt.State.IsFinal())
            return new EventAnswer.Final(workflow.Receipt);
        if (Check(type, workflow, name, payload) is { } refused)
            return refused;

        if (!await receipts.AddEventAsync(jobId, name, json, clock.GetUtcNow(), cancellation))
            return await SendAsync(jobId, tenant, name, payload, cancellation); // somebody else's was first: it is found now
        kill.Pass(KillPoints.AfterEventRecorded);
        // Read after the event is there: if the job has begun meanwhile its orchestration is told, and if not it will find the event.
        return await receipts.FindAsync(jobId, cancellation) is { } now ? await TellAsync(now, name, repeated: false, cancellation) : new EventAnswer.NotFound();
    }

    private EventAnswer? Check(WorkflowType type, WorkflowRecord workflow, string name, JsonElement payload)
    {
        using var scope = scopes.CreateScope();
        var (_, definition) = type.Define(scope.ServiceProvider, workflow.Receipt.Version, workflow.Payload);
        var awaited = definition.Steps.Where(step => step.EventContract is not null).ToArray();
        if (awaited.FirstOrDefault(step => step.Name == name) is not { } step)
            return new EventAnswer.Unknown(type.Name, [.. awaited.Select(one => one.Name)]);
        var errors = step.EventContract!.Check(payload);
        return errors.Count > 0 ? new EventAnswer.BrokenContract(errors) : null;
    }

    private async Task<EventAnswer> TellAsync(Receipt receipt, string name, bool repeated, CancellationToken cancellation)
    {
        if (receipt.IsOrchestrated)
            await orchestrations.TellAsync(receipt, name, cancellation);
        LogTaken(name, receipt.Id, receipt.Type);
        return new EventAnswer.Accepted(receipt, repeated);
    }

    [LoggerMessage(607, LogLevel.Information, "The event '{Event}' has come for job {JobId} ({Type})")]
    private partial void LogTaken(string @event, string jobId, string type);
}

/// <summary>The answer to an event: <see cref="Accepted"/>, or why not.</summary>
internal abstract record EventAnswer
{
    private EventAnswer() { }

    /// <param name="Repeated">The same event had come before.</param>
    public sealed record Accepted(Receipt Job, bool Repeated) : EventAnswer;

    public sealed record NotFound : EventAnswer;

    public sealed record NotAWorkflow(Receipt Job) : EventAnswer;

    public sealed record Final(Receipt Job) : EventAnswer;

    /// <summary>The event has come with another payload, or its wait is over.</summary>
    public sealed record Taken(Receipt Job, bool TooLate) : EventAnswer;

    public sealed record Unknown(string Type, IReadOnlyList<string> Known) : EventAnswer;

    public sealed record BrokenContract(IReadOnlyList<ContractError> Errors) : EventAnswer;
}
