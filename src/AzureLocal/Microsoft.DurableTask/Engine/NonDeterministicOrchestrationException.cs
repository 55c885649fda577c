namespace DurableTask.Core.Exceptions;

/// <summary>Named as the official one, since its name is what the failure details of an instance show.</summary>
internal sealed class NonDeterministicOrchestrationException(string message) : Exception(message);
