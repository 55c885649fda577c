namespace Weir;

/// <summary>A priority class. Each has a Service Bus queue, a trigger, and a concurrency of its own.</summary>
public enum Queue
{
    /// <summary>Ordinary work: done soon, with nobody waiting in front of a screen.</summary>
    Default,

    /// <summary>Somebody is waiting: a sign-up mail, a payment.</summary>
    Critical,

    /// <summary>Work by the thousand: imports, thumbnails, analytics. The first to be refused under pressure.</summary>
    Bulk,
}
