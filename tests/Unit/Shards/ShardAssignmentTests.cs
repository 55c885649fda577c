using AzureLocal.Storage;
using Azure.Data.Tables;
using Contract.Tests;
using Microsoft.Extensions.Logging.Abstractions;
using Weir.Shards;

namespace Unit.Tests.Shards;

public sealed class ShardAssignmentTests
{
    private readonly Store store = Store.InMemory();

    [Fact]
    public async Task A_tenant_stays_where_it_is_whatever_shards_come_and_close()
    {
        var first = await FrontAsync(["a", "b", "c"]);
        var before = await AssignAsync(first, 300);
        var later = await FrontAsync(["a", "b", "c", "d", "e"], closed: ["a", "b"]);
        foreach (var (tenant, shard) in before)
        {
            Assert.Equal(shard, (await later.AssignAsync(tenant, default)).Name);
            Assert.Equal(shard, (await later.LookAsync(tenant, default)).Name);
        }
    }

    [Fact]
    public async Task Tenants_spread_over_the_open_shards_and_none_goes_to_a_closed_one()
    {
        var counts = (await AssignAsync(await FrontAsync(["a", "b", "c", "d"], closed: ["b"]), 900)).GroupBy(one => one.Value).ToDictionary(group => group.Key, group => group.Count());
        Assert.Equal(["a", "c", "d"], counts.Keys.Order());
        Assert.All(counts.Values, count => Assert.InRange(count, 230, 370)); // 300 each; five standard deviations are 71
    }

    [Fact]
    public void A_new_shard_draws_its_share_and_moves_nobody_between_the_others()
    {
        var (three, four) = (Map(["a", "b", "c"]), Map(["a", "b", "c", "d"]));
        var moved = 0;
        for (var i = 0; i < 1_000; i++)
        {
            var (before, after) = (three.Choose($"tenant-{i}").Name, four.Choose($"tenant-{i}").Name);
            if (before == after)
                continue;
            Assert.Equal("d", after);
            moved++;
        }
        Assert.InRange(moved, 180, 320);
    }

    [Fact]
    public async Task Two_fronts_that_take_a_tenants_first_submissions_agree_even_when_they_know_different_shards()
    {
        // The second would choose another: it knows only one.
        for (var i = 0; i < 50; i++)
        {
            var (one, other) = (await FrontAsync(["a", "b", "c"]), await FrontAsync(["a", "b", "c"], closed: ["a", "b"]));
            var tenant = $"racing-{i}";
            var chosen = await Task.WhenAll(one.AssignAsync(tenant, default), other.AssignAsync(tenant, default), one.AssignAsync(tenant, default));
            Assert.Single(chosen.Select(shard => shard.Name).Distinct());
            Assert.Equal(chosen[0].Name, (await (await FrontAsync(["a", "b", "c"])).LookAsync(tenant, default)).Name);
        }
    }

    [Fact]
    public async Task The_loser_of_the_insert_takes_what_the_winner_wrote()
    {
        await FrontAsync(["a", "b", "c"]); // makes the table
        var table = new ShardTable(new TableServiceClient(store, new ManualClock()), new ManualClock());
        var tenant = "late";
        var own = Map(["a", "b", "c"]).Choose(tenant).Name;
        var others = new[] { "a", "b", "c" }.First(name => name != own);
        Assert.True(await table.TryAddAsync(tenant, others, default));
        Assert.False(await table.TryAddAsync(tenant, own, default));
        Assert.Equal(others, (await (await FrontAsync(["a", "b", "c"])).AssignAsync(tenant, default)).Name);
    }

    [Fact]
    public async Task To_look_for_a_tenant_that_has_nothing_pins_nothing()
    {
        var front = await FrontAsync(["a", "b", "c"]);
        var tenant = Enumerable.Range(0, 100).Select(i => $"t{i}").First(one => Map(["a", "b", "c"]).Choose(one).Name == "a");
        Assert.Equal("a", (await front.LookAsync(tenant, default)).Name);
        Assert.NotEqual("a", (await (await FrontAsync(["a", "b", "c"], closed: ["a"])).AssignAsync(tenant, default)).Name);
    }

    [Fact]
    public async Task Nobody_answers_for_a_shard_that_is_not_known()
    {
        var tenant = (await AssignAsync(await FrontAsync(["a", "b"]), 50)).First(one => one.Value == "b").Key;
        var without = await FrontAsync(["a", "c"]);
        Assert.Equal("b", (await Assert.ThrowsAsync<ShardMissingException>(() => without.LookAsync(tenant, default))).Shard);
        Assert.Equal("b", (await Assert.ThrowsAsync<ShardMissingException>(() => without.AssignAsync(tenant, default))).Shard);
    }

    [Fact]
    public async Task What_is_remembered_has_a_bound_and_what_is_forgotten_is_read_again()
    {
        var clock = new ManualClock();
        var table = new ShardTable(new TableServiceClient(store, clock), clock);
        await table.CreateIfMissingAsync(default);
        var front = new ShardAssignment(Map(["a", "b", "c"]), table, NullLogger<ShardAssignment>.Instance, remembered: 10);
        var pinned = await AssignAsync(front, 100);
        Assert.Equal(10, front.Known);
        foreach (var (tenant, shard) in pinned)
            Assert.Equal(shard, (await front.LookAsync(tenant, default)).Name);
        Assert.Equal(10, front.Known);
    }

    [Theory]
    [InlineData("A shard's Name", "Weir:Shards:0:Name", "Big Name", "expected 1 to 32 small letters")]
    [InlineData("Twice", "Weir:Shards:0:Name", "b", "more than once")]
    [InlineData("No address", "Weir:Shards:0:Url", "b.example", "expected the address")]
    [InlineData("Keys in clear", "Weir:Shards:0:Url", "http://b.example", "has to be https")]
    [InlineData("Same address", "Weir:Shards:0:Url", "https://B.example/", "more than once")]
    [InlineData("Not a switch", "Weir:Shards:0:Closed", "yes", "expected true or false")]
    [InlineData("None open", "Weir:Shards:0:Closed", "true", "every shard is closed")]
    public void A_wrong_setting_is_named(string what, string name, string value, string says)
    {
        var settings = FrontInMemory.Settings(["a", "b"], closed: name.EndsWith("Closed", StringComparison.Ordinal) ? ["b"] : []);
        settings[name] = value;
        var wrong = Assert.Throws<InvalidOperationException>(() => new ShardMap(settings));
        Assert.True(wrong.Message.Contains(says, StringComparison.Ordinal), $"{what}: {wrong.Message}");
    }

    private static ShardMap Map(string[] names, params string[] closed) => new(FrontInMemory.Settings(names, closed));

    private static async Task<Dictionary<string, string>> AssignAsync(ShardAssignment front, int tenants)
    {
        var all = new Dictionary<string, string>();
        for (var i = 0; i < tenants; i++)
            all[$"tenant-{i}"] = (await front.AssignAsync($"tenant-{i}", default)).Name;
        return all;
    }

    private async Task<ShardAssignment> FrontAsync(string[] names, params string[] closed)
    {
        var clock = new ManualClock();
        var table = new ShardTable(new TableServiceClient(store, clock), clock);
        await table.CreateIfMissingAsync(default);
        return new ShardAssignment(Map(names, closed), table, NullLogger<ShardAssignment>.Instance);
    }
}
