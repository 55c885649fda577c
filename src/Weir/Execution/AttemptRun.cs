using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Weir.Catalog;
using Weir.Receipts;
using Weir.Retries;
using Weir.Submission;

namespace Weir.Execution;

/// <summary>
/// Runs a claimed job's handler once and says how that ended. Its token fires on the type's timeout, on a lost claim and when the instance stops;
/// a handler that does not obey is left behind after the grace, so that it holds up neither its lane nor a drain.
/// </summary>
internal sealed class AttemptRun(ReceiptTable receipts, IServiceScopeFactory scopes, ILoggerFactory loggers, IOptions<WeirOptions> options, TimeProvider clock)
{
    public async Task<AttemptResult> RunAsync(Claim claim, JobType type, ReadOnlyMemory<byte> payload, CancellationToken stopping)
    {
        using var timeout = new CancellationTokenSource(type.Timeout, clock);
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, claim.Lost, stopping);
        var renewal = claim.RenewAsync(ended.Token);
        try
        {
            var result = await HandleAsync(claim, type, payload, ended.Token);
            return Succeeded(result);
        }
        catch (Exception failure)
        {
            return claim.Lost.IsCancellationRequested ? new AttemptResult.Lost()
                : timeout.IsCancellationRequested ? new AttemptResult.Failed(AttemptOutcome.TimedOut, ErrorClass.Transient, TimedOut(type, failure), RetryAfter: null)
                : stopping.IsCancellationRequested && failure is OperationCanceledException or LeftBehindException ? new AttemptResult.Interrupted()
                : new AttemptResult.Failed(AttemptOutcome.Failed, ErrorClassifier.Classify(failure), failure, (failure as TransientException)?.RetryAfter);
        }
        finally
        {
            await ended.CancelAsync();
            await renewal;
        }
    }

    private async Task<object?> HandleAsync(Claim claim, JobType type, ReadOnlyMemory<byte> payload, CancellationToken ended)
    {
        // The scope outlives this method when the handler is left behind: what it uses must not be disposed of under its feet.
        var scope = scopes.CreateAsyncScope();
        var context = new JobContext(claim, receipts, loggers.CreateLogger(type.Name), clock, ended);
        var handling = type.RunAsync(scope.ServiceProvider, payload, context, ended);
        try
        {
            return await ObeyedAsync(handling, ended);
        }
        finally
        {
            if (handling.IsCompleted)
                await scope.DisposeAsync();
            else
                _ = DisposeAfterAsync(handling, scope);
        }
    }

    /// <summary>Waits for the handler, and once its token has fired only for the grace.</summary>
    /// <exception cref="LeftBehindException">The handler still runs.</exception>
    private async Task<object?> ObeyedAsync(Task<object?> handling, CancellationToken ended)
    {
        if (handling.IsCompleted)
            return await handling;

        var fired = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        using (ended.Register(static state => ((TaskCompletionSource)state!).TrySetResult(), fired))
        {
            if (await Task.WhenAny(handling, fired.Task) == handling)
                return await handling;
        }
        try
        {
            return await handling.WaitAsync(options.Value.CancellationGrace, clock);
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

    private static AttemptResult Succeeded(object? result)
    {
        if (result is null)
            return new AttemptResult.Succeeded(default);
        try
        {
            var json = JsonSerializer.SerializeToUtf8Bytes(result, result.GetType(), ContractJson.Options);
            if (json.Length <= JobSubmission.MaxPayload)
                return new AttemptResult.Succeeded(json);
            throw new PermanentException($"The result has {json.Length:N0} bytes as JSON; the most is {JobSubmission.MaxPayload:N0}.");
        }
        catch (Exception unwritable) when (unwritable is NotSupportedException or JsonException or PermanentException)
        {
            return new AttemptResult.Failed(AttemptOutcome.Failed, ErrorClass.Permanent, unwritable, RetryAfter: null);
        }
    }

    private sealed class LeftBehindException(TimeSpan grace) : Exception($"The handler ignored its cancellation token for {grace.TotalSeconds:0} s and was left behind.");

    private static TimeoutException TimedOut(JobType type, Exception cause) => new($"The attempt took longer than {type.Timeout.TotalSeconds:0} s.", cause);
}

/// <summary>How the execution of a handler ended.</summary>
internal abstract record AttemptResult
{
    private AttemptResult() { }

    /// <param name="Result">As JSON; empty for none.</param>
    public sealed record Succeeded(ReadOnlyMemory<byte> Result) : AttemptResult;

    public sealed record Failed(AttemptOutcome Outcome, ErrorClass Class, Exception Exception, TimeSpan? RetryAfter) : AttemptResult;

    /// <summary>The instance stops; the job did nothing wrong.</summary>
    public sealed record Interrupted : AttemptResult;

    /// <summary>The job went to another owner while the handler ran.</summary>
    public sealed record Lost : AttemptResult;
}
