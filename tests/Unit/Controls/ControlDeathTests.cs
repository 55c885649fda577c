using AzureLocal.Storage;
using Contract.Tests;
using Weir.Controls;
using Weir.Execution;
using static Unit.Tests.Controls.ControlledWorld;

namespace Unit.Tests.Controls;

/// <summary>The process dies between two steps of a change: what is on record says so, and asked again it is done.</summary>
public sealed class ControlDeathTests
{
    [Theory]
    [InlineData(KillPoints.AfterControlAudited, false)]
    [InlineData(KillPoints.AfterControlWritten, true)]
    public async Task Nothing_takes_effect_that_is_not_on_record(string point, bool effective)
    {
        var (store, clock) = (Store.InMemory(), new ManualClock());
        await using var dying = await WeirInMemory.StartAsync(store, clock, new() { ["Weir:KillPoint"] = point }, [typeof(One), typeof(Other)]);
        dying.Get<KillPoints>().Die = static () => throw new DiedException();
        await using var weir = await WeirInMemory.StartAsync(store, clock, [], [typeof(One), typeof(Other)]);

        await Assert.ThrowsAsync<DiedException>(() => dying.PutAsync(ControlKind.Type, "paused.one"));
        Assert.Equal([AuditOutcome.Asked], await OutcomesAsync(weir));
        Assert.Equal(effective ? 1 : 0, (await weir.Get<ControlBoard>().ReadAgainAsync(CancellationToken.None)).All.Count());
        await weir.PutAsync(ControlKind.Type, "paused.one");
        Assert.Single((await weir.Get<ControlBoard>().ReadAgainAsync(CancellationToken.None)).All);

        clock.Advance(TimeSpan.FromSeconds(1));
        await Assert.ThrowsAsync<DiedException>(() => dying.RemoveAsync(ControlKind.Type, "paused.one"));
        Assert.Equal([AuditOutcome.Asked, AuditOutcome.Done, AuditOutcome.Asked], await OutcomesAsync(weir));
        await weir.RemoveAsync(ControlKind.Type, "paused.one");
        Assert.Empty((await weir.Get<ControlBoard>().ReadAgainAsync(CancellationToken.None)).All);
    }

    private static async Task<AuditOutcome[]> OutcomesAsync(WeirInMemory weir)
    {
        weir.Clock.Advance(TimeSpan.FromSeconds(1));
        return [.. (await weir.Get<AuditTable>().ReadAsync(null, 10, null, weir.Clock.GetUtcNow(), CancellationToken.None)).Select(entry => entry.Outcome)];
    }

    private sealed class DiedException : Exception;
}
