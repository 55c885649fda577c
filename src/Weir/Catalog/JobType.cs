using System.Reflection;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Microsoft.Extensions.DependencyInjection;
using Weir.Retries;

namespace Weir.Catalog;

/// <summary>What the catalogue knows of one job type, and how to read and run its jobs.</summary>
public abstract partial class JobType
{
    private const string InternalPrefix = "weir.";

    private protected JobType(JobAttribute job)
    {
        Name = job.Name;
        IsInternal = job.Name.StartsWith(InternalPrefix, StringComparison.Ordinal);
        Version = job.Version;
        Queue = job.Queue;
        Owner = job.Owner;
        Description = job.Description;
        SideEffects = job.SideEffects;
        Timeout = TimeSpan.FromSeconds(job.TimeoutSeconds);
        StallTimeout = job.StallTimeoutSeconds == 0 ? System.Threading.Timeout.InfiniteTimeSpan : TimeSpan.FromSeconds(job.StallTimeoutSeconds);
        Guarantee = job.Guarantee;
        Ordering = job.Ordering;
        DependsOn = job.DependsOn;
        CompletionEvent = job.CompletionEvent;
        Retention = job.RetentionDays == 0 ? null : TimeSpan.FromDays(job.RetentionDays);
        (Rate, Burst) = (job.Rate, job.Burst);
        MaxConcurrency = job.MaxConcurrency == 0 ? null : job.MaxConcurrency;
        AdaptiveConcurrency = job.AdaptiveConcurrency;
        Expected = job.ExpectedSeconds == 0 ? null : TimeSpan.FromSeconds(job.ExpectedSeconds);
        // A retry would run the handler a second time, which is what this guarantee rules out.
        RetryPolicy = job.Guarantee == Guarantee.AtMostOnce ? RetryPolicies.None : job.Retry;
    }

    public string Name { get; }

    /// <summary>Weir's own: nobody can submit it, and the catalogue does not show it.</summary>
    internal bool IsInternal { get; }

    public int Version { get; }

    public Queue Queue { get; }

    public string? Owner { get; }

    public string? Description { get; }

    public string? SideEffects { get; }

    public TimeSpan Timeout { get; }

    /// <summary>Infinite when no reports are expected.</summary>
    public TimeSpan StallTimeout { get; }

    public Guarantee Guarantee { get; }

    public Ordering Ordering { get; }

    public IReadOnlyList<string> DependsOn { get; }

    public bool CompletionEvent { get; }

    /// <summary>How long its finished jobs and its dead letters are kept; null when it sets nothing of its own.</summary>
    public TimeSpan? Retention { get; }

    /// <summary>Its rate as its class says it, see <see cref="JobAttribute.Rate"/>; null for none.</summary>
    public string? Rate { get; }

    /// <inheritdoc cref="JobAttribute.Burst"/>
    public int Burst { get; }

    /// <summary>How many run at once in an instance, by its own word; null is no word.</summary>
    public int? MaxConcurrency { get; }

    public bool AdaptiveConcurrency { get; }

    /// <summary>How long an attempt normally takes; null when nobody says.</summary>
    public TimeSpan? Expected { get; }

    /// <summary>The name of its retry policy.</summary>
    public string RetryPolicy { get; }

    /// <summary>The contract versions that this build can read, the current one last.</summary>
    public abstract IReadOnlyList<int> Versions { get; }

    /// <summary>The JSON schema of one of <see cref="Versions"/>.</summary>
    internal abstract JsonObject Schema(int version);

    /// <summary>The errors of a payload under this type's contract; none means that it can be run.</summary>
    internal IReadOnlyList<ContractError> Check(JsonElement payload) => Check(Version, payload);

    /// <inheritdoc cref="Check(JsonElement)"/>
    internal abstract IReadOnlyList<ContractError> Check(int version, JsonElement payload);

    /// <summary>Reads the payload and runs the handler, made in the scope of <paramref name="services"/>. May throw before it answers.</summary>
    internal abstract Task<object?> RunAsync(IServiceProvider services, ReadOnlyMemory<byte> payload, JobContext context, CancellationToken cancellation);

    /// <summary>Reads a handler class.</summary>
    /// <exception cref="InvalidOperationException">The class is no job, or its attribute says something impossible.</exception>
    internal static JobType Of(Type handler)
    {
        var job = handler.GetCustomAttribute<JobAttribute>()
            ?? throw new InvalidOperationException($"{handler.Name} has no [Job] attribute.");
        var contracts = handler.GetInterfaces().Where(one => one.IsGenericType && (one.GetGenericTypeDefinition() == typeof(IJobHandler<>) || one.GetGenericTypeDefinition() == typeof(IWorkflow<>))).ToArray();
        if (contracts.Length != 1)
            throw new InvalidOperationException($"{handler.Name} must implement IJobHandler<TContract> or IWorkflow<TJob> exactly once, not {contracts.Length} times.");
        if (!ValidName().IsMatch(job.Name))
            throw new InvalidOperationException($"{handler.Name}: '{job.Name}' is no name for a job type; use 1 to 64 of a-z, 0-9, dot and dash, beginning with a letter.");
        if (job.Name.StartsWith(InternalPrefix, StringComparison.Ordinal) && handler.Assembly != typeof(JobType).Assembly)
            throw new InvalidOperationException($"{handler.Name}: names that begin with '{InternalPrefix}' are Weir's own; '{job.Name}' is one.");
        if (job.Version < 1)
            throw new InvalidOperationException($"{job.Name}: Version is {job.Version}; versions count from 1.");
        if (job.TimeoutSeconds is < 1 or > 86_400)
            throw new InvalidOperationException($"{job.Name}: TimeoutSeconds is {job.TimeoutSeconds}; expected 1 to 86400.");

        if (job.RetentionDays is < 0 or > 3_650)
            throw new InvalidOperationException($"{job.Name}: RetentionDays is {job.RetentionDays}; expected 1 to 3650, or 0 for the deployment's own.");
        if (job.MaxConcurrency is < 0 or > 1_000)
            throw new InvalidOperationException($"{job.Name}: MaxConcurrency is {job.MaxConcurrency}; expected 1 to 1000, or 0 for the host's own limit.");
        if (job.ExpectedSeconds is not (>= 0 and <= 86_400))
            throw new InvalidOperationException($"{job.Name}: ExpectedSeconds is {job.ExpectedSeconds}; expected 0 to 86400.");
        if (job.StallTimeoutSeconds is < 0 or > 86_400)
            throw new InvalidOperationException($"{job.Name}: StallTimeoutSeconds is {job.StallTimeoutSeconds}; expected 0 to 86400.");

        var kind = contracts[0].GetGenericTypeDefinition() == typeof(IWorkflow<>) ? typeof(WorkflowType<,>) : typeof(JobType<,>);
        var type = kind.MakeGenericType(handler, contracts[0].GetGenericArguments()[0]);
        return (JobType)Activator.CreateInstance(type, BindingFlags.Instance | BindingFlags.Public | BindingFlags.DoNotWrapExceptions, binder: null, [job], culture: null)!;
    }

    [GeneratedRegex(@"\A[a-z][a-z0-9.-]{0,63}\z")]
    private static partial Regex ValidName();
}

internal sealed class JobType<THandler, TContract>(JobAttribute job) : JobType(job) where THandler : class, IJobHandler<TContract>
{
    private static readonly ObjectFactory<THandler> Make = ActivatorUtilities.CreateFactory<THandler>([]);

    private readonly Contracts<TContract> contracts = new(job.Name, job.Version, Upcasts.In(typeof(THandler).Assembly));

    public override IReadOnlyList<int> Versions => contracts.Versions;

    internal override JsonObject Schema(int version) => contracts.Schema(version);

    internal override IReadOnlyList<ContractError> Check(int version, JsonElement payload) => contracts.Check(version, payload);

    internal override Task<object?> RunAsync(IServiceProvider services, ReadOnlyMemory<byte> payload, JobContext context, CancellationToken cancellation)
    {
        var job = contracts.Read(context.ContractVersion, payload.Span);
        var handler = Make(services, []);
        return handler.RunAsync(job, context, cancellation);
    }
}
