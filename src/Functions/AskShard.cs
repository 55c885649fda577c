using Microsoft.Azure.Functions.Worker;
using Microsoft.Azure.Functions.Worker.Middleware;
using Weir.Shards;

namespace Functions;

/// <summary>In a front no function runs: whatever HTTP trigger a request has found, it goes on to the shard that it belongs to.</summary>
public sealed class AskShard(ShardFront front) : IFunctionsWorkerMiddleware
{
    public async Task Invoke(FunctionContext context, FunctionExecutionDelegate next)
    {
        var http = context.GetHttpContext()
            ?? throw new InvalidOperationException($"This app is a front (Weir:Shards), which runs no jobs: set AzureWebJobs.{context.FunctionDefinition.Name}.Disabled to true.");
        context.GetInvocationResult().Value = await front.AnswerAsync(http.Request);
    }
}
