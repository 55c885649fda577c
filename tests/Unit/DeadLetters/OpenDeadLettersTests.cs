using System.Diagnostics.Metrics;
using Weir.DeadLetters;
using Weir.Execution;
using Weir.Lanes;
using Weir.Reconciliation;
using Weir.Telemetry;

namespace Unit.Tests.DeadLetters;

/// <summary>The metric weir.dead_letters.open.</summary>
public sealed class OpenDeadLettersTests
{
    [Fact]
    public async Task The_instance_that_reconciles_tells_how_many_wait_of_which_type_and_counts_again_after_five_minutes()
    {
        await using var weir = await WeirInMemory.StartAsync();
        var ids = new List<string>();
        for (var job = 0; job < 3; job++)
        {
            ids.Add(await weir.SubmitAsync());
            await weir.CollectAsync(await weir.DieAsync());
        }
        await weir.Bus.CreateSender(QueueNames.Default).SendMessageAsync(new("not { json") { MessageId = "m-1", SessionId = "s", Subject = "their.type" });
        await weir.CollectAsync(await weir.DieAsync(DeadLetterReason.Poison));
        Assert.Empty(Read(weir));

        await weir.Get<Reconciler>().RunAsync(CancellationToken.None);
        Assert.Equal(["(other) 1", "sample 3"], Read(weir));

        await weir.Desk.ReplayAsync(ids[0], null, weir.Ada, CancellationToken.None);
        await weir.Desk.DiscardAsync(ids[1], weir.Ada, CancellationToken.None);
        weir.Clock.Advance(TimeSpan.FromMinutes(4));
        await weir.Get<Reconciler>().RunAsync(CancellationToken.None);
        Assert.Equal(["(other) 1", "sample 3"], Read(weir));

        weir.Clock.Advance(TimeSpan.FromMinutes(1));
        await weir.Get<Reconciler>().RunAsync(CancellationToken.None);
        Assert.Equal(["(other) 1", "sample 1"], Read(weir));
    }

    [Fact]
    public async Task A_type_whose_last_one_is_handled_stays_with_none_and_who_has_not_the_turn_tells_nothing()
    {
        await using var weir = await WeirInMemory.StartAsync();
        var id = await weir.SubmitAsync();
        await weir.CollectAsync(await weir.DieAsync());
        var waiting = weir.Get<OpenDeadLetters>();
        await waiting.CountAsync(isOurTurn: true, CancellationToken.None);
        Assert.Equal(["sample 1"], Read(weir));

        await weir.Desk.DiscardAsync(id, weir.Ada, CancellationToken.None);
        weir.Clock.Advance(TimeSpan.FromMinutes(5));
        await waiting.CountAsync(isOurTurn: true, CancellationToken.None);
        Assert.Equal(["sample 0"], Read(weir));

        await waiting.CountAsync(isOurTurn: false, CancellationToken.None);
        Assert.Empty(Read(weir));
        await waiting.CountAsync(isOurTurn: true, CancellationToken.None); // its turn again: at once
        Assert.Equal(["sample 0"], Read(weir));
    }

    [Fact]
    public async Task While_the_catalogue_is_away_the_number_before_is_told()
    {
        await using var weir = await WeirInMemory.StartAsync();
        await weir.SubmitAsync();
        await weir.CollectAsync(await weir.DieAsync());
        var waiting = weir.Get<OpenDeadLetters>();
        await waiting.CountAsync(isOurTurn: true, CancellationToken.None);
        await weir.Tables.GetTableClient("DeadLetters").DeleteAsync();
        weir.Clock.Advance(TimeSpan.FromMinutes(5));
        await waiting.CountAsync(isOurTurn: true, CancellationToken.None);
        Assert.Equal(["sample 1"], Read(weir));
    }

    private static string[] Read(WeirInMemory weir)
    {
        var gauges = weir.Get<Gauges>();
        var found = new List<string>();
        using var listener = new MeterListener
        {
            InstrumentPublished = (instrument, listening) =>
            {
                if (instrument.Name == "weir.dead_letters.open" && instrument.Meter.Scope == gauges)
                    listening.EnableMeasurementEvents(instrument);
            },
        };
        listener.SetMeasurementEventCallback<long>((_, value, tags, _) => found.Add($"{tags.ToArray().Single(tag => tag.Key == "type").Value} {value}"));
        listener.Start();
        listener.RecordObservableInstruments();
        return [.. found.Order(StringComparer.Ordinal)];
    }
}
