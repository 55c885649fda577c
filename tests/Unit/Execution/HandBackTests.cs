using Weir;

namespace Unit.Tests.Execution;

public sealed class HandBackTests
{
    [Fact]
    public async Task What_an_attempt_did_once_before_a_stop_is_not_done_again_when_that_attempt_begins_anew()
    {
        await using var weir = await WeirInMemory.StartAsync(typeof(OnceThenHold));
        (OnceThenHold.Effects, OnceThenHold.Holds) = (0, true);
        var id = await weir.SubmitAsync("counted.once", new OnceRequest());
        using var stopping = new CancellationTokenSource();
        var running = weir.RunNextAsync(stopping.Token);
        await stopping.CancelAsync();
        await running.WaitAsync(TimeSpan.FromSeconds(20));
        Assert.Equal(JobState.Queued, (await weir.JobAsync(id)).Receipt.State);

        OnceThenHold.Holds = false;
        await weir.RunNextAsync();

        var job = await weir.JobAsync(id);
        Assert.Equal((JobState.Succeeded, 1), (job.Receipt.State, Assert.Single(job.Attempts).Number));
        Assert.Equal(1, OnceThenHold.Effects);
    }

    public sealed record OnceRequest;

    [Job("counted.once")]
    internal sealed class OnceThenHold : IJobHandler<OnceRequest>
    {
        public static int Effects { get; set; }

        public static bool Holds { get; set; }

        public async Task<object?> RunAsync(OnceRequest job, JobContext context, CancellationToken cancellation)
        {
            var value = await context.OnceAsync("effect", _ => Task.FromResult(++Effects));
            if (Holds)
                await Task.Delay(Timeout.Infinite, cancellation);
            return new { value };
        }
    }
}
