using System.Reflection;
using Azure.Data.Tables;
using Azure.Messaging.ServiceBus;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;
using Weir.Api;
using Weir.Catalog;
using Weir.Execution;
using Weir.Lanes;
using Weir.Receipts;
using Weir.Retries;
using Weir.Submission;

namespace Weir;

/// <summary>Registers Weir: <c>services.AddWeir(configuration).AddJobs(assembly)</c>.</summary>
public static class WeirServices
{
    /// <summary>
    /// Adds everything that makes a job reliable. Expects a <see cref="ServiceBusClient"/> and a <see cref="TableServiceClient"/> to be
    /// registered. Calling it twice changes nothing.
    /// </summary>
    public static WeirBuilder AddWeir(this IServiceCollection services, IConfiguration configuration)
    {
        if (services.FirstOrDefault(service => service.ServiceType == typeof(WeirBuilder)) is { ImplementationInstance: WeirBuilder before })
            return before;

        var builder = new WeirBuilder(services);
        services.AddSingleton(builder);
        services.AddOptions<WeirOptions>().Bind(configuration.GetSection(WeirOptions.Section)).ValidateDataAnnotations().ValidateOnStart();
        services.TryAddSingleton(TimeProvider.System);
        services.TryAddSingleton<Random>(new SystemChance());

        services.AddSingleton(_ => new JobCatalog(builder.Handlers));
        services.AddSingleton(provider => Instance.New(provider.GetRequiredService<Random>()));
        services.AddSingleton<ReceiptTable>();
        services.AddSingleton<JobQueues>();
        services.AddSingleton<OrderingKeyTable>();
        services.AddSingleton<OrderedKeys>();
        services.AddSingleton(_ => HostSlots.Read(configuration, AppContext.BaseDirectory));
        services.AddSingleton<LaneTurns>();
        services.AddSingleton(provider => new LaneCounts(configuration, provider.GetRequiredService<IOptions<WeirOptions>>()));
        services.AddSingleton<RequestTenant>();
        services.AddSingleton<JobSubmission>();
        services.AddSingleton<JobWatch>();
        services.AddSingleton(_ => new RetryPolicies(configuration));
        services.AddSingleton<RetryBudget>();
        services.AddSingleton<Claims>();
        services.AddSingleton<AttemptRun>();
        services.AddSingleton<JobEndings>();
        services.AddSingleton(provider => new KillPoints(configuration, provider.GetRequiredService<IHostEnvironment>().IsDevelopment()));
        services.AddFace<JobRunner>().AddFace<JobsApi>().AddFace<CatalogApi>();
        services.AddHostedService<StoreSetup>();
        return builder;
    }

    /// <summary>Adds a class that functions see, so public, whose constructor takes what they do not, so internal: the container itself calls public ones only.</summary>
    private static IServiceCollection AddFace<T>(this IServiceCollection services) where T : class => services.AddSingleton(provider =>
    {
        var constructor = typeof(T).GetConstructors(BindingFlags.Instance | BindingFlags.NonPublic).Single();
        return (T)constructor.Invoke([.. constructor.GetParameters().Select(parameter => provider.GetRequiredService(parameter.ParameterType))]);
    });
}

/// <summary>Collects the job types of a deployment.</summary>
public sealed class WeirBuilder
{
    internal WeirBuilder(IServiceCollection services) => Services = services;

    /// <summary>Where the handlers' dependencies are registered.</summary>
    public IServiceCollection Services { get; }

    internal List<Type> Handlers { get; } = [];

    /// <summary>Serves one job type.</summary>
    public WeirBuilder AddJob<THandler>() where THandler : class
    {
        Handlers.Add(typeof(THandler));
        return this;
    }

    /// <summary>Serves every class of the assembly that has a <see cref="JobAttribute"/>, except those that <paramref name="where"/> leaves out.</summary>
    public WeirBuilder AddJobs(Assembly assembly, Func<Type, bool>? where = null)
    {
        Handlers.AddRange(assembly.GetTypes().Where(type => type.IsDefined(typeof(JobAttribute)) && (where is null || where(type))));
        return this;
    }
}
