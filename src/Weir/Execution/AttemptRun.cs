using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Weir.Catalog;
using Weir.Controls;
using Weir.Receipts;
using Weir.Retries;
using Weir.Submission;

namespace Weir.Execution;

/// <summary>
/// Runs a claimed job's handler once and says how that ended. Its token fires on the type's timeout, when it stalls, on a lost claim, when the job
/// is cancelled and when the instance stops; a handler that does not obey is left behind after the grace, so that it holds up neither its
/// lane nor a drain.
/// </summary>
internal sealed class AttemptRun(JobCatalog catalog, ReceiptTable receipts, IServiceScopeFactory scopes, ILoggerFactory loggers, IOptions<WeirOptions> options, ControlBoard controls, TimeProvider clock)
{
    public async Task<AttemptResult> RunAsync(Claim claim, JobType type, ReadOnlyMemory<byte> payload, CancellationToken stopping)
    {
        using var timeout = new CancellationTokenSource(type.Timeout, clock);
        using var stalled = type.StallTimeout == Timeout.InfiniteTimeSpan ? null : new CancellationTokenSource(type.StallTimeout, clock);
        using var ended = CancellationTokenSource.CreateLinkedTokenSource([timeout.Token, stalled?.Token ?? default, claim.Stop, stopping]);
        var context = new JobContext(claim, catalog, receipts, loggers.CreateLogger(type.Name), clock, ended.Token, ReportTo(stalled, type), controls);
        var renewal = claim.KeepRenewed(ended.Token);
        try
        {
            var (result, failure) = await HandleAsync(context, type, payload, ended.Token);
            return failure is null ? Succeeded(result, context.Children) : Unsuccessful(failure, claim, type, timeout, stalled, stopping);
        }
        catch (Exception failure)
        {
            return Unsuccessful(failure, claim, type, timeout, stalled, stopping);
        }
        finally
        {
            await ended.CancelAsync();
            if (renewal is not null)
                await renewal.DisposeAsync();
        }
    }

    /// <summary>What a report does: the time for the next one begins. Null where none is expected.</summary>
    private static Action? ReportTo(CancellationTokenSource? stalled, JobType type) => stalled is null ? null : () => stalled.CancelAfter(type.StallTimeout);

    /// <summary>Its failure is an answer and is not thrown again: through three methods that cost a failed attempt some 200 µs, and each was one more line of the stack on record.</summary>
    private async Task<(object? Result, Exception? Failure)> HandleAsync(JobContext context, JobType type, ReadOnlyMemory<byte> payload, CancellationToken ended)
    {
        // The scope outlives this method when the handler is left behind: what it uses must not be disposed of under its feet.
        var scope = scopes.CreateAsyncScope();
        Task<object?>? handling = null;
        try
        {
            handling = type.RunAsync(scope.ServiceProvider, payload, context, ended);
            if (!handling.IsCompleted)
                await ObeyedAsync(handling, ended);
            return handling.IsFaulted ? (null, handling.Exception.InnerException) : (await handling, null);
        }
        catch (Exception failure)
        {
            return (null, failure);
        }
        finally
        {
            if (handling is null or { IsCompleted: true })
                await scope.DisposeAsync();
            else
                _ = DisposeAfterAsync(handling, scope);
        }
    }

    /// <summary>Waits until the handler has ended, however; once its token has fired, only for the grace.</summary>
    /// <exception cref="LeftBehindException">The handler still runs.</exception>
    private async Task ObeyedAsync(Task<object?> handling, CancellationToken ended)
    {
        var fired = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        using (ended.Register(static state => ((TaskCompletionSource)state!).TrySetResult(), fired))
        {
            if (await Task.WhenAny(handling, fired.Task) == handling)
                return;
        }
        try
        {
            await handling.WaitAsync(options.Value.CancellationGrace, clock);
        }
        catch (TimeoutException) when (!handling.IsCompleted)
        {
            throw new LeftBehindException(options.Value.CancellationGrace);
        }
    }

    private static async Task DisposeAfterAsync(Task handling, AsyncServiceScope scope)
    {
        await handling.ContinueWith(static _ => { }, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Current);
        await scope.DisposeAsync();
    }

    private static AttemptResult Succeeded(object? result, IReadOnlyList<ChildJob> children)
    {
        try
        {
            var json = result is null ? [] : JsonSerializer.SerializeToUtf8Bytes(result, result.GetType(), ContractJson.Options);
            if (json.Length <= JobSubmission.MaxPayload)
                return new AttemptResult.Succeeded(json, children);
            throw new PermanentException($"The result has {json.Length:N0} bytes as JSON; the most is {JobSubmission.MaxPayload:N0}.");
        }
        catch (Exception unwritable) when (unwritable is NotSupportedException or JsonException or PermanentException)
        {
            return new AttemptResult.Failed(AttemptOutcome.Failed, ErrorClass.Permanent, unwritable, RetryAfter: null);
        }
    }

    private static AttemptResult Unsuccessful(Exception failure, Claim claim, JobType type, CancellationTokenSource timeout, CancellationTokenSource? stalled, CancellationToken stopping) =>
        claim.IsLost ? new AttemptResult.Lost()
        : claim.IsCancelRequested ? new AttemptResult.Cancelled()
        : timeout.IsCancellationRequested ? Failed(AttemptOutcome.TimedOut, new TimeoutException($"The attempt took longer than {type.Timeout.TotalSeconds:0} s.", failure))
        : stalled is { IsCancellationRequested: true } ? Failed(AttemptOutcome.Stalled, new TimeoutException($"The attempt reported nothing for {type.StallTimeout.TotalSeconds:0} s.", failure))
        : stopping.IsCancellationRequested && failure is OperationCanceledException or LeftBehindException ? new AttemptResult.Interrupted()
        : new AttemptResult.Failed(AttemptOutcome.Failed, ErrorClassifier.Classify(failure), failure, (failure as TransientException)?.RetryAfter);

    private static AttemptResult.Failed Failed(AttemptOutcome outcome, TimeoutException late) => new(outcome, ErrorClass.Transient, late, RetryAfter: null);

    private sealed class LeftBehindException(TimeSpan grace) : Exception($"The handler ignored its cancellation token for {grace.TotalSeconds:0} s and was left behind.");
}

/// <summary>How the execution of a handler ended.</summary>
internal abstract record AttemptResult
{
    private AttemptResult() { }

    /// <param name="Result">As JSON; empty for none.</param>
    /// <param name="Children">What is to be enqueued if this counts.</param>
    public sealed record Succeeded(ReadOnlyMemory<byte> Result, IReadOnlyList<ChildJob> Children) : AttemptResult;

    public sealed record Failed(AttemptOutcome Outcome, ErrorClass Class, Exception Exception, TimeSpan? RetryAfter) : AttemptResult;

    /// <summary>Somebody asked for it, and the handler obeyed or was left behind.</summary>
    public sealed record Cancelled : AttemptResult;

    /// <summary>The instance stops; the job did nothing wrong.</summary>
    public sealed record Interrupted : AttemptResult;

    /// <summary>The job went to another owner while the handler ran.</summary>
    public sealed record Lost : AttemptResult;
}
