using System.Text.Json;
using System.Text.Json.Nodes;
using Weir.Api;
using Weir.Catalog;
using Weir.DeadLetters;
using Weir.Schedules;

namespace Weir.Testing;

/// <summary>What an operator has: all jobs, dead letters, schedules.</summary>
public sealed partial class WeirTest
{
    private const string Operator = "test";
    private const int MostDeadLetters = 1_000;

    /// <summary>All jobs, the first submitted first.</summary>
    public IReadOnlyList<TestJob> Jobs => [.. IdsOf("").Select(id => new TestJob(this, id))];

    /// <summary>The dead letters that nobody has replayed or discarded, the last one first.</summary>
    public IReadOnlyList<TestDeadLetter> DeadLetters
    {
        get
        {
            var filter = new DeadLetterFilter { State = DeadLetterState.Open };
            var scan = Ask(instance => instance.Get<DeadLetterTable>().ScanAsync(filter, from: null, MostDeadLetters, pages: 100, columns: null, CancellationToken.None), "The list of dead letters");
            return [.. scan.Found.Select(entry => new TestDeadLetter(this, entry))];
        }
    }

    /// <summary>Puts a schedule that is due by a cron expression.</summary>
    /// <param name="name">Of the schedule.</param>
    /// <param name="cron">Five or six fields.</param>
    /// <param name="type">The job type of each occurrence.</param>
    /// <param name="payload">Of each occurrence.</param>
    /// <param name="timeZone">UTC unless told.</param>
    /// <param name="overlap"><c>allow</c>, <c>skip</c> or <c>replace</c> while the job before has not ended.</param>
    /// <exception cref="RefusedException">It was not accepted.</exception>
    public Task ScheduleAsync(string name, string cron, string type, object payload, string? timeZone = null, string? overlap = null)
    {
        var body = new JsonObject { ["type"] = type, ["cron"] = cron, ["payload"] = JsonSerializer.SerializeToNode(payload, payload.GetType(), ContractJson.Options) };
        if (timeZone is not null)
            body["timeZone"] = timeZone;
        if (overlap is not null)
            body["overlap"] = overlap;
        var errors = new List<ContractError>();
        if (ScheduleRequest.Read(JsonSerializer.SerializeToElement(body), errors) is not var (definition, submission))
            throw Refusal($"The schedule '{name}'", "malformed", "it cannot be read.", errors);
        if (CronExpression.Parse(cron, out var wrong) is null)
            throw Refusal($"The schedule '{name}'", "invalidCron", wrong!, errors);
        if (TimeZones.Find(definition.TimeZone) is null)
            throw Refusal($"The schedule '{name}'", "unknownTimeZone", $"there is no time zone '{definition.TimeZone}'.", errors);
        return Ask(instance => instance.Get<ScheduleDesk>().PutAsync(world.Options.Tenant, name, definition, submission, Precondition.Nothing, Operator, CancellationToken.None), $"The schedule '{name}'") switch
        {
            PutAnswer.Written => Task.CompletedTask,
            PutAnswer.Refused { Why: var why } => throw Refusal($"The schedule '{name}'", why.Refusal.ToString(), why.Detail, why.Errors),
            _ => throw Refusal($"The schedule '{name}'", "cronNeverFires", $"'{cron}' fits no date, this year or in the next 40.", []),
        };
    }

    /// <summary>The jobs of a schedule so far.</summary>
    public IReadOnlyList<TestJob> JobsOfSchedule(string name) => [.. Jobs.Where(job => Read(job.Id).Receipt.Occurrence?.Schedule == name)];

    internal Handling ByTest(string? reason) => new(Operator, Now, reason);
}
