using Microsoft.AspNetCore.Http;

namespace AzureLocal.Functions;

/// <summary>Takes requests to their functions, no more at once than host.json allows.</summary>
internal sealed class HttpServer(HttpOptions options, Invoker invoker, CancellationToken stopping)
{
    private readonly SemaphoreSlim? running = options.MaxConcurrentRequests is { } most ? new SemaphoreSlim(most) : null;
    private int outstanding;

    /// <summary>ASP.NET Core middleware, in front of the routes.</summary>
    public async Task ThrottleAsync(HttpContext http, RequestDelegate next)
    {
        if (stopping.IsCancellationRequested)
        {
            // A kept-alive connection may still bring a request: its client should try another instance.
            http.Response.StatusCode = StatusCodes.Status503ServiceUnavailable;
            http.Response.Headers.Connection = "close";
            return;
        }
        if (running is null && options.MaxOutstandingRequests is null)
        {
            await next(http);
            return;
        }

        try
        {
            if (Interlocked.Increment(ref outstanding) > options.MaxOutstandingRequests)
            {
                http.Response.StatusCode = StatusCodes.Status429TooManyRequests;
                return;
            }
            await RunWhenFreeAsync(http, next);
        }
        finally
        {
            Interlocked.Decrement(ref outstanding);
        }
    }

    /// <summary>Runs a function for a request. A failure that no middleware turned into an answer is an empty 500.</summary>
    public async Task RunAsync(Function function, HttpContext http)
    {
        var call = new HttpCall(http);
        try
        {
            await invoker.RunAsync(function, call, http.RequestAborted);
        }
        catch (Exception) when (http.Response.HasStarted)
        {
            http.Abort(); // what was sent is not whole, and the client must be able to tell
        }
        catch (Exception failure)
        {
            http.Response.Clear();
            http.Response.StatusCode = StatusOf(failure, http);
        }
    }

    private int StatusOf(Exception failure, HttpContext http) => failure switch
    {
        BadHttpRequestException bad => bad.StatusCode, // a body over the limit, a broken upload
        OperationCanceledException when http.RequestAborted.IsCancellationRequested => StatusCodes.Status499ClientClosedRequest,
        OperationCanceledException when stopping.IsCancellationRequested => StatusCodes.Status503ServiceUnavailable,
        _ => StatusCodes.Status500InternalServerError,
    };

    private async Task RunWhenFreeAsync(HttpContext http, RequestDelegate next)
    {
        if (running is null)
        {
            await next(http);
            return;
        }
        await running.WaitAsync(http.RequestAborted);
        try
        {
            await next(http);
        }
        finally
        {
            running.Release();
        }
    }
}
