using System.Text.Json;
using Weir.Catalog;
using Weir.Execution;
using Weir.Receipts;
using Weir.Submission;
using Weir.Testing.Running;

namespace Weir.Testing;

/// <summary>
/// The whole app in memory: the jobs that the test registers, Weir round them as in a deployment, and a clock that stands still until the test moves it. One thread does everything, the test's own,
/// while it waits for one of these methods: so nothing happens between two calls, and the same test takes the same course each time.
/// </summary>
public sealed partial class WeirTest : IAsyncDisposable
{
    /// <summary>What a call of the test (a submission, an event) may take of the virtual time, when what it asks is slow.</summary>
    private static readonly TimeSpan CallLimit = TimeSpan.FromMinutes(10);

    private readonly World world;

    private WeirTest(World world) => this.world = world;

    /// <summary>The time as everything in the test sees it.</summary>
    public TimeProvider Clock => world.Outside.Clock;

    public DateTimeOffset Now => world.Time.Now;

    public DateTimeOffset StartedAt => world.Options.StartAt;

    /// <summary>The tables, and what goes wrong with them.</summary>
    public Dependency Tables => world.Tables;

    /// <summary>The broker, and what goes wrong with it.</summary>
    public Dependency Bus => world.Bus;

    /// <summary>How many instances have been killed.</summary>
    public int Deaths => world.Deaths;

    /// <summary>The container of the running instance.</summary>
    public IServiceProvider Services => world.Current.Provider;

    /// <summary>Starts an app with these jobs.</summary>
    /// <param name="configure">
    /// Registers them and what they need: <c>app =&gt; app.AddJobs(typeof(MyJob).Assembly)</c>. Called again for each instance that takes a killed one's place: make outside of it what is to outlive one.
    /// </param>
    /// <param name="options">What is to be otherwise.</param>
    public static Task<WeirTest> StartAsync(Action<WeirBuilder> configure, WeirTestOptions? options = null)
    {
        var weir = new WeirTest(new World(options ?? new WeirTestOptions(), configure));
        weir.Wait(weir.world.Outside.Begin(async () =>
        {
            await weir.world.OpenAsync();
            await weir.world.StartInstanceAsync(serves: true);
            return true;
        }), "The start");
        return Task.FromResult(weir);
    }

    /// <summary>Submits a job. Nothing of it has run when this comes back.</summary>
    /// <exception cref="RefusedException">It was not accepted.</exception>
    public Task<TestJob> SubmitAsync(string type, object payload, SubmitOptions? options = null)
    {
        options ??= new SubmitOptions();
        var json = payload as JsonElement? ?? JsonSerializer.SerializeToElement(payload, payload.GetType(), ContractJson.Options);
        var request = new SubmitRequest(type, json) { Version = options.Version, Priority = options.Priority, OrderingKey = options.OrderingKey, CorrelationId = options.CorrelationId, Timing = new Timing(options.Delay, options.NotBefore, options.ExpiresIn) };
        var tenant = options.Tenant ?? world.Options.Tenant;
        var submitted = Ask(instance => instance.Get<JobSubmission>().SubmitAsync(request, tenant, options.IdempotencyKey, CancellationToken.None), $"The submission of a '{type}'");
        return submitted switch
        {
            Submitted.Accepted accepted => Task.FromResult(new TestJob(this, accepted.JobId)),
            Submitted.Refused refused => throw Refusal($"A '{type}'", refused.Refusal.ToString(), refused.Detail, refused.Errors),
            _ => throw new WeirTestException($"'{type}' was answered with {submitted}."),
        };
    }

    /// <summary>Everything that can happen now: no time passes. What waits for a time, an event or a retry goes on waiting.</summary>
    public Task RunUntilIdleAsync() => AdvanceAsync(TimeSpan.Zero);

    /// <summary>Everything that happens within this time, each thing at its moment.</summary>
    public Task AdvanceAsync(TimeSpan time)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(time, TimeSpan.Zero);
        RunUntil(static () => false, Now + time);
        return Task.CompletedTask;
    }

    /// <summary>As long as it takes until the job has ended, in whatever way.</summary>
    /// <param name="job">The job.</param>
    /// <param name="within">At most this long, in virtual time; a day unless told.</param>
    /// <exception cref="WeirTestException">It has not ended by then; the message says why.</exception>
    public Task RunToEndAsync(TestJob job, TimeSpan? within = null) => RunUntilAsync(job, static job => job.State.IsFinal(), "has not ended", within);

    /// <summary>As long as it takes until the job is in that state.</summary>
    public Task RunUntilAsync(TestJob job, JobState state, TimeSpan? within = null) => RunUntilAsync(job, job => job.State == state, $"was not {state}", within);

    /// <summary>As long as it takes until all jobs have ended.</summary>
    public async Task RunAllToEndAsync(TimeSpan? within = null)
    {
        var until = Now + (within ?? TimeSpan.FromDays(1));
        while (Jobs.FirstOrDefault(job => !job.State.IsFinal()) is { } open)
            await RunToEndAsync(open, until - Now);
    }

    /// <summary>Kills the instance, as kill -9 would, with whatever it is at. The next one starts with the next run.</summary>
    public Task KillAsync()
    {
        world.Kill(world.Current.Place);
        return Task.CompletedTask;
    }

    /// <summary>
    /// Kills the running instance when it next comes to this step of a job's life: <c>submit.receipt</c>, <c>run.handler</c>, <c>run.handled</c>, <c>run.outcome</c>, <c>step.run</c>, …;
    /// an unknown one is answered with the list.
    /// </summary>
    public void KillAt(string step)
    {
        Revive();
        world.Current.Get<KillPoints>().Arm(step);
    }

    public ValueTask DisposeAsync()
    {
        if (!world.Current.Place.IsDead)
            Wait(world.Current.Place.Begin(async () =>
            {
                await world.Current.DisposeAsync();
                return true;
            }), "The stop");
        world.Dispose();
        return ValueTask.CompletedTask;
    }

    internal static RefusedException Refusal(string what, string reason, string detail, IReadOnlyList<ContractError> errors) =>
        new($"{what} was refused ({Camel(reason)}): {detail}{string.Concat(errors.Select(error => $"\n  at '{error.Pointer}': {error.Detail}"))}", Camel(reason));

    internal static string Camel(string name) => JsonNamingPolicy.CamelCase.ConvertName(name);

    /// <summary>Has the running instance do something, and waits for it.</summary>
    internal T Ask<T>(Func<InMemoryInstance, Task<T>> work, string what)
    {
        Revive();
        var instance = world.Current;
        return Wait(instance.Place.Begin(() => work(instance)), what, instance);
    }

    /// <summary>What is on record of a job, past whatever is wrong with the tables.</summary>
    internal JobRecord Read(string id) => JobRecord.Of(world.Rows($"PartitionKey eq '{id}'")) ?? throw new WeirTestException($"There is no job {id}: retention has removed it, or it never was.");

    internal IEnumerable<string> IdsOf(string filter) => world.Rows($"RowKey eq '{ReceiptTable.ReceiptRow}'{filter}")
        .Select(row => new Receipt(row)).OrderBy(job => job.SubmittedAt).ThenBy(job => job.Id, StringComparer.Ordinal).Select(job => job.Id);

    private Task RunUntilAsync(TestJob job, Func<TestJob, bool> holds, string otherwise, TimeSpan? within)
    {
        var limit = within ?? TimeSpan.FromDays(1);
        var begin = Now;
        // What follows at the same moment, such as the way of a dead letter into the catalogue, is waited for too.
        return RunUntil(() => holds(job), begin + limit) ? RunUntilIdleAsync()
            : throw new WeirTestException($"Job {job.Id} ('{job.Type}') {otherwise} within {limit}. It is {job.State}: {job.Why}{OthersOpen(job)}");
    }

    private string OthersOpen(TestJob but) =>
        string.Concat(Jobs.Where(job => job.Id != but.Id && !job.State.IsFinal()).Take(5).Select(job => $"\n  Also open: {job.Id} ('{job.Type}'), {job.State}: {job.Why}"));

    /// <summary>Runs on, with another instance when one is killed.</summary>
    private bool RunUntil(Func<bool> isDone, DateTimeOffset until)
    {
        // A look at a job is a query: only when the time is about to pass, or an outcome may have been written since.
        var seen = -1L;
        while (true)
        {
            Revive();
            var instance = world.Current;
            var done = false;
            world.Time.Run(() => instance.Place.IsDead || (done = HasChanged() && isDone()), until, () => instance.IsBusy);
            if (done)
                return true;
            if (!instance.Place.IsDead)
                return isDone();
        }

        bool HasChanged()
        {
            var version = world.Store.CommitVersion();
            if (version == seen)
                return false;
            seen = version;
            return true;
        }
    }

    private void Revive()
    {
        if (world.Current.Place.IsDead)
            Wait(world.Outside.Begin(() => world.StartInstanceAsync(serves: true)), "The start of another instance");
    }

    private T Wait<T>(Task<T> task, string what, InMemoryInstance? by = null)
    {
        world.Time.Run(() => task.IsCompleted || by is { Place.IsDead: true }, Now + CallLimit, () => true);
        if (task.IsCompletedSuccessfully || (task.IsCompleted && by is not { Place.IsDead: true }))
            return ResultOf(task, what);
        throw new WeirTestException(by is { Place.IsDead: true }
            ? $"{what} was not answered: the instance was killed meanwhile (as the test wants it). It may have been done or not."
            : $"{what} did not end within {CallLimit} of virtual time.");
    }

    private static T ResultOf<T>(Task<T> task, string what)
    {
        try
        {
            return task.GetAwaiter().GetResult();
        }
        catch (Exception away) when (StoreAway.Explains(away))
        {
            throw Refusal(what, "storeUnavailable", $"a store does not answer: {away.GetBaseException().Message}", []);
        }
    }
}
