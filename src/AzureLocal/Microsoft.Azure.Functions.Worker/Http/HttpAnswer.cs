using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.Mvc.Abstractions;
using Microsoft.AspNetCore.Routing;
using Microsoft.Azure.Functions.Worker;
using Microsoft.Azure.Functions.Worker.Middleware;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace AzureLocal.Functions;

/// <summary>The middleware that joins ASP.NET Core to functions: it shows the HttpContext to what follows and writes what came back.</summary>
internal static partial class HttpAnswer
{
    public static FunctionExecutionDelegate Middleware(FunctionExecutionDelegate next) => context =>
        ((Invocation)context).Trigger is HttpCall call ? AnswerAsync((Invocation)context, call, next) : next(context);

    private static async Task AnswerAsync(Invocation invocation, HttpCall call, FunctionExecutionDelegate next)
    {
        var http = call.Context;
        call.ShareServicesWith(invocation);
        invocation.Items.Add(FunctionContextExtensions.HttpContextKey, http);
        await next(invocation);
        switch (invocation.Result)
        {
            case IResult result:
                await result.ExecuteAsync(http);
                break;
            case IActionResult result:
                await result.ExecuteResultAsync(new ActionContext(http, http.GetRouteData(), new ActionDescriptor()));
                break;
            case null:
                break; // the function may have written to the response itself
            case var other:
                // So it is in Azure, where only a trace line says so.
                var logger = invocation.InstanceServices.GetRequiredService<ILoggerFactory>().CreateLogger("Function");
                Log.NotWritten(logger, invocation.Function.Name, other.GetType().Name);
                break;
        }
    }

    private static partial class Log
    {
        [LoggerMessage(10, LogLevel.Warning, "Function '{Function}' returned a {Type}, of which nothing is sent. Return an IResult, say Results.Json(…).")]
        public static partial void NotWritten(ILogger logger, string function, string type);
    }
}
