namespace Azure.Messaging.ServiceBus;

public class ServiceBusClientOptions
{
    public string? Identifier { get; set; }

    public ServiceBusRetryOptions RetryOptions { get; set; } = new();

    /// <summary>Taken and not used: there is no network.</summary>
    public ServiceBusTransportType TransportType { get; set; }
}

public enum ServiceBusTransportType { AmqpTcp, AmqpWebSockets }

/// <summary>Of these only <see cref="TryTimeout"/> has a meaning here: a call to a broker in the same process is not tried again.</summary>
public class ServiceBusRetryOptions
{
    public ServiceBusRetryMode Mode { get; set; } = ServiceBusRetryMode.Exponential;

    public int MaxRetries { get; set; } = 3;

    public TimeSpan Delay { get; set; } = TimeSpan.FromSeconds(0.8);

    public TimeSpan MaxDelay { get; set; } = TimeSpan.FromMinutes(1);

    /// <summary>How long a receive, or the accepting of a session, waits unless told otherwise.</summary>
    public TimeSpan TryTimeout { get; set; } = TimeSpan.FromMinutes(1);
}

public enum ServiceBusRetryMode { Fixed, Exponential }

public class ServiceBusSenderOptions
{
    public string? Identifier { get; set; }
}

public class ServiceBusReceiverOptions
{
    public string? Identifier { get; set; }

    public ServiceBusReceiveMode ReceiveMode { get; set; }

    public SubQueue SubQueue { get; set; }
}

public class ServiceBusSessionReceiverOptions
{
    /// <summary>A session's messages are asked for one by one, each after the one before was completed, as a trigger does.</summary>
    internal static ServiceBusSessionReceiverOptions OneByOne { get; } = new() { ReadsAhead = true };

    internal bool ReadsAhead { get; init; }

    public string? Identifier { get; set; }

    public ServiceBusReceiveMode ReceiveMode { get; set; }
}

public enum ServiceBusReceiveMode { PeekLock, ReceiveAndDelete }

public enum SubQueue { None, DeadLetter, TransferDeadLetter }

public enum ServiceBusMessageState { Active, Deferred, Scheduled }

public class CreateMessageBatchOptions
{
    public long? MaxSizeInBytes { get; set; }
}
