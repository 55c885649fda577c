using Azure.Data.Tables;
using Contract.Tests.ServiceBus;
using Weir;
using Weir.DeadLetters;
using Weir.Receipts;
using Weir.Retries;

namespace Unit.Tests.DeadLetters;

/// <summary>What is kept of each cause is at any moment what looking through the entries would find.</summary>
public sealed class DeadLetterCountTests : IAsyncDisposable
{
    private static readonly DateTimeOffset Began = new(2026, 10, 31, 23, 30, 0, TimeSpan.Zero);

    private readonly LocalNamespace space = new();
    private readonly DeadLetterTable one;
    private readonly DeadLetterTable other;

    public DeadLetterCountTests()
    {
        // Two instances over one store.
        var (tables, clock) = (new TableServiceClient(space.Store, TimeProvider.System), new NovemberClock());
        (one, other) = (new DeadLetterTable(tables, clock, new Random(1)), new DeadLetterTable(tables, clock, new Random(2)));
    }

    [Fact]
    public async Task A_death_a_replay_and_a_discard_are_counted_once_however_often_they_are_written()
    {
        await one.CreateIfMissingAsync(CancellationToken.None);
        var letters = Enumerable.Range(0, 3).Select(number => Letter(number, cause: 7)).ToArray();
        foreach (var letter in letters.Concat(letters))
            await one.AddAsync(letter, CancellationToken.None);
        for (var times = 0; times < 2; times++)
        {
            await one.MarkAsync(letters[0].Key, DeadLetterState.Replayed, Ada, CancellationToken.None);
            await one.MarkAsync(letters[2].Key, DeadLetterState.Discarded, Ada, CancellationToken.None);
            await one.AddAsync(letters[0], CancellationToken.None); // the collector's message came again
        }
        var group = Assert.Single((await CountAsync(new DeadLetterFilter())).Groups);
        Assert.Equal((3, 1, letters[0].DiedAt, letters[2].DiedAt), (group.Count, group.Open, group.Oldest, group.Newest.DiedAt));
        Assert.Equal((letters[2].Id, DeadLetterState.Discarded, "Failure 7"), (group.Newest.Id, group.Newest.State, group.Newest.Error!.Message));
        Assert.Equal((1, 1, 1), (await InAsync(DeadLetterState.Open), await InAsync(DeadLetterState.Replayed), await InAsync(DeadLetterState.Discarded)));
    }

    [Fact]
    public async Task Of_many_that_die_and_are_handled_at_once_by_two_instances_none_is_miscounted()
    {
        await one.CreateIfMissingAsync(CancellationToken.None);
        var letters = Enumerable.Range(0, 200).Select(number => Letter(number, cause: number % 3)).ToArray();
        await Task.WhenAll(letters.SelectMany(letter => new[] { one.AddAsync(letter, CancellationToken.None), other.AddAsync(letter, CancellationToken.None) }));
        await Task.WhenAll(letters.Where((_, number) => number % 2 == 0).SelectMany((letter, number) => new[]
        {
            one.MarkAsync(letter.Key, number % 4 == 0 ? DeadLetterState.Replayed : DeadLetterState.Discarded, Ada, CancellationToken.None),
            other.MarkAsync(letter.Key, number % 4 == 0 ? DeadLetterState.Replayed : DeadLetterState.Discarded, Ada, CancellationToken.None),
            other.AddAsync(letter, CancellationToken.None),
        }));

        foreach (var state in new DeadLetterState?[] { null, DeadLetterState.Open, DeadLetterState.Replayed, DeadLetterState.Discarded })
        {
            var (kept, scanned) = (await CountAsync(new DeadLetterFilter { State = state }), await CountAsync(new DeadLetterFilter { State = state, From = Began.AddDays(-1) }));
            Assert.Equal(scanned.Groups.Select(group => (group.Newest.Fingerprint, group.Count, group.Open)), kept.Groups.Select(group => (group.Newest.Fingerprint, group.Count, group.Open)));
            Assert.Equal(scanned.Scanned, kept.Scanned);
        }
    }

    [Fact]
    public async Task Chance_has_no_say_in_it_either()
    {
        await one.CreateIfMissingAsync(CancellationToken.None);
        var chance = new Random(20261122);
        var letters = Enumerable.Range(0, 40).Select(number => Letter(number, cause: number % 5)).ToArray();
        for (var step = 0; step < 400; step++)
        {
            var (table, letter) = (chance.Next(2) == 0 ? one : other, letters[chance.Next(letters.Length)]);
            if (chance.Next(2) == 0)
                await table.AddAsync(letter with { Attempts = step }, CancellationToken.None);
            else
                await table.MarkAsync(letter.Key, (DeadLetterState)chance.Next(1, 3), Ada, CancellationToken.None);
        }
        var (kept, scanned) = (await CountAsync(new DeadLetterFilter()), await CountAsync(new DeadLetterFilter { To = Began.AddDays(30) }));
        Assert.Equal(scanned.Groups.Select(group => (group.Newest.Id, group.Newest.State, group.Count, group.Open, group.Oldest)), kept.Groups.Select(group => (group.Newest.Id, group.Newest.State, group.Count, group.Open, group.Oldest)));
        Assert.NotEmpty(kept.Groups);
    }

    [Fact]
    public async Task An_entry_that_another_build_would_put_under_another_cause_stays_where_it_is_counted()
    {
        await one.CreateIfMissingAsync(CancellationToken.None);
        await one.AddAsync(Letter(0, cause: 1), CancellationToken.None);
        await one.AddAsync(Letter(0, cause: 2), CancellationToken.None);
        var group = Assert.Single((await CountAsync(new DeadLetterFilter())).Groups);
        Assert.Equal((FingerprintOf(1), 1), (group.Newest.Fingerprint, group.Count));
        Assert.Equal(FingerprintOf(1), (await one.FindAsync(group.Newest.Key, CancellationToken.None))!.Fingerprint);
    }

    [Fact]
    public async Task A_type_and_a_cause_are_found_among_others_over_the_months_and_no_count_is_taken_for_a_dead_letter()
    {
        await one.CreateIfMissingAsync(CancellationToken.None);
        for (var number = 0; number < 12; number++)
            await one.AddAsync(Letter(number, cause: number % 3), CancellationToken.None);
        Assert.Equal([DeadLetterKey.MonthOf(Began), DeadLetterKey.MonthOf(Began.AddHours(1))], Enumerable.Range(0, 12).Select(number => Letter(number, 0).Key.Month).Distinct());

        Assert.Equal([(FingerprintOf(0), 4), (FingerprintOf(1), 4), (FingerprintOf(2), 4)], (await CountAsync(new DeadLetterFilter())).Groups.Select(group => (group.Newest.Fingerprint, group.Count)));
        Assert.Equal([(FingerprintOf(1), 4)], (await CountAsync(new DeadLetterFilter { Type = "type.1" })).Groups.Select(group => (group.Newest.Fingerprint, group.Count)));
        Assert.Equal([(FingerprintOf(2), 4)], (await CountAsync(new DeadLetterFilter { Fingerprint = FingerprintOf(2), State = DeadLetterState.Open })).Groups.Select(group => (group.Newest.Fingerprint, group.Count)));
        Assert.Empty((await CountAsync(new DeadLetterFilter { Type = "type.1", Fingerprint = FingerprintOf(2) })).Groups);
        var all = await one.ScanAsync(new DeadLetterFilter(), from: null, most: 100, pages: 10, columns: null, CancellationToken.None);
        Assert.Equal(Enumerable.Range(0, 12).Reverse().Select(number => Letter(number, 0).Id), all.Found.Select(entry => entry.Id));
    }

    [Fact]
    public async Task Counts_come_in_pages_that_together_are_all_of_them()
    {
        await one.CreateIfMissingAsync(CancellationToken.None);
        for (var number = 0; number < 30; number++)
            await one.AddAsync(Letter(number, cause: number % 10), CancellationToken.None);
        var (total, rounds) = (0, 0);
        DeadLetterCursor? from = null;
        do
        {
            var (counts, next) = await one.ReadCountsAsync(new DeadLetterFilter(), from, most: 4, pages: 1, CancellationToken.None);
            total += counts.Sum(count => count.Total);
            from = next is null ? null : DeadLetterCursor.TryParse(next.ToString(), out var read) ? read : throw new FormatException();
        }
        while (from is not null && ++rounds < 100);
        Assert.Equal(30, total);
        Assert.InRange(rounds, 5, 30);
    }

    [Fact]
    public async Task Who_stops_waiting_for_his_turn_does_not_let_the_next_one_in_too_early_nor_keep_him_out()
    {
        await one.CreateIfMissingAsync(CancellationToken.None);
        using var gone = new CancellationTokenSource();
        var adding = Enumerable.Range(0, 60).Select(number => (number, task: one.AddAsync(Letter(number * 16, cause: 4), number % 3 == 1 ? gone.Token : CancellationToken.None))).ToArray();
        await gone.CancelAsync();
        foreach (var (number, task) in adding)
        {
            if (number % 3 == 1)
                await task.ContinueWith(_ => { }, TaskScheduler.Default);
            else
                await task.WaitAsync(TimeSpan.FromSeconds(20));
        }
        var (kept, scanned) = (await CountAsync(new DeadLetterFilter()), await CountAsync(new DeadLetterFilter { From = Began.AddDays(-1) }));
        Assert.Equal(Assert.Single(scanned.Groups).Count, Assert.Single(kept.Groups).Count);
        Assert.InRange(kept.Scanned, 40, 60);
    }

    public ValueTask DisposeAsync() => space.DisposeAsync();

    private static Handling Ada => new("ada", Began, "it is mended");

    private static string FingerprintOf(int cause) => $"{cause:x16}";

    private async Task<int> InAsync(DeadLetterState state) => (await CountAsync(new DeadLetterFilter { State = state })).Groups.Sum(group => group.Count);

    private Task<DeadLetterGroupList> CountAsync(DeadLetterFilter filter) => new DeadLetterGroups(other).CountAsync(filter, from: null, CancellationToken.None);

    private static DeadLetter Letter(int number, int cause) => new($"{number:x8}-0000-7000-8000-{number:x12}", Began.AddMinutes(number % 1_000 * 5), "permanent", FingerprintOf(cause))
    {
        Queue = Queue.Default,
        Type = $"type.{cause}",
        Error = new JobError(ErrorClass.Permanent, "Example", $"Failure {cause}", "   at Example.Handler.RunAsync()"),
    };

    /// <summary>Always the day after, with timers that are real.</summary>
    private sealed class NovemberClock : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => Began.AddDays(1);
    }
}
