using System.Net;
using System.Net.Sockets;
using System.Text.Json;

namespace Weir.Retries;

/// <summary>What a failure says about the next try.</summary>
internal enum ErrorClass
{
    /// <summary>It may well work later: a timeout, a socket, 408, 425, 429, 5xx.</summary>
    Transient,

    /// <summary>It will fail again in the same way: a broken contract, any other 4xx.</summary>
    Permanent,

    /// <summary>Nobody knows; treated as transient, with fewer attempts.</summary>
    Unknown,
}

/// <summary>Puts an exception into its class.</summary>
internal static class ErrorClassifier
{
    public static ErrorClass Classify(Exception exception) => exception switch
    {
        TransientException => ErrorClass.Transient,
        PermanentException => ErrorClass.Permanent,
        HttpRequestException { StatusCode: { } status } => Classify(status),
        Azure.RequestFailedException { Status: > 0 } failed => Classify((HttpStatusCode)failed.Status),
        HttpRequestException or SocketException or TimeoutException or IOException => ErrorClass.Transient,
        OperationCanceledException => ErrorClass.Transient, // an HTTP client's own timeout; ours is known before this is asked
        JsonException or System.ComponentModel.DataAnnotations.ValidationException => ErrorClass.Permanent,
        Azure.RequestFailedException => ErrorClass.Transient, // status 0: nobody answered
        AggregateException { InnerExceptions: [.., var last] } => Classify(last), // an SDK's retries, or one task's failure
        _ => ErrorClass.Unknown,
    };

    private static ErrorClass Classify(HttpStatusCode status) => (int)status switch
    {
        408 or 425 or 429 or >= 500 => ErrorClass.Transient,
        >= 400 => ErrorClass.Permanent,
        _ => ErrorClass.Unknown,
    };
}
