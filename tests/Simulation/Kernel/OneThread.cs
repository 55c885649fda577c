namespace Simulation.Kernel;

/// <summary>
/// Runs a world on the only worker of the thread pool. Some of what the framework does goes to the pool whatever the context of the code that
/// asked for it (the callbacks of CancelAsync, a WhenAny of tasks that complete elsewhere); with one worker, which takes turns with the
/// world's own steps, that too has one order, the same in every run.
/// </summary>
internal sealed class OneThread : IThreadPoolWorkItem
{
    private readonly Func<bool> step;
    private readonly ManualResetEventSlim ended = new();
    private Exception? failure;

    private OneThread(Func<bool> step) => this.step = step;

    /// <summary>Makes the pool a single worker, for as long as the process lives.</summary>
    public static void Prepare()
    {
        if (!ThreadPool.SetMinThreads(1, 1) || !ThreadPool.SetMaxThreads(1, 1))
            throw new InvalidOperationException("The thread pool cannot be held to one worker.");
    }

    /// <summary>Takes steps until there are none. The caller's thread waits.</summary>
    public static void Run(Func<bool> step)
    {
        var run = new OneThread(step);
        ThreadPool.UnsafeQueueUserWorkItem(run, preferLocal: false);
        run.ended.Wait();
        if (run.failure is { } failure)
            System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(failure);
    }

    public void Execute()
    {
        try
        {
            while (ThreadPool.PendingWorkItemCount == 0)
            {
                if (step())
                    continue;
                ended.Set();
                return;
            }
        }
        catch (Exception failed)
        {
            failure = failed;
            ended.Set();
            return;
        }
        ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
    }
}
