using System.Text.Json;
using Weir.Cancellation;
using Weir.Catalog;
using Weir.Receipts;
using Weir.Why;
using Weir.Workflows;

namespace Weir.Testing;

/// <summary>A job of a test. What it says is read when it is asked, so it is always as of now.</summary>
public sealed class TestJob
{
    private readonly WeirTest weir;

    internal TestJob(WeirTest weir, string id) => (this.weir, Id) = (weir, id);

    public string Id { get; }

    public string Type => Record.Receipt.Type;

    public string Tenant => Record.Receipt.Tenant;

    public JobState State => Record.Receipt.State;

    /// <summary>Those that have ended, the first one first. Of a workflow see <see cref="Steps"/>.</summary>
    public IReadOnlyList<TestAttempt> Attempts => [.. Record.Attempts.Select(TestAttempt.Of)];

    /// <summary>When the next attempt comes; null when none is waited for.</summary>
    public DateTimeOffset? NextAttemptAt => Record.Receipt is { State: JobState.Retrying } receipt ? receipt.NotBefore : null;

    /// <summary>0 to 1, as the handler reported it last.</summary>
    public double? Progress => Record.Receipt.Progress;

    public string? ProgressMessage => Record.Receipt.ProgressMessage;

    /// <summary>Why it is a dead letter: <c>permanent</c>, <c>attemptsExhausted</c>, <c>contract</c>, …</summary>
    public string? DeadLetterReason => Record.Receipt.State == JobState.DeadLettered ? Record.Receipt.DeadLetterReason : null;

    /// <summary>The last failure.</summary>
    public TestError? Error => Record.Receipt is { ErrorType: { } type } receipt ? new TestError(receipt.ErrorClass ?? "", type, receipt.ErrorMessage ?? "") : null;

    /// <summary>What the handler returned, as JSON; undefined when it has not, or returned null.</summary>
    public JsonElement Result => Record.Result is { IsEmpty: false } result ? JsonElement.Parse(result.Span) : default;

    /// <summary>The steps of a workflow, in the order of its plan.</summary>
    public IReadOnlyList<TestStep> Steps => [.. Record.Steps.Select(TestStep.Of)];

    /// <summary>The jobs that it enqueued by succeeding, or whose end its workflow waits for.</summary>
    public IReadOnlyList<TestJob> Children => [.. weir.IdsOf($" and CorrelationId eq '{Id}'").Select(id => new TestJob(weir, id))];

    /// <summary>Why it has not ended, in a sentence, as operators read it; null when it has.</summary>
    public string? Why => State.IsFinal() ? null : weir.Ask(instance => instance.Get<Explanation>().OfAsync(Record, CancellationToken.None), "The reason")?.Detail;

    private JobRecord Record => weir.Read(Id);

    /// <summary>What the handler returned.</summary>
    /// <exception cref="WeirTestException">There is no result.</exception>
    public T ResultAs<T>() => Result is { ValueKind: not JsonValueKind.Undefined } result
        ? result.Deserialize<T>(ContractJson.Options)!
        : throw new WeirTestException($"Job {Id} ('{Type}') has no result: it is {State}. {Error?.ToString() ?? Why}");

    /// <summary>What a step returned.</summary>
    public TestStep Step(string name) => Steps.FirstOrDefault(step => step.Name == name)
        ?? throw new WeirTestException($"Job {Id} ('{Type}') has no step '{name}'; it has {(Steps.Count == 0 ? "none so far" : string.Join(", ", Steps.Select(step => $"'{step.Name}'")))}.");

    /// <summary>Asks for it to be cancelled. A running one stops when it is run on.</summary>
    /// <returns>False when it has ended already.</returns>
    public Task<bool> CancelAsync(string? reason = null) =>
        Task.FromResult(weir.Ask(instance => instance.Get<JobCancellation>().CancelAsync(Id, null, new CancelRequest(reason, "test"), CancellationToken.None), "The cancellation") is Cancelled.Done);

    /// <summary>Sends an event to a workflow.</summary>
    /// <exception cref="RefusedException">It waits for no such event, or the payload breaks its contract.</exception>
    public Task SendEventAsync(string name, object payload)
    {
        var json = JsonSerializer.SerializeToElement(payload, payload.GetType(), ContractJson.Options);
        return weir.Ask(instance => instance.Get<WorkflowEvents>().SendAsync(Id, null, name, json, CancellationToken.None), $"The event '{name}'") switch
        {
            EventAnswer.Accepted => Task.CompletedTask,
            EventAnswer.BrokenContract { Errors: var errors } => throw WeirTest.Refusal($"The event '{name}'", "contractViolation", "its payload breaks the contract.", errors),
            EventAnswer.Unknown { Known: var known } => throw WeirTest.Refusal($"The event '{name}'", "unknownEvent", $"'{Type}' waits for {(known.Count == 0 ? "none" : string.Join(", ", known))}.", []),
            var other => throw WeirTest.Refusal($"The event '{name}'", other.GetType().Name, $"the job is {State}.", []),
        };
    }

    public override string ToString() => $"{Type} {Id}: {State}";
}

/// <summary>One execution of a job.</summary>
/// <param name="Outcome"><c>succeeded</c>, <c>failed</c>, <c>timedOut</c>, <c>stalled</c>, <c>cancelled</c> or <c>workerLost</c>.</param>
/// <param name="RetryAt">When the next one is to come, if this one failed and is made up for.</param>
public sealed record TestAttempt(int Number, string Outcome, DateTimeOffset StartedAt, DateTimeOffset FinishedAt, DateTimeOffset? RetryAt, string Instance, TestError? Error)
{
    internal static TestAttempt Of(AttemptRecord attempt) => new(
        attempt.Number, WeirTest.Camel(attempt.Outcome.ToString()), attempt.StartedAt, attempt.FinishedAt, attempt.RetryAt, attempt.Instance,
        attempt.Error is { } error ? new TestError(error.Class.ToString(), error.Type, error.Message) : null);
}

/// <summary>A failure.</summary>
/// <param name="Class"><c>Transient</c>, <c>Permanent</c> or <c>Unknown</c>: what it says of the next try.</param>
/// <param name="Type">Of the exception.</param>
public sealed record TestError(string Class, string Type, string Message)
{
    public override string ToString() => $"{Class} {Type}: {Message}";
}

/// <summary>A step of a workflow.</summary>
/// <param name="State"><c>pending</c>, <c>running</c>, <c>retrying</c>, <c>waiting</c>, <c>done</c>, <c>skipped</c>, <c>late</c>, <c>failed</c> or <c>stopped</c>.</param>
/// <param name="Undone">The same of its undoing; null when that has not begun.</param>
public sealed record TestStep(string Name, string State, int Attempts, string? Undone, TestError? Error)
{
    internal static TestStep Of(StepView step) => new(
        step.Name, WeirTest.Camel(step.State.ToString()), step.Attempts, step.Compensation is { } undo ? WeirTest.Camel(undo.State.ToString()) : null,
        (step.Compensation?.Error ?? step.Error) is { } error ? new TestError(error.Class, error.Type, error.Message) : null);
}
