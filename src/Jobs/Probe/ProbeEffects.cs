using Azure;
using Azure.Data.Tables;
using Microsoft.AspNetCore.Http;
using Weir;
using Weir.Access;

namespace Jobs.Probe;

/// <summary>
/// What probe jobs have done, in the table ProbeEffects: one row for each effect, by job, so that a second performance of the same
/// job's effect is seen and changes nothing; and one for each start of a handler.
/// </summary>
public sealed class ProbeEffects(TableServiceClient tables, Admission admission)
{
    private const string TableName = "ProbeEffects";
    private const string EffectPrefix = "effect-";
    private const string StartPrefix = "start-";

    private readonly TableClient table = tables.GetTableClient(TableName);

    public Task CreateIfMissingAsync(CancellationToken cancellation) => table.CreateIfNotExistsAsync(cancellation);

    public Task StartedAsync(string effect, JobContext context, CancellationToken cancellation) =>
        table.UpsertEntityAsync(new TableEntity(effect, $"{StartPrefix}{context.Id}-{context.Attempt:0000}"), TableUpdateMode.Replace, cancellation);

    /// <returns>True when this call performed it, false when it had been performed before.</returns>
    public Task<bool> PerformAsync(string effect, string? note, JobContext context, CancellationToken cancellation) =>
        AddAsync(effect, note, context.IdempotencyKey, context.Id, context.Attempt, context.StartedAt, context.Clock, cancellation);

    /// <summary>The effect of a step of a workflow, or of its undoing.</summary>
    /// <inheritdoc cref="PerformAsync(string, string?, JobContext, CancellationToken)"/>
    public Task<bool> PerformAsync<TJob>(string effect, string note, StepContext<TJob> step) =>
        AddAsync(effect, note, step.IdempotencyKey, step.Id, step.Attempt, step.StartedAt, step.Clock, step.Cancellation);

    private async Task<bool> AddAsync(string effect, string? note, string key, string jobId, int attempt, DateTimeOffset startedAt, TimeProvider clock, CancellationToken cancellation)
    {
        var row = new TableEntity(effect, EffectPrefix + key)
        {
            ["Job"] = jobId,
            ["Attempt"] = attempt,
            ["StartedAt"] = startedAt,
            ["FinishedAt"] = clock.GetUtcNow(),
        };
        if (note is not null)
            row["Note"] = note;
        try
        {
            await table.AddEntityAsync(row, cancellation);
            return true;
        }
        catch (RequestFailedException performed) when (performed.Status == 409)
        {
            return false;
        }
    }

    /// <summary>GET /api/probe/effects/{name}</summary>
    public async Task<IResult> ShowAsync(HttpRequest request, string effect, CancellationToken cancellation)
    {
        if (admission.Ask(request, Scope.Read).Refusal is { } refusal)
            return refusal;
        var performed = new List<ProbeEffect>();
        var starts = 0;
        await foreach (var row in table.QueryAsync<TableEntity>(TableClient.CreateQueryFilter($"PartitionKey eq {effect}"), maxPerPage: 1_000, cancellationToken: cancellation))
        {
            if (row.RowKey.StartsWith(StartPrefix, StringComparison.Ordinal))
                starts++;
            else
                performed.Add(ProbeEffect.Of(row));
        }
        // The store's clock is one for all instances; theirs may differ by more than two jobs lie apart.
        performed.Sort((one, other) => (one.PerformedAt, one.FinishedAt, one.Id).CompareTo((other.PerformedAt, other.FinishedAt, other.Id)));
        return Results.Json(new { count = performed.Count, jobs = performed, maxConcurrent = MaxConcurrent(performed), starts });
    }

    /// <summary>The most effects whose times, from the attempt's start to the effect, overlap.</summary>
    private static int MaxConcurrent(IEnumerable<ProbeEffect> effects)
    {
        var events = effects.SelectMany(effect => new[] { (At: effect.StartedAt, Change: 1), (At: effect.FinishedAt, Change: -1) });
        int now = 0, most = 0;
        foreach (var (_, change) in events.OrderBy(one => one.At).ThenBy(one => one.Change))
            most = Math.Max(most, now += change);
        return most;
    }
}

public sealed record ProbeEffect(string Id, int Attempt, string? Note, DateTimeOffset StartedAt, DateTimeOffset FinishedAt, DateTimeOffset PerformedAt)
{
    internal static ProbeEffect Of(TableEntity row) => new(
        row.GetString("Job") ?? "", row.GetInt32("Attempt") ?? 0, row.GetString("Note"), row.GetDateTimeOffset("StartedAt") ?? default, row.GetDateTimeOffset("FinishedAt") ?? default,
        row.Timestamp ?? default);
}
