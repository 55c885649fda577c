using AzureLocal.ServiceBus;

namespace Azure.Messaging.ServiceBus.Administration;

public abstract class RuleFilter
{
    internal RuleFilter()
    {
    }

    /// <summary>What a message must equal, or null for any message.</summary>
    internal abstract BrokerMessage? ToPattern();

    internal static RuleFilter From(BrokerMessage? pattern) => pattern is null ? new TrueRuleFilter() : new CorrelationRuleFilter(pattern);
}

/// <summary>SQL expressions are not supported here; the type exists because <see cref="TrueRuleFilter"/> is one.</summary>
public class SqlRuleFilter : RuleFilter
{
    public SqlRuleFilter(string sqlExpression) => SqlExpression = sqlExpression;

    public string SqlExpression { get; }

    internal override BrokerMessage? ToPattern() => throw new NotSupportedException(
        $"The local Service Bus has no SQL filters ('{SqlExpression}'): use a CorrelationRuleFilter or a TrueRuleFilter.");
}

/// <summary>Takes every message.</summary>
public sealed class TrueRuleFilter : SqlRuleFilter
{
    public TrueRuleFilter() : base("1=1")
    {
    }

    internal override BrokerMessage? ToPattern() => null;
}

/// <summary>Takes the messages that equal it in everything it sets.</summary>
public sealed class CorrelationRuleFilter : RuleFilter
{
    private readonly BrokerMessage pattern;

    public CorrelationRuleFilter() : this(new BrokerMessage())
    {
    }

    public CorrelationRuleFilter(string correlationId) : this(new BrokerMessage { CorrelationId = correlationId })
    {
    }

    internal CorrelationRuleFilter(BrokerMessage pattern) => this.pattern = pattern;

    public IDictionary<string, object> ApplicationProperties => pattern.Properties;

    public string? CorrelationId { get => pattern.CorrelationId; set => pattern.CorrelationId = value; }

    public string? MessageId { get => pattern.MessageId; set => pattern.MessageId = value; }

    public string? To { get => pattern.To; set => pattern.To = value; }

    public string? ReplyTo { get => pattern.ReplyTo; set => pattern.ReplyTo = value; }

    public string? Subject { get => pattern.Subject; set => pattern.Subject = value; }

    public string? SessionId { get => pattern.SessionId; set => pattern.SessionId = value; }

    public string? ReplyToSessionId { get => pattern.ReplyToSessionId; set => pattern.ReplyToSessionId = value; }

    public string? ContentType { get => pattern.ContentType; set => pattern.ContentType = value; }

    internal override BrokerMessage? ToPattern() => pattern;
}

public sealed class CreateRuleOptions
{
    public const string DefaultRuleName = "$Default";

    public CreateRuleOptions() : this(DefaultRuleName)
    {
    }

    public CreateRuleOptions(string name) : this(name, new TrueRuleFilter())
    {
    }

    public CreateRuleOptions(string name, RuleFilter filter) => (Name, Filter) = (name, filter);

    public string Name { get; set; }

    public RuleFilter Filter { get; set; }

    internal Rule ToRule() => new(Name, Filter.ToPattern());
}

public sealed class RuleProperties
{
    public const string DefaultRuleName = CreateRuleOptions.DefaultRuleName;

    internal RuleProperties(Rule rule) => (Name, Filter) = (rule.Name, RuleFilter.From(rule.Pattern));

    public string Name { get; }

    public RuleFilter Filter { get; set; }
}
