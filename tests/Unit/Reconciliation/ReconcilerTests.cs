using Azure.Data.Tables;
using Weir;
using Weir.Execution;
using Weir.Receipts;
using Weir.Reconciliation;
using static Unit.Tests.Reconciliation.ReconciledWorld;

namespace Unit.Tests.Reconciliation;

/// <summary>What it leaves alone, what it costs, and that nothing comes of doing it twice or half.</summary>
public sealed class ReconcilerTests
{
    [Fact]
    public async Task A_backlog_that_waits_for_an_hour_is_not_sent_again()
    {
        await using var world = await StartAsync();
        for (var number = 0; number < 1_000; number++)
            await world.SubmitAsync(Request(new($"{number}")));
        for (var minutes = 0; minutes < 60; minutes += 3)
        {
            world.Clock.Advance(TimeSpan.FromMinutes(3));
            Assert.Empty(await world.PassAsync());
        }
        Assert.Equal(1_000, (await world.MessagesAsync()).Count);
        Assert.All(await world.ReceiptsAsync(), receipt => Assert.Equal(0, receipt.Resends));
    }

    [Fact]
    public async Task In_a_backlog_the_one_job_without_a_message_is_found()
    {
        await using var world = await StartAsync();
        await world.SubmitAsync(Request(new("lost")));
        await world.LoseMessagesAsync();
        for (var number = 0; number < 300; number++)
            await world.SubmitAsync(Request(new($"{number}")));
        world.Clock.Advance(TimeSpan.FromMinutes(20));
        Assert.Single(await world.PassAsync());
        Assert.Equal(301, (await world.MessagesAsync()).Count);
    }

    [Fact]
    public async Task A_job_whose_message_is_locked_is_not_sent_again_though_nobody_has_claimed_it()
    {
        await using var world = await StartAsync();
        await world.SubmitAsync(Request(new("ada"), "reconciled.free"));
        await using var locked = await world.Weir.ReceiveAsync();
        world.Clock.Advance(TimeSpan.FromMinutes(4));
        Assert.NotNull(locked);
        world.Clock.Advance(TimeSpan.FromSeconds(50)); // the lock of 5 minutes still holds
        Assert.Empty(await world.PassAsync());
    }

    [Fact]
    public async Task What_changed_a_moment_ago_is_left_alone()
    {
        await using var world = await StartAsync();
        await world.SubmitAsync(Request(new("ada", Transient: 1)));
        world.Clock.Advance(TimeSpan.FromMinutes(20));
        await world.Weir.RunNextAsync();
        await world.LoseMessagesAsync();
        world.Clock.Advance(TimeSpan.FromMinutes(4));
        Assert.Empty(await world.PassAsync());
        world.Clock.Advance(TimeSpan.FromMinutes(2));
        Assert.Single(await world.PassAsync());
    }

    [Fact]
    public async Task Each_resend_doubles_the_time_before_the_next()
    {
        await using var world = await StartAsync();
        var id = await world.SubmitAsync(Request(new("ada")));
        for (var minutes = 0; minutes < 24 * 60; minutes += 5)
        {
            await world.LoseMessagesAsync();
            world.Clock.Advance(TimeSpan.FromMinutes(5));
            await world.PassAsync();
        }
        Assert.InRange((await world.ReceiptAsync(id)).Resends, 7, 11); // 5, 10, 20, 40, 80, 160, 320, 320, … minutes
        await world.Weir.RunAllAsync(TimeSpan.FromSeconds(1));
    }

    [Fact]
    public async Task A_second_copy_runs_nothing_twice()
    {
        await using var world = await StartAsync();
        var id = await world.SubmitAsync(Request(new("ada")));
        world.Clock.Advance(TimeSpan.FromMinutes(20));
        Assert.NotNull(await world.Weir.Get<Repairs>().RepairAsync(await world.ReceiptAsync(id), CancellationToken.None)); // though its message is there
        Assert.Equal(2, (await world.MessagesAsync()).Count);
        await world.Weir.RunAllAsync(TimeSpan.FromSeconds(1));
        Assert.Equal(["ada"], world.Starts.Names);
        Assert.Empty(await world.MessagesAsync());
    }

    [Fact]
    public async Task Of_two_instances_one_has_the_turn_and_the_other_takes_it_when_that_one_is_gone()
    {
        await using var world = await StartAsync();
        var other = await world.JoinAsync();
        Assert.True((await world.Weir.Get<Reconciler>().RoundAsync(CancellationToken.None)).Ours);
        Assert.False((await other.Get<Reconciler>().RoundAsync(CancellationToken.None)).Ours);
        world.Clock.Advance(TimeSpan.FromSeconds(61));
        Assert.True((await other.Get<Reconciler>().RoundAsync(CancellationToken.None)).Ours);
        Assert.False((await world.Weir.Get<Reconciler>().RoundAsync(CancellationToken.None)).Ours);
    }

    [Fact]
    public async Task Two_that_repair_one_job_at_once_send_one_message()
    {
        await using var world = await StartAsync();
        var other = await world.JoinAsync();
        var id = await world.SubmitAsync(Request(new("ada")));
        await world.LoseMessagesAsync();
        var seen = await world.ReceiptAsync(id);
        var found = await Task.WhenAll(world.Weir.Get<Repairs>().RepairAsync(seen, CancellationToken.None), other.Get<Repairs>().RepairAsync(seen, CancellationToken.None));
        Assert.Single(found, one => one is not null);
        Assert.Single(await world.MessagesAsync());
    }

    [Theory]
    [InlineData(KillPoints.AfterResendMarked, 0)]
    [InlineData(KillPoints.AfterFinding, 0)]
    [InlineData(KillPoints.AfterResent, 1)]
    public async Task A_repair_that_is_cut_off_is_done_by_the_next_instance(string killPoint, int messages)
    {
        await using var world = await StartAsync();
        var dying = await world.JoinAsync(killPoint);
        var id = await world.SubmitAsync(Request(new("ada")));
        await world.LoseMessagesAsync();
        world.Clock.Advance(TimeSpan.FromMinutes(10));
        await Assert.ThrowsAsync<KilledException>(() => world.PassAsync(dying));
        Assert.Equal(messages, (await world.MessagesAsync()).Count);

        Assert.Equal(1 - messages, (await world.HealAsync()).Count);
        Assert.Equal(JobState.Succeeded, (await world.ReceiptAsync(id)).State);
        Assert.Equal(["ada"], world.Starts.Names);
    }

    [Fact]
    public async Task Where_all_is_well_a_pass_costs_little()
    {
        await using var world = await StartAsync();
        for (var number = 0; number < 300; number++)
            await world.SubmitAsync(Request(new($"{number}")));
        await world.Weir.RunAllAsync(TimeSpan.FromSeconds(1));
        for (var number = 0; number < 100; number++)
            await world.SubmitAsync(Request(new($"waits {number}")));
        world.Clock.Advance(TimeSpan.FromMinutes(20));
        await world.PassAsync();

        var (tables, bus) = (Tables(), Bus());
        Assert.Empty(await world.PassAsync());
        Assert.InRange(Tables() - tables, 5, 45); // the turn, the list of jobs, old findings; no receipt
        Assert.InRange(Bus() - bus, 100, 106); // a message each, and each queue and its dead letters to their ends

        long Tables() => world.Tables.Operations.Snapshot().Values.Sum();
        long Bus() => world.Weir.BusOperations.GetValueOrDefault("Peek");
    }

    [Fact]
    public async Task Findings_are_kept_newest_first_and_removed_with_time()
    {
        await using var world = await StartAsync();
        for (var number = 0; number < 3; number++)
        {
            await world.SubmitAsync(Request(new($"{number}")));
            await world.LoseMessagesAsync();
            await world.HealAsync();
        }
        var table = world.Weir.Get<FindingTable>();
        var (all, _) = await table.ReadAsync("", 100, null, CancellationToken.None);
        Assert.Equal(3, all.Count);
        Assert.Equal(all.Select(one => one.At).OrderDescending(), all.Select(one => one.At));
        var (first, next) = await table.ReadAsync("", 2, null, CancellationToken.None);
        var (rest, end) = await table.ReadAsync(next!, 2, null, CancellationToken.None);
        Assert.Equal(all, first.Concat(rest));
        Assert.Null(end);

        world.Clock.Jump(TimeSpan.FromDays(15));
        await world.PassAsync();
        Assert.Empty((await table.ReadAsync("", 100, null, CancellationToken.None)).Found);
    }

    [Fact]
    public async Task A_receipt_that_cannot_be_read_is_a_finding_an_hour_and_stops_nobody()
    {
        await using var world = await StartAsync();
        var damaged = await world.SubmitAsync(Request(new("damaged")));
        await world.SubmitAsync(Request(new("ada")));
        await world.LoseMessagesAsync();
        await world.Tables.GetTableClient(ReceiptTable.Name).UpdateEntityAsync(new TableEntity(damaged, ReceiptTable.ReceiptRow) { ["State"] = "nonsense" }, Azure.ETag.All, TableUpdateMode.Merge);
        world.Clock.Advance(TimeSpan.FromMinutes(20));
        await world.PassAsync();
        await world.PassAsync();
        var (found, _) = await world.Weir.Get<FindingTable>().ReadAsync("", 100, null, CancellationToken.None);
        Assert.Equal([FindingKind.MessageMissing, FindingKind.Unreadable], found.Select(one => one.Kind).Order());
    }
}
