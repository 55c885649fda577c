using AzureLocal.Storage;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Azure.Functions.Worker.Middleware;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace AzureLocal.Functions;

/// <summary>
/// The host and the worker in one process. It starts the app's own services first, then Kestrel, then the triggers that fetch
/// their work; it stops them all at once, and the app's own services last.
/// </summary>
internal sealed class FunctionsHost : IHost, IAsyncDisposable
{
    private readonly WebApplication web;
    private readonly HostSetup setup;
    private readonly Triggers triggers;

    private FunctionsHost(WebApplication web, HostSetup setup, Triggers triggers) =>
        (this.web, this.setup, this.triggers) = (web, setup, triggers);

    public IServiceProvider Services => web.Services;

    /// <summary>Where Kestrel listens: what <c>--port 0</c> came to.</summary>
    public int Port => PortOf(web);

    public static FunctionsHost Build(
        WebApplicationBuilder builder,
        HostSetup setup,
        IReadOnlyList<Func<FunctionExecutionDelegate, FunctionExecutionDelegate>> middleware,
        bool servesHttp)
    {
        var hostJson = HostJson.Load(setup.BaseDirectory, builder.Configuration);
        foreach (var (category, level) in hostJson.LogLevels)
            builder.Logging.AddFilter(category == "default" ? null : category, level);

        var triggers = new Triggers(hostJson, setup, builder.Configuration);
        foreach (var function in FunctionCatalog.Find(setup.FunctionClasses))
            triggers.Add(function, servesHttp);
        builder.Services.AddSingleton<IHostLifetime, SignalLifetime>();
        builder.Services.AddSingleton<IHostedService>(triggers);
        builder.Services.AddRoutingCore();
        if (triggers.NeedMvc)
            builder.Services.AddMvcCore();

        var web = builder.Build();
        triggers.Prepare(web, middleware);
        return new FunctionsHost(web, setup, triggers);
    }

    public async Task StartAsync(CancellationToken cancellationToken = default)
    {
        try
        {
            await web.StartAsync(cancellationToken);
        }
        catch (IOException failure) when (failure.InnerException is AddressInUseException)
        {
            throw new StartRefusedException(
                $"Port {setup.Port} is in use, perhaps by another instance of this app. Stop it, or start this one with --port and another number.");
        }
        catch (Exception failure) when (WhyStoreRefuses(failure) is not null)
        {
            throw new StartRefusedException(WhyStoreRefuses(failure)!);
        }
    }

    public Task StopAsync(CancellationToken cancellationToken = default) => web.StopAsync(cancellationToken);

    /// <summary>The triggers first: what they still hold is free then.</summary>
    public async ValueTask DisposeAsync()
    {
        await triggers.DisposeAsync();
        await web.DisposeAsync();
    }

    /// <summary>The data directory may be opened by whichever service needs it first, and fail through any Azure client; the reason is the same.</summary>
    private string? WhyStoreRefuses(Exception? failure)
    {
        for (var cause = failure; cause is not null; cause = cause.InnerException)
        {
            if (cause is StoreRefusedException refused)
                return refused.Message;
        }
        return StoreException.Behind(failure) is { } trouble ? DataFile.Unusable(setup.DataDirectory, trouble).Message : null;
    }

    public static int PortOf(WebApplication web) =>
        new Uri(web.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First()).Port;

    public void Dispose() => DisposeAsync().AsTask().GetAwaiter().GetResult();
}
