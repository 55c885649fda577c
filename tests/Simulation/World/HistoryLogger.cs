using Microsoft.Extensions.Logging;
using Simulation.Kernel;

namespace Simulation.World;

/// <summary>What an instance logs is part of the history, when one is kept.</summary>
internal sealed class HistoryLogger(WorldState world, VirtualProcess process) : ILoggerProvider, ILogger
{
    public ILogger CreateLogger(string categoryName) => this;

    public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => world.History.IsKept;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
        world.Note(process, $"{logLevel}: {formatter(state, exception)}{(exception is null ? "" : $" ({exception.GetType().Name}: {exception.Message})")}");

    public void Dispose()
    {
    }
}
