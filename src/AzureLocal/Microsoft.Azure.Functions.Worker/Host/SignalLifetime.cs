using System.Runtime.InteropServices;
using Microsoft.Extensions.Hosting;

namespace AzureLocal.Functions;

/// <summary>SIGTERM, SIGQUIT and SIGINT (Ctrl+C) stop the host in good order; a second SIGINT ends the process at once.</summary>
internal sealed class SignalLifetime(IHostApplicationLifetime application) : IHostLifetime, IDisposable
{
    private const int ExitCodeOfSigint = 130;

    private readonly List<PosixSignalRegistration> registrations = [];
    private int interrupts;

    public Task WaitForStartAsync(CancellationToken cancellationToken)
    {
        foreach (var signal in (PosixSignal[])[PosixSignal.SIGINT, PosixSignal.SIGQUIT, PosixSignal.SIGTERM])
            registrations.Add(PosixSignalRegistration.Create(signal, Stop));
        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public void Dispose() => registrations.ForEach(registration => registration.Dispose());

    private void Stop(PosixSignalContext context)
    {
        if (context.Signal == PosixSignal.SIGINT && Interlocked.Increment(ref interrupts) > 1)
            Environment.Exit(ExitCodeOfSigint);
        context.Cancel = true;
        application.StopApplication();
    }
}
