using System.Text.Json;
using System.Xml;
using Azure.Messaging.ServiceBus;

namespace AzureLocal.ServiceBus;

/// <summary>
/// Makes the entities that a file in the official emulator's Config.json format names, so that one file serves both. Applying it again
/// changes what may be changed and leaves the rest; entities that it does not name stay. What it asks for and cannot have is an error.
/// </summary>
internal static class EntityConfig
{
    private static readonly JsonDocumentOptions Lenient = new() { CommentHandling = JsonCommentHandling.Skip, AllowTrailingCommas = true };

    /// <exception cref="InvalidDataException">The file is not in that format.</exception>
    /// <exception cref="NotSupportedException">It asks for what this broker does not have.</exception>
    /// <exception cref="InvalidOperationException">An entity exists with another value of a property that is fixed at creation.</exception>
    public static async Task ApplyAsync(IBroker broker, string path, CancellationToken cancellation = default)
    {
        List<Wanted> entities;
        try
        {
            using var document = JsonDocument.Parse(await File.ReadAllBytesAsync(path, cancellation), Lenient);
            entities = Read(document.RootElement);
        }
        catch (Exception malformed) when (malformed is JsonException or FormatException or KeyNotFoundException or InvalidOperationException)
        {
            throw new InvalidDataException($"{path}: {malformed.Message}", malformed);
        }
        foreach (var entity in entities)
            await ApplyAsync(broker, entity, cancellation);
    }

    private static async Task ApplyAsync(IBroker broker, Wanted entity, CancellationToken cancellation)
    {
        try
        {
            await broker.CreateEntityAsync(entity.Settings, entity.Rules, cancellation);
        }
        catch (ServiceBusException exists) when (exists.Reason == ServiceBusFailureReason.MessagingEntityAlreadyExists)
        {
            await broker.UpdateEntityAsync(entity.Settings, cancellation);
            if (entity.Settings.Kind == EntityKind.Subscription)
                await broker.SetRulesAsync(entity.Settings.Path, entity.Rules, cancellation);
        }
    }

    private static List<Wanted> Read(JsonElement root)
    {
        var wanted = new List<Wanted>();
        foreach (var space in root.GetProperty("UserConfig").GetProperty("Namespaces").EnumerateArray())
        {
            foreach (var queue in Items(space, "Queues"))
                wanted.Add(new Wanted(Settings(EntityKind.Queue, Name(queue), queue), []));
            foreach (var topic in Items(space, "Topics"))
            {
                wanted.Add(new Wanted(Settings(EntityKind.Topic, Name(topic), topic), []));
                foreach (var subscription in Items(topic, "Subscriptions"))
                {
                    var settings = Settings(EntityKind.Subscription, EntityPaths.Subscription(Name(topic), Name(subscription)), subscription);
                    wanted.Add(new Wanted(settings, Rules(subscription)));
                }
            }
        }
        return wanted;
    }

    private static EntitySettings Settings(EntityKind kind, string path, JsonElement entity)
    {
        var settings = new EntitySettings(kind, path);
        if (!entity.TryGetProperty("Properties", out var properties))
            return settings;
        foreach (var property in properties.EnumerateObject())
        {
            var value = property.Value;
            settings = property.Name switch
            {
                "LockDuration" => settings with { LockDuration = Duration(value) },
                "MaxDeliveryCount" => settings with { MaxDeliveryCount = value.GetInt32() },
                "DefaultMessageTimeToLive" => settings with { DefaultMessageTimeToLive = Duration(value) },
                "DeadLetteringOnMessageExpiration" => settings with { DeadLetteringOnMessageExpiration = value.GetBoolean() },
                "RequiresSession" => settings with { RequiresSession = value.GetBoolean() },
                "RequiresDuplicateDetection" => settings with { RequiresDuplicateDetection = value.GetBoolean() },
                "DuplicateDetectionHistoryTimeWindow" => settings with { DuplicateDetectionHistoryTimeWindow = Duration(value) },
                "ForwardTo" or "ForwardDeadLetteredMessagesTo" when string.IsNullOrEmpty(value.GetString()) => settings,
                "ForwardTo" or "ForwardDeadLetteredMessagesTo" => throw new NotSupportedException($"{path}: the local Service Bus does not forward messages ({property.Name})."),
                _ => throw new FormatException($"{path} has the property '{property.Name}', which is unknown."),
            };
        }
        return settings;
    }

    private static List<Rule> Rules(JsonElement subscription)
    {
        var rules = new List<Rule>();
        foreach (var rule in Items(subscription, "Rules"))
            rules.Add(new Rule(Name(rule), Pattern(Name(rule), rule.GetProperty("Properties"))));
        return rules.Count > 0 ? rules : [new Rule("$Default", null)];
    }

    private static BrokerMessage Pattern(string name, JsonElement rule)
    {
        if (rule.GetProperty("FilterType").GetString() != "Correlation" || rule.TryGetProperty("Action", out _))
            throw new NotSupportedException($"The rule '{name}': the local Service Bus has correlation filters only, and no actions.");
        var pattern = new BrokerMessage();
        foreach (var property in rule.GetProperty("CorrelationFilter").EnumerateObject())
        {
            switch (property.Name)
            {
                case "ContentType": pattern.ContentType = property.Value.GetString(); break;
                case "CorrelationId": pattern.CorrelationId = property.Value.GetString(); break;
                case "Label": pattern.Subject = property.Value.GetString(); break;
                case "MessageId": pattern.MessageId = property.Value.GetString(); break;
                case "ReplyTo": pattern.ReplyTo = property.Value.GetString(); break;
                case "ReplyToSessionId": pattern.ReplyToSessionId = property.Value.GetString(); break;
                case "SessionId": pattern.SessionId = property.Value.GetString(); break;
                case "To": pattern.To = property.Value.GetString(); break;
                case "Properties":
                    foreach (var custom in property.Value.EnumerateObject())
                        pattern.Properties[custom.Name] = custom.Value.GetString()!;
                    break;
                default: throw new FormatException($"The rule '{name}' has the property '{property.Name}', which is unknown.");
            }
        }
        return pattern;
    }

    private static IEnumerable<JsonElement> Items(JsonElement parent, string name) =>
        parent.TryGetProperty(name, out var items) ? items.EnumerateArray() : Enumerable.Empty<JsonElement>();

    private static string Name(JsonElement entity) => entity.GetProperty("Name").GetString() ?? throw new FormatException("An entity has no name.");

    private static TimeSpan Duration(JsonElement value) => XmlConvert.ToTimeSpan(value.GetString()!);

    private sealed record Wanted(EntitySettings Settings, List<Rule> Rules);
}
