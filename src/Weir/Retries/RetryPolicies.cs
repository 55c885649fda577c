using Microsoft.Extensions.Configuration;
using Weir.Catalog;
using Weir.Controls;

namespace Weir.Retries;

/// <summary>
/// The policies that a job type can name, in one place. Configuration overrides their figures (<c>Weir:Retries:standard:Attempts=8</c>), adds
/// new ones, and gives a type another one (<c>Weir:Jobs:email.welcome:Retry=patient</c>).
/// </summary>
public sealed class RetryPolicies
{
    public const string Standard = "standard";
    public const string Patient = "patient";
    public const string Quick = "quick";
    public const string None = "none";

    private const string PoliciesSection = "Weir:Retries";
    private const string JobsSection = "Weir:Jobs";

    private static readonly RetryPolicy Template = new(Attempts: 5, UnknownAttempts: 3, Base: TimeSpan.FromSeconds(2), Cap: TimeSpan.FromMinutes(5), Multiplier: 3);

    private readonly Dictionary<string, RetryPolicy> policies = new(StringComparer.Ordinal)
    {
        // Up to 80 s of delays in all: what a deployment or a failover of the other side takes.
        [Standard] = Template,
        // Up to about 20 hours: for the other side's bad day.
        [Patient] = new(Attempts: 12, UnknownAttempts: 5, Base: TimeSpan.FromSeconds(30), Cap: TimeSpan.FromHours(4), Multiplier: 3),
        // For a downstream of our own, which is back within the second.
        [Quick] = new(Attempts: 5, UnknownAttempts: 5, Base: TimeSpan.FromMilliseconds(100), Cap: TimeSpan.FromSeconds(2), Budget: 1),
        [None] = new(Attempts: 1, UnknownAttempts: 1, Base: TimeSpan.Zero, Cap: TimeSpan.Zero, Budget: 1),
    };

    private readonly Dictionary<string, string> byType;
    private readonly ControlBoard? controls;

    /// <exception cref="InvalidOperationException">A setting is out of range, or names a policy that there is not.</exception>
    public RetryPolicies(IConfiguration configuration) : this(configuration, controls: null)
    {
    }

    internal RetryPolicies(IConfiguration configuration, ControlBoard? controls)
    {
        this.controls = controls;
        foreach (var section in configuration.GetSection(PoliciesSection).GetChildren())
            policies[section.Key] = Override(policies.GetValueOrDefault(section.Key, Template), section);

        byType = configuration.GetSection(JobsSection).GetChildren()
            .Where(section => section["Retry"] is not null)
            .ToDictionary(section => section.Key, section => section["Retry"]!, StringComparer.OrdinalIgnoreCase);
        foreach (var (type, name) in byType)
            Find(name, $"{JobsSection}:{type}:Retry");
    }

    internal RetryPolicy Of(JobType type) => Find(NameOf(type), $"the job type '{type.Name}'");

    /// <summary>What this job is tried by: a control may give it another policy than its type's.</summary>
    internal RetryPolicy Of(JobType type, string jobId, string tenant)
    {
        // A second try is what this guarantee rules out, whoever asks for it.
        if (type.Guarantee == Guarantee.AtMostOnce || controls?.PolicyOf(type, jobId, tenant) is not { } control)
            return Of(type);
        return control.Policy ?? (control.PolicyName is { } name ? policies.GetValueOrDefault(name) : null) ?? Of(type);
    }

    /// <summary>Null when there is none of this name.</summary>
    internal RetryPolicy? Find(string name) => policies.GetValueOrDefault(name);

    internal IEnumerable<string> Names => policies.Keys.Order(StringComparer.Ordinal);

    /// <param name="who">Asks for it, for the error.</param>
    internal RetryPolicy Named(string name, string who) => Find(name, who);

    internal string NameOf(JobType type) => type.Guarantee == Guarantee.AtMostOnce ? None : byType.GetValueOrDefault(type.Name, type.RetryPolicy);

    private RetryPolicy Find(string name, string who) => policies.GetValueOrDefault(name)
        ?? throw new InvalidOperationException($"There is no retry policy '{name}', which {who} asks for; expected one of {string.Join(", ", policies.Keys.Order())}.");

    private static RetryPolicy Override(RetryPolicy policy, IConfigurationSection section)
    {
        var changed = new RetryPolicy(
            section.GetValue(nameof(policy.Attempts), policy.Attempts), section.GetValue(nameof(policy.UnknownAttempts), policy.UnknownAttempts),
            section.GetValue(nameof(policy.Base), policy.Base), section.GetValue(nameof(policy.Cap), policy.Cap),
            section.GetValue(nameof(policy.Multiplier), policy.Multiplier), section.GetValue(nameof(policy.Budget), policy.Budget));

        return WrongIn(changed) is { } wrong ? throw new InvalidOperationException($"{section.Path}: {wrong}.") : changed;
    }

    /// <summary>What of a policy's figures is out of range; null when nothing is.</summary>
    internal static string? WrongIn(RetryPolicy changed)
    {
        return changed switch
        {
            { Attempts: < 1 or > 100 } => $"{nameof(RetryPolicy.Attempts)} is {changed.Attempts}; expected 1 to 100",
            { UnknownAttempts: < 1 or > 100 } => $"{nameof(RetryPolicy.UnknownAttempts)} is {changed.UnknownAttempts}; expected 1 to 100",
            { Base.Ticks: < 0 } => $"{nameof(RetryPolicy.Base)} is {changed.Base}; expected 0 or more",
            _ when changed.Cap < changed.Base || changed.Cap > TimeSpan.FromDays(7) => $"{nameof(RetryPolicy.Cap)} is {changed.Cap}; expected {nameof(RetryPolicy.Base)} to 7 days",
            { Multiplier: not (>= 1 and <= 10) } => $"{nameof(RetryPolicy.Multiplier)} is {changed.Multiplier}; expected 1 to 10",
            { Budget: not (> 0 and <= 1) } => $"{nameof(RetryPolicy.Budget)} is {changed.Budget}; expected more than 0, at most 1",
            _ => null,
        };
    }
}
