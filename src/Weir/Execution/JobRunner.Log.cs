using Microsoft.Extensions.Logging;
using Weir.Retries;

namespace Weir.Execution;

public sealed partial class JobRunner
{
    [LoggerMessage(1001, LogLevel.Debug, "Job {JobId} ({Type}) succeeded on attempt {Attempt} after {Milliseconds:0.0} ms")]
    private partial void LogSucceeded(string jobId, string type, int attempt, double milliseconds);

    [LoggerMessage(1002, LogLevel.Warning, "Job {JobId} ({Type}) failed on attempt {Attempt} with {ErrorType} ({ErrorClass}); the next one comes in {Seconds:0.0} s")]
    private partial void LogRetrying(string jobId, string type, int attempt, ErrorClass errorClass, string errorType, double seconds);

    [LoggerMessage(1003, LogLevel.Error, "Job {JobId} ({Type}) failed for good on attempt {Attempt}: {Reason}, {ErrorType}. It waits in the dead letters")]
    private partial void LogDeadLettered(string jobId, string type, int attempt, string reason, string errorType);

    [LoggerMessage(1004, LogLevel.Information, "Job {JobId} ({Type}) was handed back in attempt {Attempt}, because this instance stops")]
    private partial void LogHandedBack(string jobId, string type, int attempt);

    [LoggerMessage(1005, LogLevel.Warning, "The outcome of attempt {Attempt} of job {JobId} ({Type}) is fenced: another owner has the job by now")]
    private partial void LogFenced(string jobId, string type, int attempt);

    [LoggerMessage(1006, LogLevel.Warning, "Job {JobId} ({Type}, version {Version}) is newer than this build; put off")]
    private partial void LogTooNew(string jobId, string type, int version);

    [LoggerMessage(1007, LogLevel.Error, "Message {MessageId} is dead-lettered as poison. {Why}")]
    private partial void LogPoison(string messageId, string why);

    [LoggerMessage(1008, LogLevel.Error, "Job {JobId} ({Type}) could not be brought on: a store did not answer. It comes back later, with no attempt burnt")]
    private partial void LogStoreAway(Exception failure, string jobId, string type);

    [LoggerMessage(1009, LogLevel.Information, "Job {JobId} ({Type}) was cancelled in attempt {Attempt}")]
    private partial void LogCancelled(string jobId, string type, int attempt);

    [LoggerMessage(1010, LogLevel.Debug, "Job {JobId} ({Type}) is put off until {Until:O}: {Why}")]
    private partial void LogPutOff(string jobId, string type, DateTimeOffset until, string why);
}
