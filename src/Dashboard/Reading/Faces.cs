using Weir.Api;

namespace Dashboard.Reading;

/// <summary>The faces of the API that the pages ask.</summary>
internal sealed record Faces(
    ListsApi Lists, JobsApi Jobs, DeadLettersApi DeadLetters, QueuesApi Queues, FindingsApi Findings, BreakersApi Breakers, CatalogApi Catalog, ControlsApi Controls, AuditApi Audit,
    SchedulesApi Schedules, BatchesApi Batches, CapacityApi Capacity, StatisticsApi Statistics, ReplaysApi Replays, CancelApi Cancellations, WorkflowEventsApi Events);
