namespace Weir.Execution;

/// <summary>
/// Renews a claim's lease at each third of its time, for as long as its attempt runs. One timer, which a job shorter than that never sees fire: a task that
/// waits for the attempt's end must be woken by its token, which is a hop over the thread pool for each job.
/// </summary>
internal sealed class LeaseRenewal : IAsyncDisposable
{
    private readonly Claim claim;
    private readonly TimeSpan lease;
    private readonly TimeProvider clock;
    private readonly CancellationToken ended;
    private readonly ITimer timer;
    private DateTimeOffset until;
    private Task renewal = Task.CompletedTask;

    /// <param name="claim">What is renewed.</param>
    /// <param name="lease">How long each renewal lasts.</param>
    /// <param name="clock">Whose time.</param>
    /// <param name="ended">Fires before this is disposed of: a renewal under way is given up.</param>
    public LeaseRenewal(Claim claim, TimeSpan lease, TimeProvider clock, CancellationToken ended)
    {
        (this.claim, this.lease, this.clock, this.ended) = (claim, lease, clock, ended);
        until = claim.Attempt.LeaseUntil;
        timer = clock.CreateTimer(static self => ((LeaseRenewal)self!).OnTimer(), this, lease / 3, Timeout.InfiniteTimeSpan);
    }

    /// <summary>Nothing is renewed any more when it ends.</summary>
    public async ValueTask DisposeAsync()
    {
        await timer.DisposeAsync(); // and has not just begun a renewal
        await renewal;
    }

    private void OnTimer()
    {
        if (!ended.IsCancellationRequested)
            renewal = RenewAsync();
    }

    private async Task RenewAsync()
    {
        try
        {
            var next = clock.GetUtcNow() + lease; // counted from before the request: the store's word may come late
            if (!await claim.RenewAsync(next, ended))
                return;
            until = next;
        }
        catch (OperationCanceledException) when (ended.IsCancellationRequested)
        {
            return;
        }
        catch (Exception) when (clock.GetUtcNow() < until)
        {
            // The store is away; the lease we have still holds, and the next third is another chance.
        }
        catch (Exception)
        {
            await claim.LoseAsync();
            return;
        }
        if (!ended.IsCancellationRequested)
            timer.Change(lease / 3, Timeout.InfiniteTimeSpan);
    }
}
