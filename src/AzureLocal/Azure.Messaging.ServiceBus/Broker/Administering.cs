namespace AzureLocal.ServiceBus;

/// <summary>Entities and rules: what may be made, changed and removed.</summary>
internal static class Administering
{
    private static readonly TimeSpan MaxLockDuration = TimeSpan.FromMinutes(5);
    private static readonly TimeSpan MinDuplicateWindow = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan MaxDuplicateWindow = TimeSpan.FromDays(7);
    private static readonly TimeSpan MinTimeToLive = TimeSpan.FromSeconds(1);
    private const int MaxPathLength = 260;

    public static void Check(EntitySettings settings)
    {
        var path = settings.Path;
        ArgumentException.ThrowIfNullOrWhiteSpace(path);
        if (path.Length > MaxPathLength || path.IndexOfAny(['@', '?', '#', '*', '\\', '$']) >= 0 || path[0] == '/' || path[^1] == '/')
            throw new ArgumentException($"'{path}' is no name for an entity: at most {MaxPathLength} characters, none of @?#*\\$, and no slash at either end.", nameof(settings));
        Check(path, "LockDuration", settings.LockDuration, TimeSpan.FromTicks(1), MaxLockDuration);
        Check(path, "DuplicateDetectionHistoryTimeWindow", settings.DuplicateDetectionHistoryTimeWindow, MinDuplicateWindow, MaxDuplicateWindow);
        Check(path, "DefaultMessageTimeToLive", settings.DefaultMessageTimeToLive, MinTimeToLive, TimeSpan.MaxValue);
        if (settings.MaxDeliveryCount < 1)
            throw new ArgumentOutOfRangeException(nameof(settings), $"{path}: MaxDeliveryCount is {settings.MaxDeliveryCount}, at least 1 is expected.");
    }

    public static EntityInfo Create(Transaction transaction, EntitySettings settings, IReadOnlyList<Rule> rules)
    {
        if (transaction.Find(settings.Path) is not null)
            throw Errors.AlreadyExists(settings.Path);
        long? topic = null;
        if (settings.Kind == EntityKind.Subscription)
        {
            var (parent, _) = EntityPaths.ParseSubscription(settings.Path);
            topic = transaction.Find(parent) is { Kind: EntityKind.Topic } found ? found.Id : throw Errors.NotFound(parent);
        }
        Entity.Insert(transaction.Database, settings, topic, transaction.Now);
        var entity = transaction.Find(settings.Path)!;
        foreach (var rule in rules)
            Rules.Add(transaction.Database, entity.Id, rule);
        return entity.ToInfo();
    }

    public static EntityInfo Update(Transaction transaction, EntitySettings settings)
    {
        var entity = transaction.Find(settings.Path) ?? throw Errors.NotFound(settings.Path);
        var current = entity.ToSettings();
        ThrowIfChanged(settings.Path, "kind", current.Kind, settings.Kind);
        ThrowIfChanged(settings.Path, nameof(settings.RequiresSession), current.RequiresSession, settings.RequiresSession);
        ThrowIfChanged(settings.Path, nameof(settings.RequiresDuplicateDetection), current.RequiresDuplicateDetection, settings.RequiresDuplicateDetection);
        var wanted = settings with { Path = current.Path };
        if (wanted == current)
            return entity.ToInfo();
        transaction.Group.Forget(transaction.Database);
        Entity.Update(transaction.Database, entity.Id, wanted, transaction.Now);
        return entity.ToInfo() with { Settings = wanted, UpdatedAt = new DateTimeOffset(transaction.Now, TimeSpan.Zero) };
    }

    public static bool Delete(Transaction transaction, string path)
    {
        var entity = transaction.Find(path) ?? throw Errors.NotFound(path);
        foreach (var subscription in Entity.SubscriptionsOf(transaction.Database, entity.Id))
            Delete(transaction, subscription);
        Delete(transaction, entity.Id);
        return true;
    }

    public static bool CreateRule(Transaction transaction, string subscription, Rule rule)
    {
        var entity = Subscription(transaction, subscription);
        if (Rules.Exists(transaction.Database, entity.Id, rule.Name))
            throw Errors.AlreadyExists($"{subscription}/Rules/{rule.Name}");
        Rules.Add(transaction.Database, entity.Id, rule);
        return true;
    }

    public static bool DeleteRule(Transaction transaction, string subscription, string name)
    {
        var entity = Subscription(transaction, subscription);
        return Rules.Remove(transaction.Database, entity.Id, name) == 1 ? true : throw Errors.NotFound($"{subscription}/Rules/{name}");
    }

    public static bool SetRules(Transaction transaction, string subscription, IReadOnlyList<Rule> rules)
    {
        var entity = Subscription(transaction, subscription);
        Rules.RemoveAll(transaction.Database, entity.Id);
        foreach (var rule in rules)
            Rules.Add(transaction.Database, entity.Id, rule);
        return true;
    }

    private static Entity Subscription(Transaction transaction, string path) =>
        transaction.Find(path) is { Kind: EntityKind.Subscription } entity ? entity : throw Errors.NotFound(path);

    /// <summary>Those who wait there are woken, to find that it is gone.</summary>
    private static void Delete(Transaction transaction, long id)
    {
        transaction.Group.Forget(transaction.Database);
        Entity.Delete(transaction.Database, id);
        transaction.Wake(-Keys.Box(id, false), int.MaxValue);
        transaction.Wake(-Keys.Box(id, true), int.MaxValue);
    }

    private static void Check(string path, string property, TimeSpan value, TimeSpan least, TimeSpan most)
    {
        if (value < least || value > most)
            throw new ArgumentOutOfRangeException(property, $"{path}: {property} is {value}, between {least} and {most} is expected.");
    }

    private static void ThrowIfChanged<T>(string path, string property, T current, T wanted)
    {
        if (!Equals(current, wanted))
            throw new InvalidOperationException(
                $"{path}: {property} is {current} and cannot be changed to {wanted} after creation. Keep it, or delete the entity (its messages with it) and create it anew.");
    }
}
