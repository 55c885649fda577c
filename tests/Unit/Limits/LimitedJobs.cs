using Weir;

namespace Unit.Tests.Limits;

/// <summary>Job types under a rate, which note when their jobs start; each is used by one test class only.</summary>
internal static class LimitedJobs
{
    public sealed record Limited(int FailTimes = 0);

    [Job("limited", Rate = "20/s", Burst = 5, Retry = "quick")]
    public sealed class Plain : IJobHandler<Limited>
    {
        public static List<DateTimeOffset> Starts { get; } = [];

        public Task<object?> RunAsync(Limited job, JobContext context, CancellationToken cancellation)
        {
            Starts.Add(context.Clock.GetUtcNow());
            return context.Attempt <= job.FailTimes ? throw new TransientException("not yet") : Task.FromResult<object?>(null);
        }
    }

    /// <summary>The most starts in any second, both ends included.</summary>
    public static int MostInASecond(IReadOnlyList<DateTimeOffset> starts)
    {
        var sorted = starts.Order().ToArray();
        int most = 0, first = 0;
        for (var last = 0; last < sorted.Length; last++)
        {
            while (sorted[last] - sorted[first] > TimeSpan.FromSeconds(1))
                first++;
            most = Math.Max(most, last - first + 1);
        }
        return most;
    }
}
