using Microsoft.Azure.Functions.Worker.Extensions.Abstractions;

namespace Microsoft.Azure.Functions.Worker;

public sealed class TimerTriggerAttribute(string schedule) : TriggerBindingAttribute
{
    /// <summary>NCrontab with six fields (seconds first) or five, a TimeSpan, or <c>%setting%</c>. Times are UTC.</summary>
    public string Schedule { get; } = schedule;

    public bool RunOnStartup { get; set; }

    /// <summary>Remembers occurrences, so that one missed while no host ran is made good at the next start; never for schedules under a minute.</summary>
    public bool UseMonitor { get; set; } = true;
}

public class TimerInfo
{
    /// <summary>Null when the schedule is not monitored.</summary>
    public ScheduleStatus? ScheduleStatus { get; set; }

    /// <summary>The run makes good an occurrence that was missed.</summary>
    public bool IsPastDue { get; set; }
}

public class ScheduleStatus
{
    public DateTime Last { get; set; }

    public DateTime Next { get; set; }

    public DateTime LastUpdated { get; set; }
}
