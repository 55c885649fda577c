using System.Text.Json;
using Weir.Catalog;
using Weir.Execution;
using Weir.Receipts;

namespace Weir.Testing;

/// <summary>What came of an attempt.</summary>
public sealed record HandlerAttempt
{
    public required int Number { get; init; }

    /// <summary><c>succeeded</c>, <c>failed</c>, <c>timedOut</c>, <c>stalled</c>, <c>cancelled</c> or <c>interrupted</c> (handed back, since the instance stops).</summary>
    public required string Outcome { get; init; }

    public bool Succeeded => Outcome == "succeeded";

    /// <summary>How long it took, in virtual time.</summary>
    public required TimeSpan Took { get; init; }

    /// <summary>What the handler returned, as JSON; undefined for null, or when it failed.</summary>
    public JsonElement Result { get; init; }

    /// <summary>What was thrown, and the class that decides what comes next.</summary>
    public TestError? Error { get; init; }

    /// <summary>What was thrown.</summary>
    public Exception? Exception { get; init; }

    /// <summary>How long the other side said to wait.</summary>
    public TimeSpan? RetryAfter { get; init; }

    /// <summary>What it enqueued: sent only since it succeeded.</summary>
    public IReadOnlyList<EnqueuedJob> Children { get; init; } = [];

    /// <summary>As it was last reported, 0 to 1; null when it never was.</summary>
    public double? Progress { get; init; }

    public string? ProgressMessage { get; init; }

    /// <summary>What the handler returned.</summary>
    /// <exception cref="WeirTestException">There is no result.</exception>
    public T ResultAs<T>() => Result.ValueKind != JsonValueKind.Undefined ? Result.Deserialize<T>(ContractJson.Options)!
        : throw new WeirTestException($"Attempt {Number} has no result: it is {Outcome}. {Error}");

    internal static HandlerAttempt Of(Attempt attempt, DateTimeOffset now, AttemptResult result, Progress? progress)
    {
        var ended = new HandlerAttempt { Number = attempt.Number, Took = now - attempt.StartedAt, Outcome = "", Progress = progress?.Share, ProgressMessage = progress?.Message };
        return result switch
        {
            AttemptResult.Succeeded done => ended with
            {
                Outcome = "succeeded",
                Result = done.Result.IsEmpty ? default : JsonElement.Parse(done.Result.Span),
                Children = [.. done.Children.Select(child => new EnqueuedJob(child.Request.Type, child.Request.Payload, child.Request.OrderingKey))],
            },
            AttemptResult.Failed failed => ended with
            {
                Outcome = WeirTest.Camel(failed.Outcome.ToString()),
                Error = new TestError(failed.Class.ToString(), failed.Exception.GetType().FullName!, failed.Exception.Message),
                Exception = failed.Exception,
                RetryAfter = failed.RetryAfter,
            },
            _ => ended with { Outcome = WeirTest.Camel(result.GetType().Name) },
        };
    }
}

/// <summary>A job that an attempt enqueued.</summary>
public sealed record EnqueuedJob(string Type, JsonElement Payload, string? OrderingKey)
{
    public T PayloadAs<T>() => Payload.Deserialize<T>(ContractJson.Options)!;
}
