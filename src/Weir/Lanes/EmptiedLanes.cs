namespace Weir.Lanes;

/// <summary>After how many jobs the last lanes of a queue that brought nothing more had run empty.</summary>
internal sealed class EmptiedLanes
{
    /// <summary>One long lane among so many is enough to take none for empty before it has had as many jobs.</summary>
    private const int Kept = 32;

    private readonly Lock guard = new();
    private readonly System.Collections.Generic.Queue<int> jobs = new(Kept);

    /// <summary>All of them were empty after so many; never, before enough are known.</summary>
    public int After { get; private set; } = int.MaxValue;

    public void Add(int count)
    {
        lock (guard)
        {
            if (jobs.Count == Kept)
                jobs.Dequeue();
            jobs.Enqueue(count);
            After = jobs.Count < Kept ? int.MaxValue : jobs.Max();
        }
    }
}
