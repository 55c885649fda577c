using Weir;

namespace Bench;

/// <summary>200 bytes as JSON, whatever the id is: the peers' payload.</summary>
public sealed record BenchPayload(int Id, string Kind, string Tenant, string To, long SentAt, string Pad)
{
    private const int Bytes = 200;

    /// <summary>Without its numbers and its padding.</summary>
    private static readonly int BareBytes = System.Text.Json.JsonSerializer.SerializeToUtf8Bytes(With("", 0, "", 0), System.Text.Json.JsonSerializerOptions.Web).Length - "00".Length;

    public static BenchPayload Of(int id, long sentAt = 0)
    {
        var number = $"{id}"; // stands twice in it
        return With(number, id, new string('x', Math.Max(0, Bytes - BareBytes - 2 * number.Length - $"{sentAt}".Length)), sentAt);
    }

    private static BenchPayload With(string number, int id, string pad, long sentAt) => new(id, "invoice.send", "contoso", $"user{number}@example.com", sentAt, pad);
}

/// <summary>The job types that are measured: handlers that do nothing but count.</summary>
internal static class BenchJobs
{
    public const string Once = "bench.once";
    public const string Least = "bench.least";
    public const string Retried = "bench.retried";

    /// <summary>Every so many jobs fail their first attempt.</summary>
    public const int FailEvery = 5;
}

/// <summary>All guarantees: claim, fencing, attempt row.</summary>
[Job(BenchJobs.Once)]
public sealed class RunOnce(Tally tally) : IJobHandler<BenchPayload>
{
    public Task<object?> RunAsync(BenchPayload job, JobContext context, CancellationToken cancellation)
    {
        tally.Ran(job);
        return Task.FromResult<object?>(null);
    }
}

[Job(BenchJobs.Least, Guarantee = Guarantee.AtLeastOnce)]
public sealed class RunLeast(Tally tally) : IJobHandler<BenchPayload>
{
    public Task<object?> RunAsync(BenchPayload job, JobContext context, CancellationToken cancellation)
    {
        tally.Ran(job);
        return Task.FromResult<object?>(null);
    }
}

/// <summary>Fails a fifth of the jobs once; their second attempt comes after 0 to 100 ms.</summary>
[Job(BenchJobs.Retried, Retry = "quick")]
public sealed class RunRetried(Tally tally) : IJobHandler<BenchPayload>
{
    public Task<object?> RunAsync(BenchPayload job, JobContext context, CancellationToken cancellation)
    {
        if (job.Id % BenchJobs.FailEvery == 0 && context.Attempt == 1)
            throw new TransientException("The first attempt fails.");
        tally.Ran(job);
        return Task.FromResult<object?>(null);
    }
}

/// <summary>Which jobs have run, how often, when the first and the last of those asked for did, and how long each was under way.</summary>
public sealed class Tally
{
    private readonly TaskCompletionSource all = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private byte[] runs = [];
    private double[] milliseconds = [];
    private int left;
    private long first;

    /// <summary>The first handler's start, as a <see cref="TimeProvider"/> timestamp; 0 before.</summary>
    public long First => Volatile.Read(ref first);

    /// <summary>Completes when so many jobs have run.</summary>
    public Task All => all.Task;

    public IEnumerable<int> Runs => runs.Select(count => (int)count);

    /// <summary>From the enqueue call until the handler ended, of the jobs that said when they were sent, sorted.</summary>
    public double[] Latencies => [.. milliseconds.Where(time => time > 0).Order()];

    /// <summary>Forgets what was, and expects these.</summary>
    public void Expect(int ids, int jobs) => (runs, milliseconds, left) = (new byte[ids], new double[ids], jobs);

    public void Ran(BenchPayload job)
    {
        var now = TimeProvider.System.GetTimestamp();
        Interlocked.CompareExchange(ref first, now, 0);
        if ((uint)job.Id >= (uint)runs.Length)
            return; // of a warm-up
        if (job.SentAt != 0)
            milliseconds[job.Id] = TimeProvider.System.GetElapsedTime(job.SentAt, now).TotalMilliseconds;
        if (runs[job.Id]++ == 0 && Interlocked.Decrement(ref left) == 0)
            all.TrySetResult();
    }
}
