using Weir;

namespace Unit.Tests.Execution;

public sealed record Nothing;

/// <summary>Handlers that behave as a test wants them to; what they wait for is static, so each is used by one test class only.</summary>
internal static class TestJobs
{
    /// <summary>Fails as its payload says.</summary>
    [Job("failing", Retry = "standard")]
    public sealed class Failing : IJobHandler<FailingRequest>
    {
        public Task<object?> RunAsync(FailingRequest job, JobContext context, CancellationToken cancellation) =>
            context.Attempt <= job.Times ? throw new TransientException("not yet", job.RetryAfterSeconds is { } seconds ? TimeSpan.FromSeconds(seconds) : null) : Task.FromResult<object?>(new { context.Attempt });
    }

    public sealed record FailingRequest(int Times, int? RetryAfterSeconds = null);

    /// <summary>Ignores its token until it is released.</summary>
    [Job("deaf", TimeoutSeconds = 10, Retry = "quick")]
    public sealed class Deaf : IJobHandler<Nothing>
    {
        public static TaskCompletionSource Release { get; set; } = new();

        public async Task<object?> RunAsync(Nothing job, JobContext context, CancellationToken cancellation)
        {
            await Release.Task;
            return "late";
        }
    }

    /// <summary>Waits for its token, and reports as often as it is told.</summary>
    [Job("quiet", TimeoutSeconds = 600, StallTimeoutSeconds = 30, Retry = "quick")]
    public sealed class Quiet : IJobHandler<Nothing>
    {
        public static JobContext? Running { get; set; }

        public async Task<object?> RunAsync(Nothing job, JobContext context, CancellationToken cancellation)
        {
            Running = context;
            await Task.Delay(Timeout.InfiniteTimeSpan, cancellation);
            return null;
        }
    }

    [Job("parent", Retry = "quick")]
    public sealed class Parent : IJobHandler<FailingRequest>
    {
        public async Task<object?> RunAsync(FailingRequest job, JobContext context, CancellationToken cancellation)
        {
            await context.EnqueueAsync("failing", new FailingRequest(0));
            await context.EnqueueAsync("failing", new FailingRequest(0));
            return context.Attempt <= job.Times ? throw new TransientException("not yet") : (object?)null;
        }
    }

    [Job("counted.atleast", Guarantee = Guarantee.AtLeastOnce, Retry = "quick")]
    public sealed class AtLeast : IJobHandler<FailingRequest>
    {
        public static int Starts { get; set; }

        public Task<object?> RunAsync(FailingRequest job, JobContext context, CancellationToken cancellation)
        {
            Starts++;
            return context.Attempt <= job.Times ? throw new TransientException("not yet") : Task.FromResult<object?>(null);
        }
    }

    [Job("counted.atmost", Guarantee = Guarantee.AtMostOnce, TimeoutSeconds = 600)]
    public sealed class AtMost : IJobHandler<FailingRequest>
    {
        public static int Starts { get; set; }

        public static TaskCompletionSource? Hold { get; set; }

        public async Task<object?> RunAsync(FailingRequest job, JobContext context, CancellationToken cancellation)
        {
            Starts++;
            if (Hold is { } hold)
                await hold.Task.WaitAsync(cancellation);
            return context.Attempt <= job.Times ? throw new TransientException("no") : (object?)null;
        }
    }

    /// <summary>Calls a dependency that is up or down.</summary>
    [Job("dependent", DependsOn = ["payments"], Retry = "standard")]
    public sealed class Dependent : IJobHandler<Nothing>
    {
        public static bool Down { get; set; }

        public static int Calls { get; set; }

        public Task<object?> RunAsync(Nothing job, JobContext context, CancellationToken cancellation)
        {
            Calls++;
            return Down ? throw new TransientException("payments are down") : Task.FromResult<object?>(null);
        }
    }
}
