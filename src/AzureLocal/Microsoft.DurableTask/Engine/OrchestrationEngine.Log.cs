using Microsoft.Extensions.Logging;

namespace Microsoft.DurableTask.Engine;

internal sealed partial class OrchestrationEngine
{
    private static partial class Log
    {
        [LoggerMessage(1, LogLevel.Error, "Orchestration {Name} ({InstanceId}) failed: {Failure}")]
        public static partial void OrchestrationFailed(ILogger logger, string name, string instanceId, string? failure);

        [LoggerMessage(2, LogLevel.Information, "A turn of {Name} ({InstanceId}) was thrown away: the instance was ended or taken over")]
        public static partial void TurnFenced(ILogger logger, string name, string instanceId);

        [LoggerMessage(3, LogLevel.Warning, "A turn of {Name} ({InstanceId}) could not be stored and runs again")]
        public static partial void TurnFailed(ILogger logger, Exception failure, string name, string instanceId);

        [LoggerMessage(4, LogLevel.Information, "The result of activity {Name} ({InstanceId}) was dropped: nobody waits for it any longer")]
        public static partial void ActivityDropped(ILogger logger, string name, string instanceId);

        [LoggerMessage(5, LogLevel.Warning, "The result of activity {Name} ({InstanceId}) could not be stored")]
        public static partial void SettlingFailed(ILogger logger, Exception failure, string name, string instanceId);

        [LoggerMessage(6, LogLevel.Warning, "Work could not be taken; next try in {Delay}")]
        public static partial void TakingFailed(ILogger logger, Exception failure, TimeSpan delay);

        [LoggerMessage(7, LogLevel.Warning, "Locks could not be renewed")]
        public static partial void RenewingFailed(ILogger logger, Exception failure);

        [LoggerMessage(8, LogLevel.Warning, "Work could not be handed back; its lock will end by itself")]
        public static partial void HandBackFailed(ILogger logger, Exception failure);

        [LoggerMessage(9, LogLevel.Warning, "Cancelling an activity threw")]
        public static partial void CancellingFailed(ILogger logger, Exception failure);

        [LoggerMessage(10, LogLevel.Warning, "The store could not be polled")]
        public static partial void PollingFailed(ILogger logger, Exception failure);
    }
}
