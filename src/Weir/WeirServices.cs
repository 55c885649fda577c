using System.Reflection;
using Azure.Data.Tables;
using Azure.Messaging.ServiceBus;
using Azure.Messaging.ServiceBus.Administration;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Weir.Access;
using Weir.Api;
using Weir.Batches;
using Weir.Breakers;
using Weir.Cancellation;
using Weir.Catalog;
using Weir.Completion;
using Weir.Concurrency;
using Weir.Controls;
using Weir.DeadLetters;
using Weir.Execution;
using Weir.Health;
using Weir.Holds;
using Weir.Index;
using Weir.Instances;
using Weir.Lanes;
using Weir.Limits;
using Weir.Pressure;
using Weir.Receipts;
using Weir.Reconciliation;
using Weir.Replays;
using Weir.Retention;
using Weir.Retries;
using Weir.Schedules;
using Weir.Statistics;
using Weir.Submission;
using Weir.SyntheticCheck;
using Weir.Telemetry;
using Weir.Telemetry.Prometheus;
using Weir.Uniqueness;
using Weir.Why;
using Weir.Workflows;

namespace Weir;

/// <summary>Registers Weir: <c>services.AddWeir(configuration).AddJobs(assembly)</c>.</summary>
public static class WeirServices
{
    /// <summary>
    /// Adds everything that makes a job reliable. Expects a <see cref="ServiceBusClient"/>, its <see cref="ServiceBusAdministrationClient"/> and a <see cref="TableServiceClient"/> to be
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

        services.AddHostedService<StoreSetup>(); // first: the others expect their tables
        services.AddSingleton(_ => new JobCatalog(builder.Handlers));
        services.AddSingleton(provider => Instance.New(provider.GetRequiredService<Random>()));
        services.AddTable<ReceiptTable>();
        services.AddOptions<StatisticsOptions>().Bind(configuration.GetSection(StatisticsOptions.Section)).ValidateDataAnnotations().ValidateOnStart();
        services.AddSingleton<JobStatistics>().AddTable<StatisticsTable>().AddSingleton<StatisticsReader>().AddSingleton<StatisticsRetention>().AddHostedService<StatisticsLoop>();
        services.AddHostedService<PrefetchCheck>();
        services.AddSingleton<JobQueues>();
        services.AddTable<OrderingKeyTable>();
        services.AddSingleton<OrderedKeys>();
        services.AddSingleton(_ => HostSlots.Read(configuration, AppContext.BaseDirectory));
        services.AddSingleton<LaneTurns>();
        services.AddSingleton(provider => new LaneCounts(configuration, provider.GetRequiredService<IOptions<WeirOptions>>()));
        services.AddSingleton(provider => new Lazy<ServiceBusAdministrationClient>(provider.GetRequiredService<ServiceBusAdministrationClient>)); // who has no right to it still starts
        services.AddSingleton(_ => new PressureOptions(configuration)).AddSingleton<PressureBoard>().AddSingleton<PressurePoll>().AddTable<PressureTable>().AddHostedService<PressureWatch>();
        services.AddSingleton<PressureGate>().AddSingleton<ISubmissionGate>(provider => provider.GetRequiredService<PressureGate>()).AddSingleton<PressureHeaders>().AddFace<QueuesApi>();
        // After pressure: what is refused there is not counted.
        services.AddSingleton(_ => new QuotaSettings(configuration)).AddSingleton<TenantQuotas>().AddSingleton<ISubmissionGate>(provider => provider.GetRequiredService<TenantQuotas>());
        services.AddHostedService(provider => provider.GetRequiredService<TenantQuotas>()).AddSingleton<SubmissionsInFlight>().AddFace<LimitsApi>();
        services.AddSingleton<SubmissionGates>().AddSingleton<JobSubmission>();
        services.AddTable<LimitTable>().AddSingleton(provider => new RateLimits(configuration, provider.GetRequiredService<JobCatalog>())).AddSingleton<JobSlots>();
        services.AddSingleton<JobWatch>().AddSingleton<QueuedMessages>().AddSingleton<Expectation>().AddSingleton<Explanation>();
        services.AddSingleton(provider => new RetryPolicies(configuration, provider.GetRequiredService<ControlBoard>()));
        services.AddSingleton<RetryBudget>();
        services.AddTable<BreakerTable>();
        services.AddSingleton<BreakerBoard>();
        services.AddTable<ControlTable>().AddTable<HeldTable>().AddTable<AuditTable>().AddSingleton<ControlBoard>().AddSingleton<ControlGate>().AddSingleton<ControlDesk>();
        services.AddSingleton<AutomaticPause>().AddFace<HeldRelease>().AddHostedService<ControlWatch>().AddFace<ControlsApi>().AddFace<AuditApi>();
        services.AddOptions<ControlOptions>().Bind(configuration.GetSection(ControlOptions.Section));
        services.AddSingleton(provider => new ConcurrencyLimits(provider.GetRequiredService<JobCatalog>(), configuration, provider.GetRequiredService<HostSlots>(), provider.GetRequiredService<TimeProvider>()));
        services.AddSingleton<Claims>();
        services.AddSingleton<AttemptRun>();
        services.AddSingleton<InFlight>();
        services.AddTable<JobIndexTable>();
        services.AddSingleton<JobIndex>();
        services.AddSingleton<JobList>();
        services.AddSingleton<LostLines>();
        services.AddTable<InstanceTable>();
        services.AddSingleton(provider => new WebhookSecrets(configuration, IsDevelopment(provider)));
        services.AddSingleton(provider => new CallbackUrls(configuration, provider.GetRequiredService<WebhookSecrets>(), IsDevelopment(provider)));
        services.AddSingleton<WebhookClient>();
        services.AddSingleton<CompletionEvents>();
        services.AddSingleton<JobAnnouncements>();
        builder.Handlers.Add(typeof(SendWebhook));
        services.AddSingleton<JobEndings>();
        services.AddSingleton(provider => new KillPoints(configuration, IsDevelopment(provider)));
        services.AddSingleton(provider => new Admission(
            configuration, provider.GetRequiredService<IOptions<WeirOptions>>(), IsDevelopment(provider), provider.GetRequiredService<ILogger<Admission>>()));
        services.AddTable<DeadLetterTable>();
        services.AddSingleton<DeadLetterGroups>();
        services.AddSingleton<OpenDeadLetters>();
        services.AddSingleton<DeadLetterDesk>();
        services.AddFace<DeadLetterCollector>().AddFace<DeadLettersApi>();
        services.AddTable<ReplayTable>().AddSingleton<ReplayPlan>().AddSingleton<StagedReplayDesk>().AddFace<ReplayCarrier>().AddFace<ReplaysApi>();
        services.AddSingleton<Expiry>();
        services.AddSingleton<Orchestrations>().AddSingleton<ParentNotices>().AddSingleton<ChildJobs>();
        services.AddSingleton<StepWork>().AddSingleton<StepWaits>().AddSingleton<StepRuns>().AddSingleton<WorkflowBeginnings>().AddSingleton<WorkflowEndings>().AddSingleton<WorkflowEvents>();
        services.AddFace<WorkflowActivities>().AddFace<WorkflowSweep>().AddFace<WorkflowEventsApi>();
        services.AddTable<UniqueTable>().AddSingleton<UniqueKeys>().AddSingleton<UniqueSubmission>();
        services.AddTable<CancelNotices>().AddSingleton<JobCancellation>().AddHostedService<CancelWatch>();
        services.AddSingleton<BulkSubmission>();
        services.AddTable<ScheduleTable>().AddSingleton<OccurrenceSubmission>().AddSingleton<ScheduleChanges>().AddSingleton<ScheduleDesk>();
        services.AddFace<ScheduleFiring>().AddFace<SchedulesApi>().AddHostedService<ScheduleLoop>();
        services.AddTable<BatchTable>().AddSingleton<BatchCounter>().AddSingleton<BatchCompletion>().AddSingleton<BatchSubmission>().AddSingleton<BatchWatch>().AddSingleton<BatchItemPages>();
        services.AddSingleton<JobHolds>().AddSingleton<BatchGate>().AddSingleton<BatchControls>().AddSingleton<BatchRetry>();
        services.AddFace<BatchesApi>().AddFace<BatchSweep>();
        services.AddFace<JobRunner>().AddFace<JobsApi>().AddFace<CatalogApi>().AddFace<BreakersApi>().AddFace<HealthApi>().AddFace<CancelApi>().AddFace<BulkApi>().AddFace<UniqueSweep>().AddFace<ListsApi>().AddFace<JobRetention>();
        services.AddOptions<ReconcileOptions>().Bind(configuration.GetSection(ReconcileOptions.Section)).ValidateDataAnnotations().ValidateOnStart();
        services.AddTable<FindingTable>().AddSingleton<Overdue>().AddSingleton<Repairs>().AddFace<Reconciler>().AddFace<FindingsApi>().AddFace<UnknownRouteApi>();
        services.AddFace<CapacityApi>();
        services.AddTable<SessionSecretTable>().AddSingleton<BrowserSessions>();
        services.AddSingleton<StatisticsHistory>().AddFace<StatisticsApi>();
        services.AddOptions<SyntheticCheckOptions>().Bind(configuration.GetSection(SyntheticCheckOptions.Section)).ValidateDataAnnotations().ValidateOnStart();
        services.AddFace<SyntheticChecks>().AddSingleton<Dependencies>().AddSingleton<Doctor>().AddFace<DoctorApi>();
        services.AddSingleton<Gauges>().AddFace<MetricsCollection>().AddFace<MetricsApi>();
        // Stopped in the reverse order: the index is written to its end before the instance takes its leave.
        services.AddSingleton<Heartbeat>().AddHostedService(provider => provider.GetRequiredService<Heartbeat>());
        services.AddHostedService(provider => provider.GetRequiredService<JobIndex>());
        return builder;
    }

    private static bool IsDevelopment(IServiceProvider provider) => provider.GetRequiredService<IHostEnvironment>().IsDevelopment();

    private static IServiceCollection AddTable<T>(this IServiceCollection services) where T : class, IStoredTable =>
        services.AddSingleton<T>().AddSingleton<IStoredTable>(provider => provider.GetRequiredService<T>());

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
