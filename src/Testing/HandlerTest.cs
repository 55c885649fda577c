using System.Text.Json;
using Azure;
using Weir.Catalog;
using Weir.Execution;
using Weir.Lanes;
using Weir.Receipts;
using Weir.Submission;
using Weir.Testing.Running;

namespace Weir.Testing;

/// <summary>
/// One job's attempts, run on their own: no queue, no receipt, no retry but those that the test makes. Each call is the next attempt of the same job, and finds the checkpoints of those before.
/// Timeouts, tokens, contracts and error classes are the product's.
/// </summary>
public sealed class HandlerTest<THandler> : IAsyncDisposable where THandler : class
{
    private static readonly TimeSpan Lease = TimeSpan.FromSeconds(30);

    private readonly World world;
    private readonly JobType type;
    private readonly Random chance;

    private HandlerTest(World world)
    {
        (this.world, chance) = (world, new Random(world.Options.Seed));
        Wait(world.Outside.Begin(async () =>
        {
            await world.OpenAsync();
            return await world.StartInstanceAsync(serves: false);
        }));
        type = world.Current.Get<JobCatalog>().Types.Single(one => !one.IsInternal && one.Name == NameOf());
        NextJob();
    }

    /// <summary>The job's id, and so its <see cref="JobContext.IdempotencyKey"/>.</summary>
    public string JobId { get; private set; } = "";

    /// <summary>The number of the next attempt.</summary>
    public int NextAttempt { get; private set; }

    public TimeProvider Clock => world.Outside.Clock;

    /// <summary>The tables, which hold the checkpoints, and what goes wrong with them.</summary>
    public Dependency Tables => world.Tables;

    /// <param name="configure">Registers what the handler's constructor takes.</param>
    /// <param name="options">What is to be otherwise.</param>
    public static HandlerTest<THandler> Start(Action<WeirBuilder>? configure = null, WeirTestOptions? options = null) => new(new World(options ?? new WeirTestOptions(), app =>
    {
        configure?.Invoke(app);
        // The others of its assembly too: what it enqueues is checked against their contracts.
        if (!app.Handlers.Contains(typeof(THandler)))
            app.AddJobs(typeof(THandler).Assembly);
    }));

    /// <summary>Another job: no checkpoints, attempt 1.</summary>
    public void NextJob() => (JobId, NextAttempt) = (Weir.Submission.JobId.New(world.Time.Now, chance), 1);

    /// <summary>The next attempt, to its end. Virtual time passes while the handler waits for it, and its timeouts fire in it.</summary>
    /// <param name="payload">Checked against the contract first, as at a submission.</param>
    /// <param name="run">What happens meanwhile.</param>
    /// <exception cref="RefusedException">The payload breaks the contract.</exception>
    public Task<HandlerAttempt> RunAsync(object payload, HandlerRun? run = null)
    {
        run ??= new HandlerRun();
        var json = payload as JsonElement? ?? JsonSerializer.SerializeToElement(payload, payload.GetType(), ContractJson.Options);
        var version = run.Version ?? type.Version;
        if (type.Check(version, json) is { Count: > 0 } errors)
            throw WeirTest.Refusal($"A '{type.Name}'", "contractViolation", "its payload breaks the contract.", errors);

        var now = world.Time.Now;
        var body = Payload.Of(json);
        var message = new JobMessage(JobId, type.Name, run.Tenant ?? world.Options.Tenant, "test", ETag.All, body.Hash, body.Bytes) { Version = version, Attempt = NextAttempt, SubmittedAt = now };
        var attempt = new Attempt(NextAttempt++, world.Current.Place.Name, now, now + Lease);
        return Task.FromResult(Wait(world.Current.Place.Begin(() => RunAsync(message, attempt, run))));
    }

    public ValueTask DisposeAsync()
    {
        Wait(world.Current.Place.Begin(async () =>
        {
            await world.Current.DisposeAsync();
            return true;
        }));
        world.Dispose();
        return ValueTask.CompletedTask;
    }

    private async Task<HandlerAttempt> RunAsync(JobMessage message, Attempt attempt, HandlerRun run)
    {
        var clock = world.Current.Place.Clock;
        // Not held: there is no receipt whose lease could be renewed.
        using var claim = new Claim(world.Current.Get<ReceiptTable>(), message, attempt, ETag.All, Lease, clock, held: false);
        using var stop = new CancellationTokenSource();
        using var cancel = Timer(clock, run.CancelAfter, claim.RequestCancel);
        using var stopping = Timer(clock, run.StopAfter, stop.Cancel);
        var result = await world.Current.Get<AttemptRun>().RunAsync(claim, type, message.Body, stop.Token);
        return HandlerAttempt.Of(attempt, clock.GetUtcNow(), result, claim.UnwrittenProgress);
    }

    private static ITimer? Timer(TimeProvider clock, TimeSpan? after, Action fire) => after is { } wait ? clock.CreateTimer(_ => fire(), null, wait, Timeout.InfiniteTimeSpan) : null;

    private static string NameOf() => (Attribute.GetCustomAttribute(typeof(THandler), typeof(JobAttribute)) as JobAttribute)?.Name
        ?? throw new ArgumentException($"{typeof(THandler).Name} has no [Job] attribute.");

    private T Wait<T>(Task<T> task)
    {
        world.Time.Run(() => task.IsCompleted, world.Time.Now + TimeSpan.FromDays(2), () => true);
        return task.IsCompleted ? task.GetAwaiter().GetResult()
            : throw new WeirTestException($"The attempt has not ended within two days of virtual time: it waits for something outside of the test for longer than {world.Options.RealWait.TotalMilliseconds:0} ms (WeirTestOptions.RealWait).");
    }
}

/// <summary>What happens while an attempt runs.</summary>
public sealed record HandlerRun
{
    /// <summary>Somebody asks for the job's cancellation after that time.</summary>
    public TimeSpan? CancelAfter { get; init; }

    /// <summary>The instance has to stop after that time.</summary>
    public TimeSpan? StopAfter { get; init; }

    /// <summary>The contract version of the payload.</summary>
    public int? Version { get; init; }

    public string? Tenant { get; init; }
}
