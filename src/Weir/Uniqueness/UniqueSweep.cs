using Microsoft.Extensions.Logging;

namespace Weir.Uniqueness;

/// <summary>Removes what keys leave behind that stayed taken after their holders' end. Nothing depends on when: a key whose time is over counts as free with its row or without.</summary>
public sealed partial class UniqueSweep
{
    private readonly UniqueKeys keys;
    private readonly ILogger<UniqueSweep> logger;

    internal UniqueSweep(UniqueKeys keys, ILogger<UniqueSweep> logger) => (this.keys, this.logger) = (keys, logger);

    public async Task RunAsync(CancellationToken cancellation)
    {
        var removed = await keys.SweepAsync(cancellation);
        if (removed > 0)
            LogSwept(removed);
    }

    [LoggerMessage(1406, LogLevel.Information, "{Count} unique keys are free, and their rows removed")]
    private partial void LogSwept(int count);
}
