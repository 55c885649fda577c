using System.Reflection;

namespace Microsoft.DurableTask;

/// <summary>An activity or a sub-orchestration failed. What it threw is described, not thrown: it may come from another process.</summary>
public sealed class TaskFailedException : Exception
{
    public TaskFailedException(string taskName, int taskId, Exception innerException)
        : base(Describe(taskName, taskId, innerException.Message), innerException) =>
        (TaskName, TaskId, FailureDetails) = (taskName, taskId, TaskFailureDetails.FromException(innerException));

    public TaskFailedException(string taskName, int taskId, TaskFailureDetails failureDetails)
        : base(Describe(taskName, taskId, failureDetails.ErrorMessage)) =>
        (TaskName, TaskId, FailureDetails) = (taskName, taskId, failureDetails);

    public string TaskName { get; }

    public int TaskId { get; }

    public TaskFailureDetails FailureDetails { get; }

    [Obsolete("Use the FailureDetails property and its IsCausedBy<T>() method")]
    public bool IsCausedByException<T>()
        where T : Exception => FailureDetails.ErrorType == typeof(T).FullName;

    private static string Describe(string taskName, int taskId, string? cause) =>
        $"Task '{taskName}' (#{taskId}) failed with an unhandled exception" + (cause is null ? "." : $": {cause}");
}

/// <summary>What went wrong in a task, in words that survive storage.</summary>
public record TaskFailureDetails(
    string ErrorType,
    string ErrorMessage,
    string? StackTrace,
    TaskFailureDetails? InnerFailure,
    IDictionary<string, object?>? Properties)
{
    /// <summary>Set for what no retry can mend: no such activity, no such orchestrator.</summary>
    internal bool IsNonRetriable { get; init; }

    public override string ToString() => $"{ErrorType}: {ErrorMessage}";

    public bool IsCausedBy<T>()
        where T : Exception => IsCausedBy(typeof(T));

    /// <summary>Whether the error is of that exception type or of one derived from it, as far as its type can be found here.</summary>
    public bool IsCausedBy(Type targetBaseExceptionType)
    {
        ArgumentNullException.ThrowIfNull(targetBaseExceptionType);
        if (!typeof(Exception).IsAssignableFrom(targetBaseExceptionType))
            throw new ArgumentException($"{targetBaseExceptionType} is not an exception type.", nameof(targetBaseExceptionType));
        if (string.IsNullOrEmpty(ErrorType))
            return false;

        var type = Type.GetType(ErrorType, throwOnError: false) ?? targetBaseExceptionType.Assembly.GetType(ErrorType, throwOnError: false);
        if (type is not null)
            return targetBaseExceptionType.IsAssignableFrom(type);

        var found = AppDomain.CurrentDomain.GetAssemblies()
            .Select(assembly => assembly.GetType(ErrorType, throwOnError: false)).OfType<Type>().Take(2).ToArray();
        if (found.Length > 1)
            throw new AmbiguousMatchException($"Several exception types are named '{ErrorType}'.");
        return found.Length == 1 && targetBaseExceptionType.IsAssignableFrom(found[0]);
    }

    public static TaskFailureDetails FromException(Exception exception)
    {
        ArgumentNullException.ThrowIfNull(exception);
        var inner = exception switch
        {
            TaskFailedException failed => failed.FailureDetails,
            { InnerException: { } cause } => FromException(cause),
            _ => null,
        };
        return new TaskFailureDetails(exception.GetType().ToString(), exception.Message, exception.StackTrace, inner, null);
    }
}
