using AzureLocal.Storage;
using Microsoft.Azure.Functions.Worker;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Logging;

namespace AzureLocal.Functions;

/// <summary>The timers of the app.</summary>
internal sealed class TimerTriggers(IConfiguration configuration, TimeProvider clock, Random random)
{
    private readonly List<(Function Function, TimerOptions Options)> timers = [];

    public int Count => timers.Count;

    public static Binder? Bind(FoundFunction function, System.Reflection.ParameterInfo parameter) =>
        parameter == function.Parameter && parameter.ParameterType == typeof(TimerInfo)
            ? static invocation => ((TimerCall)invocation.Trigger).Info
            : null;

    public void Add(FoundFunction found, Function function, TimerTriggerAttribute trigger)
    {
        var expression = configuration.Resolve(trigger.Schedule, $"Function {found.Name}, Schedule");
        var schedule = TimerSchedule.Parse(expression)
            ?? throw found.Refuse($"'{expression}' is neither a cron expression of five or six fields nor a time span such as 00:05:00.");
        var monitored = trigger.UseMonitor && schedule.IsWorthMonitoring(clock.GetUtcNow().UtcDateTime);
        timers.Add((function, new TimerOptions(found.Name, schedule, trigger.RunOnStartup, monitored)));
    }

    public IEnumerable<IPump> Pumps(Store store, Invoker invoker, ILoggerFactory loggers)
    {
        var leases = TimerStore.Of(store);
        return timers.Select(timer => new TimerPump(
            timer.Options,
            leases,
            (info, cancellation) => invoker.RunAsync(timer.Function, Call(info), cancellation),
            clock,
            random,
            loggers.CreateLogger("Host.Timers")));
    }

    public static object Call(TimerInfo info) => new TimerCall(info);

    private sealed class TimerCall(TimerInfo info) : ITriggerData
    {
        public TimerInfo Info => info;

        public string? TraceParent => null;

        public IReadOnlyDictionary<string, object?> BindingData() => new Dictionary<string, object?>();
    }
}
