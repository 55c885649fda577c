using AzureLocal.Functions;
using Microsoft.AspNetCore.Builder;
using Microsoft.Azure.Functions.Worker.Middleware;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.Metrics;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Microsoft.Azure.Functions.Worker.Builder;

public class FunctionsApplication
{
    /// <summary>
    /// The builder of a function app. In this build the process is host and worker in one; of <paramref name="args"/> the host
    /// reads <c>--port</c> (7071) and <c>--data</c> (.weir), and all of them are configuration, as in Azure.
    /// </summary>
    public static FunctionsApplicationBuilder CreateBuilder(string[] args)
    {
        StartRefusedException.EndProcessPlainly();
        return new(new HostSetup { Arguments = args, OwnsProcess = true });
    }
}

public class FunctionsApplicationBuilder : IHostApplicationBuilder, IFunctionsWorkerApplicationBuilder
{
    private readonly WebApplicationBuilder web;
    private readonly HostSetup setup;
    private readonly List<Func<FunctionExecutionDelegate, FunctionExecutionDelegate>> middleware = [];
    private bool built;

    internal FunctionsApplicationBuilder(HostSetup setup)
    {
        this.setup = setup;
        web = setup.CreateWebBuilder();
    }

    public IDictionary<object, object> Properties => ((IHostApplicationBuilder)web).Properties;

    public ConfigurationManager Configuration => web.Configuration;

    IConfigurationManager IHostApplicationBuilder.Configuration => web.Configuration;

    public IHostEnvironment Environment => web.Environment;

    public ILoggingBuilder Logging => web.Logging;

    public IMetricsBuilder Metrics => web.Metrics;

    public IServiceCollection Services => web.Services;

    /// <summary>Whether <c>ConfigureFunctionsWebApplication</c> was called: without it there is no way to answer HTTP.</summary>
    internal bool ServesHttp { get; set; }

    public IFunctionsWorkerApplicationBuilder Use(Func<FunctionExecutionDelegate, FunctionExecutionDelegate> middleware)
    {
        ThrowIfBuilt();
        this.middleware.Add(middleware);
        return this;
    }

    public void ConfigureContainer<TContainerBuilder>(IServiceProviderFactory<TContainerBuilder> factory, Action<TContainerBuilder>? configure = null)
        where TContainerBuilder : notnull => ((IHostApplicationBuilder)web).ConfigureContainer(factory, configure);

    public IHost Build()
    {
        ThrowIfBuilt();
        built = true;
        return FunctionsHost.Build(web, setup, middleware, ServesHttp);
    }

    private void ThrowIfBuilt()
    {
        if (built)
            throw new InvalidOperationException("The application has already been built.");
    }
}

public static class FunctionsApplicationBuilderAspNetCoreExtensions
{
    /// <summary>
    /// HTTP triggers with ASP.NET Core's types. Middleware added before this call wraps the writing of the response and does not
    /// see the HttpContext; middleware added after it does: so it is in Azure.
    /// </summary>
    public static FunctionsApplicationBuilder ConfigureFunctionsWebApplication(this FunctionsApplicationBuilder builder)
    {
        if (builder.ServesHttp)
            return builder;
        builder.ServesHttp = true;
        builder.Use(HttpAnswer.Middleware);
        return builder;
    }
}
