namespace DurableTask.Core.Exceptions;

/// <summary>
/// An instance of this id exists in a state that <see cref="Microsoft.DurableTask.StartOrchestrationOptions.DedupeStatuses"/> names.
/// The official one lives in this namespace too, in the package Microsoft.Azure.DurableTask.Core that the client brings along.
/// </summary>
public class OrchestrationAlreadyExistsException : InvalidOperationException
{
    public OrchestrationAlreadyExistsException()
    {
    }

    public OrchestrationAlreadyExistsException(string message)
        : base(message)
    {
    }

    public OrchestrationAlreadyExistsException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}
