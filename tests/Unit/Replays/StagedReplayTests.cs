using System.Text;
using Weir.DeadLetters;
using Weir.Receipts;
using Weir.Replays;

namespace Unit.Tests.Replays;

public sealed class StagedReplayTests
{
    [Fact]
    public async Task A_group_is_replayed_in_stages_the_oldest_first_until_all_have_ended()
    {
        await using var world = await ReplayedWorld.StartAsync();
        var ids = await world.DeadAsync(111);
        world.Other.IsDown = false;
        var id = await world.BeginAsync();
        Assert.Equal(0, await world.ReplayedAsync(ids));

        var over = await world.CarryAsync(id);
        Assert.Equal((ReplayState.Completed, "completed"), (over.State, over.End!.Code));
        Assert.Equal([(1, 1, 1), (2, 10, 10), (3, 100, 100)], over.Stages.Select(stage => (stage.Number, stage.Started, stage.Succeeded)));
        Assert.Equal(new ReplayTally { Total = 111, Succeeded = 111 }, over.Tally);
        Assert.Equal(Enumerable.Range(0, 111).Select(number => $"{number}"), world.Other.Taken.Take(11).Concat(world.Other.Taken.Skip(11).OrderBy(int.Parse)));
        Assert.Equal(["0", .. Enumerable.Range(1, 10).Select(number => $"{number}")], world.Other.Taken.Take(1).Concat(world.Other.Taken.Skip(1).Take(10).OrderBy(int.Parse)));
        Assert.Equal(["ada started Done", "weir completed Done"], await world.AuditAsync());
        Assert.False(await world.StepAsync()); // nothing is carried any more
        var receipt = (await world.Weir.JobAsync(ids[0])).Receipt;
        Assert.Equal(("ada", $"staged replay {id}: it is mended"), (receipt.LastReplay!.By, receipt.LastReplay.Reason));
    }

    [Fact]
    public async Task It_stops_by_itself_after_the_first_that_dies_again_and_resumed_it_replays_that_one_too()
    {
        await using var world = await ReplayedWorld.StartAsync();
        var ids = await world.DeadAsync(25);
        var id = await world.BeginAsync();
        var stopped = await world.CarryAsync(id);
        Assert.Equal((ReplayState.Stopped, "failureRate", "weir"), (stopped.State, stopped.End!.Code, stopped.End.By));
        Assert.Equal("1 of 1 jobs of stage 1 died again; the bound is 0.1 of 1.", stopped.End.Detail);
        Assert.Equal(new ReplayTally { Total = 25, Failed = 1, Pending = 24 }, stopped.Tally);
        Assert.Equal([ids[0]], stopped.Examples);
        Assert.Equal(1, await world.ReplayedAsync(ids));

        world.Other.IsDown = false;
        Assert.IsType<ResumeAnswer.Resumed>(await world.Desk.ResumeAsync(id, new Handling("bob", world.Clock.GetUtcNow(), "now it is"), CancellationToken.None));
        var over = await world.CarryAsync(id);
        Assert.Equal((ReplayState.Completed, new ReplayTally { Total = 25, Succeeded = 25 }, "bob"), (over.State, over.Tally, over.Resumed!.By));
        Assert.Equal([1, 1, 10, 14], over.Stages.Select(stage => stage.Started)); // with one again
        Assert.Equal(2, await world.ReplaysOfAsync(ids[0]));
        Assert.Equal(["ada started Done", "weir stopped Done", "bob resumed Done", "weir completed Done"], await world.AuditAsync());
        Assert.IsType<ResumeAnswer.Completed>(await world.Desk.ResumeAsync(id, over.How, CancellationToken.None));
    }

    [Fact]
    public async Task Within_a_stage_it_stops_as_soon_as_the_bound_cannot_be_kept()
    {
        await using var world = await ReplayedWorld.StartAsync();
        var ids = await world.DeadAsync(111);
        world.Other.IsDown = false;
        foreach (var number in Enumerable.Range(15, 40))
            world.Other.Refused.Add($"{number}");
        var id = await world.BeginAsync(world.Wanted() with { Rate = 10 });
        var stopped = await world.CarryAsync(id);
        Assert.Equal("failureRate", stopped.End!.Code);
        Assert.InRange(await world.ReplayedAsync(ids), 11 + 4 + 10, 11 + 4 + 10 + 12); // of its hundred, ten died; a second's worth was on its way
        for (var step = 0; step < 10; step++)
            await world.StepAsync();
        Assert.Equal(0, (await world.FindAsync(id)).Tally.Open); // followed to their ends, after the stop
    }

    [Fact]
    public async Task A_stage_may_lose_fewer_than_its_bound()
    {
        await using var world = await ReplayedWorld.StartAsync();
        await world.DeadAsync(30);
        world.Other.IsDown = false;
        world.Other.Refused.UnionWith(["3", "20"]);
        var over = await world.CarryAsync(await world.BeginAsync(world.Wanted() with { StopAtFailureRate = 0.2 }));
        Assert.Equal((ReplayState.Completed, new ReplayTally { Total = 30, Succeeded = 28, Failed = 2 }), (over.State, over.Tally));
    }

    [Fact]
    public async Task Its_rate_is_kept()
    {
        await using var world = await ReplayedWorld.StartAsync();
        var ids = await world.DeadAsync(20);
        world.Other.IsDown = false;
        var id = await world.BeginAsync(world.Wanted() with { Sizes = [20], Rate = 2 });
        var began = world.Clock.GetUtcNow();
        while ((await world.FindAsync(id)).State == ReplayState.Running)
        {
            await world.StepAsync();
            var seconds = (world.Clock.GetUtcNow() - began).TotalSeconds;
            Assert.InRange(await world.ReplayedAsync(ids), Math.Min(20, Math.Floor(2 * (seconds - 1))), 2 * (seconds + 1) + 1);
        }
        Assert.InRange((world.Clock.GetUtcNow() - began).TotalSeconds, 8, 12);
    }

    [Fact]
    public async Task Jobs_of_a_strict_key_come_one_after_the_other_and_none_after_one_that_died_again()
    {
        await using var world = await ReplayedWorld.StartAsync();
        world.Other.IsDown = false;
        world.Other.Refused.Add("b1");
        var ids = await world.ExpiredAsync(("a", "a1"), ("b", "b1"), ("a", "a2"), ("b", "b2"), ("a", "a3"), ("c", "c1"), ("b", "b3"));
        var id = await world.BeginAsync(world.Wanted("replayed.ordered") with { Sizes = [100], StopAtFailureRate = 0.5 });

        await world.StepAsync(run: false);
        var replays = await Task.WhenAll(ids.Select(world.ReplaysOfAsync));
        Assert.Equal([1, 1, 0, 0, 0, 1, 0], replays); // the oldest of each key
        var over = await world.CarryAsync(id);
        Assert.Equal(new ReplayTally { Total = 7, Succeeded = 4, Failed = 1, KeyStopped = 2 }, over.Tally);
        Assert.Equal(["a1", "a2", "a3"], world.Other.Taken.Where(name => name[0] == 'a'));
        Assert.DoesNotContain(world.Other.Taken, name => name[0] == 'b');

        Assert.Equal(ReplayState.Completed, over.State);
    }

    [Fact]
    public async Task What_has_changed_since_is_counted_and_takes_no_place_in_a_stage()
    {
        await using var world = await ReplayedWorld.StartAsync();
        var ids = await world.DeadAsync(14);
        world.Other.IsDown = false;
        var id = await world.BeginAsync();
        var (desk, how) = (world.Weir.Get<DeadLetterDesk>(), new Handling("bob", world.Clock.GetUtcNow(), "by hand"));
        Assert.IsType<ReplayAnswer.Queued>(await desk.ReplayAsync(ids[0], payload: null, how, CancellationToken.None));
        Assert.IsType<DiscardAnswer.Discarded>(await desk.DiscardAsync(ids[1], how, CancellationToken.None));
        Assert.IsType<ReplayAnswer.Queued>(await desk.ReplayAsync(ids[5], ReplayedWorld.PayloadOf("mended"), how, CancellationToken.None));

        var over = await world.CarryAsync(id);
        Assert.Equal(new ReplayTally { Total = 14, Succeeded = 11, Changed = 3 }, over.Tally);
        Assert.Equal([1, 10], over.Stages.Select(stage => stage.Started));
        foreach (var job in ids.Where(job => job != ids[1]))
            Assert.Equal(1, await world.ReplaysOfAsync(job));
    }

    [Fact]
    public async Task A_second_one_that_may_want_the_same_dead_letters_is_refused_while_the_first_runs()
    {
        await using var world = await ReplayedWorld.StartAsync();
        await world.DeadAsync(3);
        await world.ExpiredAsync(("a", "a1"));
        var first = await world.BeginAsync();
        Assert.Equal(first, Assert.IsType<StartAnswer.Overlaps>(await world.Desk.StartAsync(world.Wanted(), 10, CancellationToken.None)).Id);
        Assert.IsType<StartAnswer.Overlaps>(await world.Desk.StartAsync(world.Wanted() with { Filter = new DeadLetterFilter { Reason = "permanent" } }, 10, CancellationToken.None));
        await world.BeginAsync(world.Wanted("replayed.ordered"));

        await world.Desk.StopAsync(first, new Handling("bob", world.Clock.GetUtcNow(), null), CancellationToken.None);
        var second = await world.BeginAsync();
        Assert.Equal(second, Assert.IsType<ResumeAnswer.Overlaps>(await world.Desk.ResumeAsync(first, world.Wanted().How, CancellationToken.None)).Id);
        Assert.IsType<StartAnswer.Nothing>(await world.Desk.StartAsync(world.Wanted("nosuch"), 10, CancellationToken.None));
    }

    [Fact]
    public async Task Jobs_that_do_not_end_stop_it_and_resumed_they_count_when_they_do()
    {
        await using var world = await ReplayedWorld.StartAsync();
        var ids = await world.DeadAsync(5);
        world.Other.IsDown = false;
        var id = await world.BeginAsync(world.Wanted() with { StageTimeout = TimeSpan.FromSeconds(10) });
        for (var step = 0; step < 25; step++)
            await world.StepAsync(run: false);
        var stopped = await world.FindAsync(id);
        Assert.Equal((ReplayState.Stopped, "stageTimeout", 1), (stopped.State, stopped.End!.Code, stopped.Tally.Open));
        Assert.Equal("1 jobs had not ended 00:00:10 after the last was started.", stopped.End.Detail);

        await world.Desk.ResumeAsync(id, world.Wanted().How, CancellationToken.None);
        var over = await world.CarryAsync(id);
        Assert.Equal((ReplayState.Completed, 5), (over.State, over.Tally.Succeeded));
        Assert.Equal(5, await world.ReplayedAsync(ids));
    }

    [Fact]
    public async Task An_operator_stops_it_and_nothing_more_is_started()
    {
        await using var world = await ReplayedWorld.StartAsync();
        var ids = await world.DeadAsync(50);
        world.Other.IsDown = false;
        var id = await world.BeginAsync(world.Wanted() with { Rate = 4 });
        for (var step = 0; step < 6; step++)
            await world.StepAsync(run: step < 5);
        var before = await world.ReplayedAsync(ids);
        var how = new Handling("bob", world.Clock.GetUtcNow(), "lunch");
        Assert.Equal(ReplayState.Stopped, (await world.Desk.StopAsync(id, how, CancellationToken.None))!.State);
        Assert.Equal(ReplayState.Stopped, (await world.Desk.StopAsync(id, how, CancellationToken.None))!.State);
        for (var step = 0; step < 10; step++)
            await world.StepAsync();

        var stopped = await world.FindAsync(id);
        Assert.Equal((before, before, 0), (await world.ReplayedAsync(ids), stopped.Tally.Succeeded, stopped.Tally.Open));
        Assert.Equal(("operator", "lunch", "bob"), (stopped.End!.Code, stopped.End.Detail, stopped.End.By));
        Assert.False(await world.StepAsync());
        Assert.Null(await world.Desk.StopAsync("000000000000-000000", how, CancellationToken.None));
    }

    [Fact]
    public async Task A_dry_run_tells_the_order_and_what_the_contract_says_and_changes_nothing()
    {
        await using var world = await ReplayedWorld.StartAsync();
        var ids = await world.DeadAsync(5);
        await world.Weir.Get<ReceiptTable>().KeepPayloadAsync(ids[2], Encoding.UTF8.GetBytes("""{"nam": "2"}"""), CancellationToken.None);
        await world.Weir.Get<DeadLetterDesk>().DiscardAsync(ids[3], world.Wanted().How, CancellationToken.None);
        var (plan, before) = (world.Weir.Get<ReplayPlan>(), world.Weir.BusOperations.Values.Sum());

        var entries = (await plan.FindAsync(new DeadLetterFilter { Type = "replayed" }, 10, CancellationToken.None))!;
        Assert.Equal([ids[0], ids[1], ids[2], ids[4]], entries.Select(entry => entry.Id));
        var planned = await plan.CheckAsync(entries, CancellationToken.None);
        Assert.Equal([PlannedCheck.Ok, PlannedCheck.Ok, PlannedCheck.ContractViolation, PlannedCheck.Ok], planned.Select(one => one.Check));
        Assert.Contains(planned[2].Errors, error => error.Pointer == "/payload/nam");
        Assert.Equal((0, before), (await world.ReplayedAsync(ids), world.Weir.BusOperations.Values.Sum()));
        Assert.Equal([ids[0], ids[1]], (await plan.FindAsync(new DeadLetterFilter { Type = "replayed" }, 2, CancellationToken.None))!.Select(entry => entry.Id));
    }

    [Fact]
    public void An_item_is_read_as_it_was_written()
    {
        var item = new ReplayItem("0199f5b2-0000-7000-8000-000000000001", new DateTimeOffset(2026, 1, 2, 3, 4, 5, TimeSpan.Zero).AddTicks(7), "0123456789abcdef", undoes: true) { Run = 3, Stage = 12 };
        foreach (var state in Enum.GetValues<ItemStage>())
        {
            item.State = state;
            var read = ReplayItem.Parse(item.ToString());
            Assert.Equal((item.Id, item.DiedAt, item.Key, item.Undoes, 3, 12, state), (read.Id, read.DiedAt, read.Key, read.Undoes, read.Run, read.Stage, read.State));
        }
        Assert.InRange(item.ToString().Length * ReplayTable.PageSize, 1, 32_768);
        Assert.Throws<InvalidDataException>(() => ReplayItem.Parse("something else"));
    }
}
