using Azure.Data.Tables;
using static Weir.DeadLetters.DeadLetter;

namespace Weir.DeadLetters;

/// <summary>What changes an entry: always together with the count of its cause, both or neither, so that the counts are those of the entries at any moment.</summary>
internal sealed partial class DeadLetterTable
{
    /// <summary>Of some instances that write one count at the same time, each time one gets on.</summary>
    private const int MaxTries = 40;

    /// <summary>Within an instance those who write one count go one after another; a few rows may share a queue.</summary>
    private readonly OneByOne[] turns = [.. Enumerable.Range(0, 32).Select(_ => new OneByOne())];

    /// <summary>Writes an entry; again, after a crash, it leaves alone what an operator has done to it.</summary>
    public async Task AddAsync(DeadLetter entry, CancellationToken cancellation)
    {
        var row = entry.ToRow();
        row[Column.State] = nameof(DeadLetterState.Open);
        var added = new TableTransactionAction(TableTransactionActionType.Add, row);
        for (var tries = 1; tries <= MaxTries; tries++)
        {
            if (await TryAsync(entry.Key, entry.Fingerprint, added, before => DeadLetterCount.With(before, entry), tries, cancellation))
                return;
            if (await FindAsync(entry.Key, cancellation) is null)
                continue;
            var again = entry.ToRow();
            again.Remove(Column.Fingerprint); // it is counted under the one that it has
            await table.UpsertEntityAsync(again, TableUpdateMode.Merge, cancellation);
            return;
        }
        throw Unsettled(entry.Key);
    }

    /// <summary>Notes what an operator did. The receipt has decided that already, so this only follows it, and may follow it twice.</summary>
    public async Task MarkAsync(DeadLetterKey key, DeadLetterState state, Handling how, CancellationToken cancellation)
    {
        var mark = new TableEntity(key.Month, key.Row)
        {
            [Column.State] = state.ToString(),
            [Column.HandledBy] = how.By,
            [Column.HandledAt] = how.At,
            [Column.HandledReason] = how.Reason ?? "",
        };
        for (var tries = 1; tries <= MaxTries; tries++)
        {
            var answer = await table.GetEntityIfExistsAsync<TableEntity>(key.Month, key.Row, cancellationToken: cancellation);
            if (!answer.HasValue || Of(answer.Value!) is not { } entry || entry.State == state)
                return;
            var marked = new TableTransactionAction(TableTransactionActionType.UpdateMerge, mark, answer.Value!.ETag);
            if (await TryAsync(key, entry.Fingerprint, marked, before => before?.Moved(key, entry.State, state), tries, cancellation))
                return;
        }
        throw Unsettled(key);
    }

    /// <returns>False when somebody else was quicker, with the entry or with the count.</returns>
    private async Task<bool> TryAsync(
        DeadLetterKey entry, string fingerprint, TableTransactionAction change, Func<DeadLetterCount?, DeadLetterCount?> counted, int tries, CancellationToken cancellation)
    {
        if (tries > 2)
            await Task.Delay(TimeSpan.FromMilliseconds(chance.Next(1, 10 * tries)), clock, cancellation);
        var key = DeadLetterCount.KeyOf(entry, fingerprint);
        return await turns[TurnOf(key)].RunAsync(
            async () =>
            {
                var answer = await table.GetEntityIfExistsAsync<TableEntity>(key.Month, key.Row, cancellationToken: cancellation);
                var before = answer.HasValue ? DeadLetterCount.Of(answer.Value!) : null;
                var count = counted(before) switch
                {
                    null => [],
                    var after when before is null => new[] { new TableTransactionAction(TableTransactionActionType.Add, after.ToRow(key)) },
                    var after => [new TableTransactionAction(TableTransactionActionType.UpdateReplace, after.ToRow(key), before!.ETag!.Value)],
                };
                try
                {
                    await table.SubmitTransactionAsync([change, .. count], cancellation);
                    return true;
                }
                catch (TableTransactionFailedException changed) when (changed.Status is 409 or 412)
                {
                    return false;
                }
            },
            cancellation);
    }

    /// <summary>The row ends with the last digits of the fingerprint and the number of the shard.</summary>
    private int TurnOf(DeadLetterKey key) => (key.Row[^1] + 4 * key.Row[^3]) % turns.Length;

    private static TimeoutException Unsettled(DeadLetterKey key) => new($"The dead letter {key} and the count of its cause changed {MaxTries} times while it was to be written.");

    private sealed class OneByOne
    {
        private readonly Lock guard = new();
        private Task last = Task.CompletedTask;

        public async Task<T> RunAsync<T>(Func<Task<T>> work, CancellationToken cancellation)
        {
            var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            Task before;
            lock (guard)
                (before, last) = (last, done.Task);
            try
            {
                await before.WaitAsync(cancellation);
            }
            catch (OperationCanceledException)
            {
                _ = PassOnAsync(before, done);
                throw;
            }
            try
            {
                return await work();
            }
            finally
            {
                done.SetResult();
            }
        }

        /// <summary>Whoever is next waits for who was before.</summary>
        private static async Task PassOnAsync(Task before, TaskCompletionSource done)
        {
            await before;
            done.SetResult();
        }
    }
}
