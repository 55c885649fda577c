using System.ComponentModel.DataAnnotations;
using Weir;

namespace Jobs.Tests.Kit;

/// <summary>Jobs that do what a test of the kit needs.</summary>
internal static class TestJobs
{
    public static void Register(WeirBuilder app) => app.AddJobs(typeof(TestJobs).Assembly, type => type.DeclaringType == typeof(TestJobs));

    public sealed record Todo([property: StringLength(20)] string Name = "", int FailTimes = 0, double Seconds = 0);

    [Job("kit.work")]
    public sealed class Work : IJobHandler<Todo>
    {
        public async Task<object?> RunAsync(Todo job, JobContext context, CancellationToken cancellation)
        {
            await context.ReportAsync(0.5, "half way");
            if (job.Seconds > 0)
                await Task.Delay(TimeSpan.FromSeconds(job.Seconds), context.Clock, cancellation);
            if (context.Attempt <= job.FailTimes)
                throw new TransientException($"told to fail, attempt {context.Attempt}");
            return new { job.Name, context.Attempt };
        }
    }

    [Job("kit.parent")]
    public sealed class Parent : IJobHandler<Todo>
    {
        public async Task<object?> RunAsync(Todo job, JobContext context, CancellationToken cancellation)
        {
            await context.EnqueueAsync("kit.work", new Todo("child"));
            return context.Attempt <= job.FailTimes ? throw new InvalidOperationException("not yet") : null;
        }
    }

    /// <summary>Waits for what the test does outside of the kit.</summary>
    [Job("kit.outside")]
    public sealed class Outside(TaskCompletionSource<string> answer) : IJobHandler<Todo>
    {
        public async Task<object?> RunAsync(Todo job, JobContext context, CancellationToken cancellation) => await answer.Task.WaitAsync(cancellation);
    }

    [Job("kit.strict", Ordering = Ordering.Strict)]
    public sealed class Strict : IJobHandler<Todo>
    {
        public Task<object?> RunAsync(Todo job, JobContext context, CancellationToken cancellation) =>
            job.Name == "bad" ? throw new PermanentException("bad") : Task.FromResult<object?>(null);
    }

    [Job("kit.hangs", TimeoutSeconds = 20)]
    public sealed class Hangs : IJobHandler<Todo>
    {
        public async Task<object?> RunAsync(Todo job, JobContext context, CancellationToken cancellation)
        {
            await Task.Delay(Timeout.InfiniteTimeSpan, cancellation);
            return null;
        }
    }
}
