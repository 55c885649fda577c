using AzureLocal.Storage;

namespace AzureLocal.ServiceBus;

/// <summary>
/// The broker's tables. A box is an entity's main queue (id * 2) or its dead-letter queue (id * 2 + 1). A message's key is its box
/// and its sequence number, so that a box is one range of the primary key, in order. A message waits in a line: a session
/// (<c>sb_sessions.id</c>), or, where there are no sessions, the box itself (<c>-box</c>). Times are UTC ticks.
/// </summary>
internal static class Schema
{
    private const string Tables = """
        CREATE TABLE IF NOT EXISTS sb_entities (
            id INTEGER PRIMARY KEY AUTOINCREMENT, -- never used again: a late settlement must not meet a new entity's message
            path TEXT NOT NULL COLLATE NOCASE UNIQUE,
            kind INTEGER NOT NULL,
            topic INTEGER, -- of a subscription
            requires_session INTEGER NOT NULL,
            lock_duration INTEGER NOT NULL,
            max_deliveries INTEGER NOT NULL,
            ttl INTEGER,
            dead_letter_expired INTEGER NOT NULL,
            requires_duplicate_detection INTEGER NOT NULL,
            duplicate_window INTEGER NOT NULL,
            created INTEGER NOT NULL,
            updated INTEGER NOT NULL,
            next_sequence INTEGER NOT NULL DEFAULT 1,
            next_ticket INTEGER NOT NULL DEFAULT 1,
            active INTEGER NOT NULL DEFAULT 0, -- ready, in hand and deferred
            scheduled INTEGER NOT NULL DEFAULT 0,
            dead INTEGER NOT NULL DEFAULT 0
        ) STRICT;
        CREATE INDEX IF NOT EXISTS sb_entities_topic ON sb_entities (topic) WHERE topic IS NOT NULL;

        CREATE TABLE IF NOT EXISTS sb_rules (
            subscription INTEGER NOT NULL,
            name TEXT NOT NULL COLLATE NOCASE,
            pattern BLOB, -- a message that must be equalled, or null for all
            PRIMARY KEY (subscription, name)
        ) STRICT, WITHOUT ROWID;

        CREATE TABLE IF NOT EXISTS sb_messages (
            key INTEGER PRIMARY KEY, -- box << 40 | sequence number
            line INTEGER NOT NULL,
            state INTEGER NOT NULL, -- MessageState
            first INTEGER NOT NULL, -- the sequence number that it was sent with
            enqueued INTEGER NOT NULL,
            ttl INTEGER, -- null: for ever
            due INTEGER, -- of a scheduled message its time, of a ready one that is not taken its expiry, else null
            deliveries INTEGER NOT NULL DEFAULT 0, -- that failed
            content BLOB NOT NULL
        ) STRICT;
        CREATE INDEX IF NOT EXISTS sb_messages_line ON sb_messages (line, state);
        CREATE INDEX IF NOT EXISTS sb_messages_due ON sb_messages (due) WHERE due IS NOT NULL;

        -- The messages in a receiver's hand, and those completed that are not cleared away yet. A message that is taken and completed leaves its own row as it is:
        -- its 50 neighbours here share a page, while those in sb_messages and its indexes would be some seven pages of log for each message.
        CREATE TABLE IF NOT EXISTS sb_taken (
            key INTEGER PRIMARY KEY,
            line INTEGER NOT NULL,
            lock INTEGER NOT NULL, -- number of the delivery
            owner TEXT, -- connection that has it in hand; null in a session, which has an owner itself
            locked_until INTEGER,
            completed INTEGER NOT NULL DEFAULT 0
        ) STRICT;
        CREATE INDEX IF NOT EXISTS sb_taken_line ON sb_taken (line) WHERE completed = 0;
        CREATE INDEX IF NOT EXISTS sb_taken_locked ON sb_taken (locked_until, owner) WHERE locked_until IS NOT NULL;

        -- A row for each session that is held, or has a message or a state; none for any other.
        CREATE TABLE IF NOT EXISTS sb_sessions (
            id INTEGER PRIMARY KEY,
            entity INTEGER NOT NULL,
            session TEXT NOT NULL,
            ticket INTEGER, -- its place among the sessions that can be accepted; null while it has no ready message or is held
            owner TEXT,
            link INTEGER,
            locked_until INTEGER,
            state BLOB,
            UNIQUE (entity, session)
        ) STRICT;
        CREATE INDEX IF NOT EXISTS sb_sessions_next ON sb_sessions (entity, ticket) WHERE ticket IS NOT NULL;
        CREATE INDEX IF NOT EXISTS sb_sessions_locked ON sb_sessions (locked_until, owner) WHERE locked_until IS NOT NULL;

        -- What duplicate detection remembers.
        CREATE TABLE IF NOT EXISTS sb_seen (
            entity INTEGER NOT NULL,
            message TEXT NOT NULL,
            sequence INTEGER NOT NULL,
            until INTEGER NOT NULL,
            PRIMARY KEY (entity, message)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX IF NOT EXISTS sb_seen_until ON sb_seen (entity, until);
        """;

    public static void Create(Database database) => database.Script(Tables);
}

/// <summary>The arithmetic of boxes and keys.</summary>
internal static class Keys
{
    private const int SequenceBits = 40; // a trillion messages an entity, eight million entities

    public const long NextBox = 1L << SequenceBits;

    public static long Box(long entity, bool isDeadLetter) => entity * 2 + (isDeadLetter ? 1 : 0);

    public static long Entity(long box) => box >> 1;

    public static bool IsDeadLetter(long box) => (box & 1) == 1;

    public static long Key(long box, long sequence) => box << SequenceBits | sequence;

    public static long BoxOf(long key) => key >> SequenceBits;

    public static long SequenceOf(long key) => key & (NextBox - 1);

    /// <summary>A lock token names the message and the delivery, so a settlement needs no search.</summary>
    public static Guid LockToken(long key, long number)
    {
        Span<byte> bytes = stackalloc byte[16];
        BitConverter.TryWriteBytes(bytes, key);
        BitConverter.TryWriteBytes(bytes[8..], number);
        return new Guid(bytes);
    }

    public static (long Key, long Number) Parse(Guid lockToken)
    {
        Span<byte> bytes = stackalloc byte[16];
        lockToken.TryWriteBytes(bytes);
        return (BitConverter.ToInt64(bytes), BitConverter.ToInt64(bytes[8..]));
    }
}
