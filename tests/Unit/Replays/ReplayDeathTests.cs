using Unit.Tests.Reconciliation;
using Weir.Execution;
using Weir.Replays;

namespace Unit.Tests.Replays;

/// <summary>The instance that carries a staged replay dies after each of its effects; another goes on.</summary>
public sealed class ReplayDeathTests
{
    [Theory]
    [InlineData(KillPoints.AfterReplayIntended)]
    [InlineData(KillPoints.AfterReplayQueued)]
    [InlineData(KillPoints.AfterReplayRecorded)]
    [InlineData(KillPoints.AfterReplaySent)]
    [InlineData(KillPoints.AfterReplayEnded)]
    public async Task Another_instance_goes_on_and_no_stage_has_more_than_its_size(string killPoint)
    {
        await using var world = await ReplayedWorld.StartAsync();
        var ids = await world.DeadAsync(25);
        world.Other.IsDown = false;
        var id = await world.BeginAsync();
        for (var deaths = 0; deaths < 3; deaths++)
        {
            var dying = await world.JoinAsync(killPoint);
            try
            {
                for (var step = 0; step < 6 && (await world.FindAsync(id)).State == ReplayState.Running; step++)
                {
                    await world.StepAsync(dying);
                    Assert.InRange(await world.ReplayedAsync(ids), 0, AllowedBy(await world.FindAsync(id)));
                }
            }
            catch (KilledException)
            {
                // As it was to be.
            }
            await world.RunAsync();
            Assert.InRange(await world.ReplayedAsync(ids), 0, AllowedBy(await world.FindAsync(id)));
            world.Clock.Advance(TimeSpan.FromSeconds(31)); // the dead one's turn ends
        }

        var over = await world.CarryAsync(id);
        Assert.Equal((ReplayState.Completed, new ReplayTally { Total = 25, Succeeded = 25 }), (over.State, over.Tally));
        Assert.Equal([1, 10, 14], over.Stages.Select(stage => stage.Started));
        foreach (var job in ids)
            Assert.Equal(1, await world.ReplaysOfAsync(job));
        Assert.Equal(25, world.Other.Taken.Count);
    }

    [Theory]
    [InlineData(KillPoints.AfterReplayPlanned, false)]
    [InlineData(KillPoints.AfterReplayBegun, true)]
    public async Task A_start_that_is_cut_off_has_begun_or_leaves_nothing_behind(string killPoint, bool begun)
    {
        await using var world = await ReplayedWorld.StartAsync();
        var ids = await world.DeadAsync(3);
        world.Other.IsDown = false;
        var dying = await world.JoinAsync(killPoint);
        await Assert.ThrowsAsync<KilledException>(() => dying.Get<StagedReplayDesk>().StartAsync(world.Wanted(), 10, CancellationToken.None));

        Assert.Equal(begun, await world.StepAsync());
        Assert.Equal(begun ? 1 : 0, await world.ReplayedAsync(ids));
        if (!begun)
            await world.BeginAsync(); // asked again, it begins
        var running = Assert.Single(await world.Weir.Get<ReplayTable>().ListAsync("", 10, tenant: null, CancellationToken.None));
        Assert.Equal(ReplayState.Completed, (await world.CarryAsync(running.Id)).State);
    }

    [Fact]
    public async Task A_resumption_that_is_cut_off_goes_on()
    {
        await using var world = await ReplayedWorld.StartAsync();
        await world.DeadAsync(12);
        var id = await world.BeginAsync();
        await world.CarryAsync(id);
        world.Other.IsDown = false;
        var dying = await world.JoinAsync(KillPoints.AfterReplayBegun);
        await Assert.ThrowsAsync<KilledException>(() => dying.Get<StagedReplayDesk>().ResumeAsync(id, world.Wanted().How, CancellationToken.None));
        Assert.Equal((ReplayState.Completed, 12), ((await world.CarryAsync(id)).State, (await world.FindAsync(id)).Tally.Succeeded));
    }

    [Fact]
    public async Task Two_that_both_believe_that_it_is_their_turn_start_no_job_twice()
    {
        await using var world = await ReplayedWorld.StartAsync();
        var ids = await world.DeadAsync(40);
        world.Other.IsDown = false;
        var id = await world.BeginAsync(world.Wanted() with { Sizes = [5], Rate = 5 });
        var other = await world.JoinAsync();
        for (var step = 0; step < 200 && (await world.FindAsync(id)).State == ReplayState.Running; step++)
        {
            await world.StepAsync(step % 2 == 0 ? null : other); // the one that has no turn steps aside
            if (step % 3 == 0)
                world.Clock.Advance(TimeSpan.FromSeconds(31)); // and gets it, while the other still remembers
            Assert.InRange(await world.ReplayedAsync(ids), 0, AllowedBy(await world.FindAsync(id)));
        }
        var over = await world.FindAsync(id);
        Assert.Equal((ReplayState.Completed, 40), (over.State, over.Tally.Succeeded));
        foreach (var job in ids)
            Assert.Equal(1, await world.ReplaysOfAsync(job));
        Assert.Equal(40, world.Other.Taken.Count);
    }

    private static int AllowedBy(StagedReplay replay) => replay.Stages.Sum(stage => stage.Size);
}
