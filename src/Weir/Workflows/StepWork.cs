using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;

namespace Weir.Workflows;

/// <summary>
/// Runs a step's code once, under its timeout. Code that ignores its token is left behind after the grace, as a handler is, so that it holds up neither the workflow nor a drain.
/// </summary>
internal sealed class StepWork(IOptions<WeirOptions> options, TimeProvider clock)
{
    /// <exception cref="TimeoutException">It took longer than the limit.</exception>
    /// <exception cref="OperationCanceledException"><paramref name="stopping"/> has fired: nothing is known of the outcome.</exception>
    public async Task<object?> RunAsync(AsyncServiceScope scope, Func<CancellationToken, Task<object?>> work, TimeSpan limit, CancellationToken stopping)
    {
        using var timeout = new CancellationTokenSource(limit, clock);
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, stopping);
        var working = WorkAsync(work, ended.Token);
        try
        {
            return await ObeyedAsync(working, ended.Token);
        }
        catch (Exception failure) when (stopping.IsCancellationRequested && failure is OperationCanceledException or LeftBehindException)
        {
            throw new OperationCanceledException("The instance stops, or has lost the step.", failure, stopping);
        }
        catch (Exception failure) when (timeout.IsCancellationRequested && failure is OperationCanceledException or LeftBehindException)
        {
            throw new TimeoutException($"The step took longer than {limit.TotalSeconds:0.###} s.", failure);
        }
        finally
        {
            // What the code uses must not be disposed of under its feet.
            if (working.IsCompleted)
                await scope.DisposeAsync();
            else
                _ = DisposeAfterAsync(working, scope);
        }
    }

    /// <summary>So that what the code throws before its first await is a failed task too.</summary>
    private static async Task<object?> WorkAsync(Func<CancellationToken, Task<object?>> work, CancellationToken ended) => await work(ended);

    private async Task<object?> ObeyedAsync(Task<object?> working, CancellationToken ended)
    {
        if (working.IsCompleted)
            return await working;

        var fired = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        using (ended.Register(static state => ((TaskCompletionSource)state!).TrySetResult(), fired))
        {
            if (await Task.WhenAny(working, fired.Task) == working)
                return await working;
        }
        try
        {
            return await working.WaitAsync(options.Value.CancellationGrace, clock);
        }
        catch (TimeoutException) when (!working.IsCompleted)
        {
            throw new LeftBehindException(options.Value.CancellationGrace);
        }
    }

    private static async Task DisposeAfterAsync(Task working, AsyncServiceScope scope)
    {
        await working.ContinueWith(static _ => { }, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Current);
        await scope.DisposeAsync();
    }

    private sealed class LeftBehindException(TimeSpan grace) : Exception($"The step ignored its cancellation token for {grace.TotalSeconds:0} s and was left behind.");
}
