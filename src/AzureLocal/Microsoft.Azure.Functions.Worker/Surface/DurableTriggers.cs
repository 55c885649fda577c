using Microsoft.Azure.Functions.Worker.Extensions.Abstractions;

namespace Microsoft.Azure.Functions.Worker;

[AttributeUsage(AttributeTargets.Parameter)]
public sealed class OrchestrationTriggerAttribute : TriggerBindingAttribute
{
    /// <summary>The orchestrator's name; the function's when empty.</summary>
    public string? Orchestration { get; set; }
}

[AttributeUsage(AttributeTargets.Parameter)]
public sealed class ActivityTriggerAttribute : TriggerBindingAttribute
{
    /// <summary>The activity's name; the function's when empty.</summary>
    public string? Activity { get; set; }
}

public sealed class DurableClientAttribute : InputBindingAttribute
{
    /// <summary>Another task hub than host.json's: not here.</summary>
    public string? TaskHub { get; set; }

    /// <summary>Another storage than AzureWebJobsStorage: not here.</summary>
    public string? ConnectionName { get; set; }
}
