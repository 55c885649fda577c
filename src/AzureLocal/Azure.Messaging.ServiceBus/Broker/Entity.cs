using AzureLocal.Storage;

namespace AzureLocal.ServiceBus;

/// <summary>A row of <c>sb_entities</c> as one transaction sees it: each reads it anew, since another process may have changed it.</summary>
internal sealed class Entity
{
    private const string Columns = """
        id, path, kind, topic, requires_session, lock_duration, max_deliveries, ttl, dead_letter_expired, requires_duplicate_detection,
        duplicate_window, created, updated, next_sequence, next_ticket, active, scheduled, dead
        """;

    private (long, long, long, long, long) saved;

    public required long Id { get; init; }
    public required string Path { get; init; }
    public required EntityKind Kind { get; init; }
    public required long? Topic { get; init; }
    public required bool RequiresSession { get; init; }
    public required long LockDuration { get; init; }
    public required int MaxDeliveryCount { get; init; }
    public required long? TimeToLive { get; init; }
    public required bool DeadLetterExpired { get; init; }
    public required bool RequiresDuplicateDetection { get; init; }
    public required long DuplicateWindow { get; init; }
    public required long Created { get; init; }
    public required long Updated { get; init; }

    public long NextSequence { get; set; }
    public long NextTicket { get; set; }
    public long Active { get; set; }
    public long Scheduled { get; set; }
    public long Dead { get; set; }

    public long Box => Keys.Box(Id, isDeadLetter: false);

    /// <summary>Whether it was counted since it was read or copied.</summary>
    public bool HasCounted => Counters != saved;

    private (long, long, long, long, long) Counters => (NextSequence, NextTicket, Active, Scheduled, Dead);

    public static Entity? Load(Database database, string path)
    {
        using var rows = database.Query($"SELECT {Columns} FROM sb_entities WHERE path = ?", path);
        return rows.Read() ? From(rows) : null;
    }

    public static Entity? Load(Database database, long id)
    {
        using var rows = database.Query($"SELECT {Columns} FROM sb_entities WHERE id = ?", id);
        return rows.Read() ? From(rows) : null;
    }

    public static List<long> SubscriptionsOf(Database database, long topic)
    {
        var ids = new List<long>();
        using var rows = database.Query("SELECT id FROM sb_entities WHERE topic = ? ORDER BY id", topic);
        while (rows.Read())
            ids.Add(rows.Int64(0));
        return ids;
    }

    public static long? IdOf(Database database, string path)
    {
        using var rows = database.Query("SELECT id FROM sb_entities WHERE path = ?", path);
        return rows.Read() ? rows.Int64(0) : null;
    }

    public static void Insert(Database database, EntitySettings settings, long? topic, long now) => database.Execute(
        """
        INSERT INTO sb_entities (path, kind, topic, requires_session, lock_duration, max_deliveries, ttl, dead_letter_expired,
            requires_duplicate_detection, duplicate_window, created, updated) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
        """,
        settings.Path, (long)settings.Kind, topic, settings.RequiresSession, settings.LockDuration.Ticks, settings.MaxDeliveryCount,
        Ticks(settings.DefaultMessageTimeToLive), settings.DeadLetteringOnMessageExpiration, settings.RequiresDuplicateDetection,
        settings.DuplicateDetectionHistoryTimeWindow.Ticks, now, now);

    public static void Update(Database database, long id, EntitySettings settings, long now) => database.Execute(
        "UPDATE sb_entities SET lock_duration = ?, max_deliveries = ?, ttl = ?, dead_letter_expired = ?, duplicate_window = ?, updated = ? WHERE id = ?",
        settings.LockDuration.Ticks, settings.MaxDeliveryCount, Ticks(settings.DefaultMessageTimeToLive), settings.DeadLetteringOnMessageExpiration,
        settings.DuplicateDetectionHistoryTimeWindow.Ticks, now, id);

    /// <summary>Removes the entity with everything in it.</summary>
    public static void Delete(Database database, long id)
    {
        var (from, to) = (Keys.Key(Keys.Box(id, false), 0), Keys.Key(Keys.Box(id + 1, false), 0));
        database.Execute("DELETE FROM sb_messages WHERE key >= ? AND key < ?", from, to);
        database.Execute("DELETE FROM sb_taken WHERE key >= ? AND key < ?", from, to);
        database.Execute("DELETE FROM sb_sessions WHERE entity = ?", id);
        database.Execute("DELETE FROM sb_seen WHERE entity = ?", id);
        database.Execute("DELETE FROM sb_rules WHERE subscription = ?", id);
        database.Execute("DELETE FROM sb_entities WHERE id = ?", id);
    }

    public Entity Copy()
    {
        var copy = (Entity)MemberwiseClone();
        copy.saved = Counters;
        return copy;
    }

    public void SaveCounters(Database database) => database.Execute(
        "UPDATE sb_entities SET next_sequence = ?, next_ticket = ?, active = ?, scheduled = ?, dead = ? WHERE id = ?",
        NextSequence, NextTicket, Active, Scheduled, Dead, Id);

    public EntityInfo ToInfo() => new(ToSettings(), Time(Created), Time(Updated), Active, Scheduled, Dead);

    public EntitySettings ToSettings() => new(Kind, Path)
    {
        LockDuration = new TimeSpan(LockDuration),
        MaxDeliveryCount = MaxDeliveryCount,
        DefaultMessageTimeToLive = TimeToLive is { } ttl ? new TimeSpan(ttl) : TimeSpan.MaxValue,
        DeadLetteringOnMessageExpiration = DeadLetterExpired,
        RequiresSession = RequiresSession,
        RequiresDuplicateDetection = RequiresDuplicateDetection,
        DuplicateDetectionHistoryTimeWindow = new TimeSpan(DuplicateWindow),
    };

    private static Entity From(Rows rows)
    {
        var entity = new Entity
        {
            Id = rows.Int64(0),
            Path = rows.Text(1),
            Kind = (EntityKind)rows.Int32(2),
            Topic = rows.Int64OrNull(3),
            RequiresSession = rows.Boolean(4),
            LockDuration = rows.Int64(5),
            MaxDeliveryCount = rows.Int32(6),
            TimeToLive = rows.Int64OrNull(7),
            DeadLetterExpired = rows.Boolean(8),
            RequiresDuplicateDetection = rows.Boolean(9),
            DuplicateWindow = rows.Int64(10),
            Created = rows.Int64(11),
            Updated = rows.Int64(12),
            NextSequence = rows.Int64(13),
            NextTicket = rows.Int64(14),
            Active = rows.Int64(15),
            Scheduled = rows.Int64(16),
            Dead = rows.Int64(17),
        };
        entity.saved = entity.Counters;
        return entity;
    }

    private static long? Ticks(TimeSpan span) => span == TimeSpan.MaxValue ? null : span.Ticks;

    private static DateTimeOffset Time(long ticks) => new(ticks, TimeSpan.Zero);
}
