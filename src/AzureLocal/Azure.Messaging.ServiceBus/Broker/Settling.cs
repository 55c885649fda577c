using Azure.Messaging.ServiceBus;
using AzureLocal.Storage;

namespace AzureLocal.ServiceBus;

internal enum SettleResult { Done, MessageLockLost, SessionLockLost }

/// <summary>What receivers decide about the messages in their hands, and the locks meanwhile.</summary>
internal static class Settling
{
    public static SettleResult Settle(Transaction transaction, SessionLock? session, Guid lockToken, Outcome outcome, byte[]? content, string owner)
    {
        if (InHand(transaction, session, lockToken, owner, out var hand) is var refusal and not SettleResult.Done)
            return refusal;
        if (outcome == Outcome.Complete)
        {
            Hands.Complete(transaction, hand);
            return SettleResult.Done;
        }

        if (session is not null)
            session.From = Math.Min(session.From, hand.Key);
        if (content is not null)
            Messages.WriteContent(transaction.Database, hand.Key, content);
        var row = Messages.Find(transaction, hand.Key) ?? throw new InvalidDataException($"The message {hand.Key} is in hand and missing.");
        switch (outcome)
        {
            case Outcome.Abandon:
                Messages.CountFailure(transaction, row);
                break;
            case Outcome.Defer:
                Messages.Defer(transaction, row);
                break;
            default:
                Messages.DeadLetter(transaction, row);
                break;
        }
        return SettleResult.Done;
    }

    /// <summary>The time until which the message is now locked, or null when its lock was lost.</summary>
    public static long? Renew(Transaction transaction, Guid lockToken, string owner)
    {
        if (InHand(transaction, null, lockToken, owner, out var hand) != SettleResult.Done)
            return null;
        var until = transaction.Now + transaction.Get(Keys.Entity(Keys.BoxOf(hand.Key))).LockDuration;
        Hands.Renew(transaction, hand.Key, until);
        return until;
    }

    public static long? RenewSession(Transaction transaction, SessionLock session, string owner) =>
        Sessions.Find(transaction, session.Line) is { } row && row.IsHeldBy(owner, session.Link, transaction.Now)
            ? Sessions.Renew(transaction, transaction.Get(row.Entity), row.Id)
            : null;

    /// <summary>Gives the session back. One whose lock was lost already needs nothing.</summary>
    public static bool ReleaseSession(Transaction transaction, SessionLock session, string owner)
    {
        if (Sessions.Find(transaction, session.Line) is not { } row || !row.IsHeldBy(owner, session.Link, transaction.Now))
            return false;
        transaction.OthersFirst = Sessions.Free(transaction, row, isFailure: false) > session.AheadCount;
        return true;
    }

    /// <summary>
    /// The content of a message as its receiver changes it, or null when it is gone. Made outside the transaction: nobody else changes
    /// it while it is in hand.
    /// </summary>
    public static byte[]? Changed(Database database, Guid lockToken, Settlement settlement)
    {
        var (key, _) = Keys.Parse(lockToken);
        if (Content(database, key) is not { } stored)
            return null;
        var message = MessageFormat.Decode(stored);
        foreach (var (name, value) in settlement.Changes ?? new Dictionary<string, object>())
            message.Properties[name] = value;
        if (settlement.Reason is { } reason)
            message.Properties[ServiceBusReceivedMessage.DeadLetterReasonHeader] = reason;
        if (settlement.Description is { } description)
            message.Properties[ServiceBusReceivedMessage.DeadLetterErrorDescriptionHeader] = description;
        return MessageFormat.Encode(message);
    }

    private static SettleResult InHand(Transaction transaction, SessionLock? session, Guid lockToken, string owner, out Hand hand)
    {
        hand = default;
        if (session is not null && !Sessions.IsHeld(transaction, session, owner))
            return SettleResult.SessionLockLost;
        var (key, number) = Keys.Parse(lockToken);
        if (Hands.Find(transaction, key) is not { } found || found.Lock != number)
            return SettleResult.MessageLockLost;
        hand = found;
        var isOurs = session is not null ? found.Line == session.Line : found.Owner == owner && found.LockedUntil > transaction.Now;
        return isOurs ? SettleResult.Done : SettleResult.MessageLockLost;
    }

    private static byte[]? Content(Database database, long key)
    {
        using var rows = database.Query($"SELECT m.content FROM sb_messages m WHERE m.key = ? AND {Hands.NotCompleted}", key);
        return rows.Read() ? rows.Blob(0) : null;
    }
}
