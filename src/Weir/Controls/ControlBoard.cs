using Weir.Catalog;

namespace Weir.Controls;

/// <summary>
/// What the controls say, as this instance knows it: one query of the whole small table each <see cref="ControlWatch.PollEvery"/>, shared by everything in the
/// process. Nothing starts by a view that is older than <see cref="MaxAge"/>, so a control acts everywhere within that time, however slow the polls are; and
/// while the table cannot be read, nothing could be claimed either.
/// </summary>
internal sealed class ControlBoard(ControlTable table, TimeProvider clock)
{
    /// <summary>Two polls: one of them may fail and no job asks for itself. What is promised is 5 s.</summary>
    public static readonly TimeSpan MaxAge = TimeSpan.FromSeconds(4);

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(15);

    private readonly SemaphoreSlim reading = new(1);
    private volatile ControlSnapshot view = ControlSnapshot.Never;
    private long begun;

    /// <summary>What was read last, however long ago: to be shown, not to be acted on.</summary>
    public ControlSnapshot Seen => view;

    public bool IsFresh => view.Number > 0 && clock.GetElapsedTime(view.BegunAt) <= MaxAge;

    public async ValueTask<ControlSnapshot> CurrentAsync(CancellationToken cancellation) => IsFresh ? view : await ReadAgainAsync(cancellation);

    /// <summary>A read that began after this was called; one for all who ask meanwhile.</summary>
    public async Task<ControlSnapshot> ReadAgainAsync(CancellationToken cancellation)
    {
        var asked = Interlocked.Read(ref begun);
        await reading.WaitAsync(cancellation);
        try
        {
            if (view.Number > asked)
                return view;
            using var limit = new CancellationTokenSource(Patience, clock);
            using var ended = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellation);
            var (number, begunAt) = (Interlocked.Increment(ref begun), clock.GetTimestamp());
            try
            {
                var (controls, open) = await table.ReadAsync(ended.Token);
                return view = new ControlSnapshot(controls, open, number, begunAt);
            }
            catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
            {
                throw new TimeoutException($"The controls could not be read within {Patience.TotalSeconds:0} s.");
            }
        }
        finally
        {
            reading.Release();
        }
    }

    public Control? PauseOf(Queue queue, string type, string tenant) => view.PauseOf(queue, type, tenant, clock.GetUtcNow());

    public Control? Find(ControlKind kind, string name) => view.Find(kind, name, clock.GetUtcNow());

    /// <summary>The control that gives this job another retry policy than its type's.</summary>
    public Control? PolicyOf(JobType type, string jobId, string tenant) =>
        Find(ControlKind.Policy, type.Name) is { } control && ControlSnapshot.Chooses(control, jobId, tenant) ? control : null;

    public bool IsEnabled(string feature, string jobId, string tenant) =>
        Find(ControlKind.Feature, feature) is { } control && ControlSnapshot.Chooses(control, jobId, tenant);
}
