using Azure.Messaging.ServiceBus;
using AzureLocal.Storage;

namespace AzureLocal.ServiceBus;

/// <summary>What the broker refuses with, in the service's words where they are known.</summary>
internal static class Errors
{
    public static ServiceBusException NotFound(string path) =>
        new($"The messaging entity '{path}' could not be found. Entities are made by the administration client, or at start from the host's entity file.",
            ServiceBusFailureReason.MessagingEntityNotFound, path);

    public static ServiceBusException AlreadyExists(string path) =>
        new("The messaging entity already exists.", ServiceBusFailureReason.MessagingEntityAlreadyExists, path);

    public static ServiceBusException MessageNotFound(string path, long number) =>
        new($"No message with sequence number {number} is in that state.", ServiceBusFailureReason.MessageNotFound, path);

    public static ServiceBusException MessageTooLarge(string path, string what) => new(what, ServiceBusFailureReason.MessageSizeExceeded, path);

    public static ServiceBusException MessageLockLost(string path) =>
        new("The lock supplied is invalid. Either the lock expired, or the message has already been removed from the queue.", ServiceBusFailureReason.MessageLockLost, path);

    public static ServiceBusException SessionLockLost(SessionLock session) =>
        new($"The session lock has expired on the session '{session.SessionId}'. Accept a new session.", ServiceBusFailureReason.SessionLockLost, session.Entity);

    public static ServiceBusException SessionCannotBeLocked(string path, string session) =>
        new($"The requested session '{session}' cannot be accepted. It may be locked by another receiver.", ServiceBusFailureReason.SessionCannotBeLocked, path);

    public static ServiceBusException NoSession(string path, TimeSpan wait) =>
        new($"No session could be accepted within {wait}.", ServiceBusFailureReason.ServiceTimeout, path);

    public static ServiceBusException ConnectionBroken(string id) =>
        new($"The connection {id} to the broker was broken.", ServiceBusFailureReason.ServiceCommunicationProblem);

    public static ServiceBusException StoreFailed(StoreException failure) =>
        new($"The broker cannot answer now. {failure.Message}", ServiceBusFailureReason.ServiceBusy, innerException: failure);

    public static InvalidOperationException SessionsRequired(string path) =>
        new($"It is not possible for an entity that requires sessions to create a non-sessionful message receiver: '{path}'.");

    public static InvalidOperationException SessionsNotSupported(string path) =>
        new($"A sessionful message receiver cannot be created on an entity that does not require sessions: '{path}'. Ensure RequiresSession is set to true when creating a Queue or Subscription to enable sessionful behavior.");

    public static InvalidOperationException NoSessionsInDeadLetterQueue(string path) =>
        new($"Cannot create a MessageSession for a sub-queue: '{path}'. A dead-letter queue has no sessions, use an ordinary receiver.");
}
