using Microsoft.AspNetCore.Http;
using Microsoft.Azure.Functions.Worker;
using Microsoft.Azure.Functions.Worker.Middleware;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace Contract.Tests.Functions;

public sealed class MiddlewareTests
{
    [Fact]
    public async Task It_runs_round_the_function_in_the_order_of_its_registration()
    {
        var probe = new Probe();
        await using var host = await TestHost.StartAsync([typeof(Functions)], new TestHostOptions
        {
            Configure = builder =>
            {
                builder.Services.AddSingleton(probe);
                builder.UseMiddleware<First>();
                builder.UseMiddleware(async (context, next) =>
                {
                    probe.See($"second sees {context.GetHttpContext()!.Request.Path}");
                    await next();
                    probe.See("second ends");
                });
            },
        });

        Assert.Equal("hello", await host.Client.GetStringAsync("api/hello"));

        Assert.Equal(["first begins Hello", "second sees /api/hello", "function", "second ends", "first ends"], probe.Seen);
    }

    [Fact]
    public async Task Before_ConfigureFunctionsWebApplication_it_wraps_the_writing_and_has_no_HttpContext()
    {
        var probe = new Probe();
        HttpContext? before = null;
        await using var host = await TestHost.StartAsync([typeof(Functions)], new TestHostOptions
        {
            BeforeWeb = builder =>
            {
                builder.Services.AddSingleton(probe);
                builder.UseMiddleware(async (context, next) =>
                {
                    before = context.GetHttpContext();
                    await next();
                    probe.See($"sent: {context.GetHttpContext()!.Response.HasStarted}");
                });
            },
        });

        await host.Client.GetStringAsync("api/hello");

        Assert.Null(before);
        await probe.Until("sent: True");
    }

    [Fact]
    public async Task It_can_put_another_answer_in_the_place_of_a_failure()
    {
        await using var host = await TestHost.StartAsync([typeof(Functions)], new TestHostOptions
        {
            Configure = builder =>
            {
                builder.Services.AddSingleton(new Probe());
                builder.UseMiddleware(async (context, next) =>
                {
                    try
                    {
                        await next();
                    }
                    catch (InvalidOperationException failure)
                    {
                        context.GetInvocationResult().Value = Results.Text(failure.Message, statusCode: 409);
                    }
                });
            },
        });

        var answer = await host.Client.GetAsync("api/fails");

        Assert.Equal((409, "no luck"), ((int)answer.StatusCode, await answer.Content.ReadAsStringAsync()));
    }

    [Fact]
    public async Task UseWhen_runs_it_only_where_the_predicate_holds()
    {
        var probe = new Probe();
        await using var host = await TestHost.StartAsync([typeof(Functions)], new TestHostOptions
        {
            Configure = builder =>
            {
                builder.Services.AddSingleton(probe);
                builder.UseWhen<First>(context => context.FunctionDefinition.Name == "Fails");
            },
        });

        await host.Client.GetAsync("api/hello");
        await host.Client.GetAsync("api/fails");

        Assert.Equal(["function", "first begins Fails"], probe.Seen);
    }

    [Fact]
    public async Task A_context_tells_about_its_invocation_and_has_services_of_its_own()
    {
        await using var host = await TestHost.StartAsync([typeof(Described)], new TestHostOptions { Configure = builder => builder.Services.AddScoped<Scoped>() });
        var request = new HttpRequestMessage(HttpMethod.Get, "api/describe/x1");
        request.Headers.Add("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");

        var one = (await (await host.Client.SendAsync(request)).Content.ReadAsStringAsync()).Split('\n');
        var other = (await host.Client.GetStringAsync("api/describe/x2")).Split('\n');

        Assert.Equal("Describe httpTrigger request x1 same scope", one[0]);
        Assert.StartsWith("00-0af7651916cd43dd8448eb211c80319c-", one[1], StringComparison.Ordinal);
        Assert.True(Guid.TryParse(one[2], out _));
        Assert.NotEqual(one[2], other[2]);
        Assert.NotEqual(one[3], other[3]);
    }

    public sealed class First(Probe probe) : IFunctionsWorkerMiddleware
    {
        public async Task Invoke(FunctionContext context, FunctionExecutionDelegate next)
        {
            probe.See($"first begins {context.FunctionDefinition.Name}");
            await next(context);
            probe.See("first ends");
        }
    }

    public sealed class Functions(Probe probe)
    {
        [Function("Hello")]
        public IResult Hello([HttpTrigger("get")] HttpRequest request)
        {
            probe.See("function");
            return Results.Text("hello");
        }

        [Function("Fails")]
        public static IResult Fails([HttpTrigger("get")] HttpRequest request) => throw new InvalidOperationException("no luck");
    }

    public sealed class Scoped
    {
        private static int made;

        public int Number { get; } = Interlocked.Increment(ref made);
    }

    public sealed class Described(Scoped scoped)
    {
        [Function("Describe")]
        public IResult Describe([HttpTrigger("get", Route = "describe/{id}")] HttpRequest request, FunctionContext context)
        {
            var trigger = context.FunctionDefinition.InputBindings.Values.Single();
            var same = request.HttpContext.RequestServices.GetRequiredService<Scoped>() == scoped ? "same scope" : "other scope";
            return Results.Text($"{context.FunctionDefinition.Name} {trigger.Type} {trigger.Name} {context.BindingContext.BindingData["id"]} {same}\n"
                + $"{context.TraceContext.TraceParent}\n{context.InvocationId}\n{scoped.Number}");
        }
    }
}
