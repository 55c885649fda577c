using System.Globalization;
using System.Text.Json;
using Simulation.Faults;
using Simulation.Kernel;
using Simulation.Model;
using Simulation.World;

namespace Simulation.Exhaustive;

/// <summary>
/// A short life in which nothing goes wrong by chance. It runs once to count its effects on broker, tables and downstream; then once for each of
/// them with the process killed right after it, once with it done and reported as failed, and once with the process frozen right after it until another has lived through the rest.
/// </summary>
internal sealed record Scenario(string Name, Func<Stage, Task> Play)
{
    /// <summary>Jobs have callbacks, and what was told is compared with what ended.</summary>
    public bool Listens { get; init; }

    /// <summary>A scenario has some 30 to 150 effects; timers of the instance go on beside it, and their effects count too.</summary>
    private const int MostEffects = 600;

    /// <summary>Longer than every lock and lease.</summary>
    private static readonly TimeSpan ZombieTime = TimeSpan.FromMinutes(3);

    public static IReadOnlyList<Scenario> All { get; } =
    [
        new("simple job", async stage => await stage.SubmitAsync("sim.plain", new Work(1, Effects: 2, Children: 1))),
        new("retry", async stage => await stage.SubmitAsync("sim.plain", new Work(1, FailTimes: 2))),
        new("at least once", async stage => await stage.SubmitAsync("sim.least", new Work(1, FailTimes: 1))),
        new("at most once", async stage => await stage.SubmitAsync("sim.most", new Work(1))),
        new("dead letter and replay", async stage =>
        {
            var job = await stage.SubmitAsync("sim.plain", new Work(1, FailTimes: 9, FailAs: "permanent"));
            await stage.UntilAsync(job, "DeadLettered");
            await stage.ReplayAsync(job, new Work(1));
        }),
        new("dead letter and discard", async stage =>
        {
            var job = await stage.SubmitAsync("sim.plain", new Work(1, FailTimes: 9, FailAs: "permanent"));
            await stage.UntilAsync(job, "DeadLettered");
            await stage.DiscardAsync(job);
        }),
        new("strict order", async stage =>
        {
            await stage.SubmitAsync("sim.strict", new Work(1, FailTimes: 2), "key");
            await stage.SubmitAsync("sim.strict", new Work(2), "key");
            await stage.SubmitAsync("sim.strict", new Work(3), "key");
        }),
        new("strict order behind a dead letter", async stage =>
        {
            var first = await stage.SubmitAsync("sim.strict", new Work(1, FailTimes: 9, FailAs: "permanent"), "key");
            await stage.SubmitAsync("sim.strict", new Work(2), "key");
            await stage.UntilAsync(first, "DeadLettered");
            await stage.ReplayAsync(first, new Work(1));
        }),
        new("workflow", async stage => await stage.SubmitAsync(new Flow(1, Steps: 3))),
        new("workflow that waits", async stage =>
        {
            var job = await stage.SubmitAsync(new Flow(1, Steps: 2, WaitAt: 2));
            await stage.UntilAsync(job, "Waiting");
            await stage.SendEventAsync(job);
        }),
        new("workflow with compensation", async stage => await stage.SubmitAsync(new Flow(1, Steps: 4, FailAt: 3))),
        new("workflow with a compensation that fails, replayed", async stage =>
        {
            var job = await stage.SubmitAsync(new Flow(1, Steps: 3, FailAt: 3, FailUndoAt: 1));
            await stage.UntilAsync(job, "DeadLettered");
            await stage.ReplayAsync(job, mended: null);
        }),
        new("workflow with a compensation that fails, replayed and slow", async stage =>
        {
            var job = await stage.SubmitAsync(new Flow(1, Steps: 2, FailAt: 2, FailUndoAt: 1, UndoMs: 20_000));
            await stage.UntilAsync(job, "DeadLettered");
            await stage.ReplayAsync(job, mended: null);
            await stage.UntilAsync(job, "Compensating");
            await stage.WaitAsync(TimeSpan.FromSeconds(5));
        }),
        new("workflow whose result fails, replayed", async stage =>
        {
            var job = await stage.SubmitAsync(new Flow(1, Steps: 2, FailResult: true));
            await stage.UntilAsync(job, "DeadLettered");
            await stage.ReplayAsync(job, mended: null);
        }),
        new("workflow with a compensation that fails, replayed and cancelled", async stage =>
        {
            var job = await stage.SubmitAsync(new Flow(1, Steps: 3, FailAt: 3, FailUndoAt: 1, FailUndoRuns: 2));
            await stage.UntilAsync(job, "DeadLettered");
            await stage.ReplayOnceAsync(job);
            await stage.CancelAsync(job);
        }),
        new("delay", async stage => await stage.SubmitAsync("sim.plain", new Work(1), delay: TimeSpan.FromSeconds(5))),
        new("cancel while it waits", async stage => await stage.CancelAsync(await stage.SubmitAsync("sim.plain", new Work(1), delay: TimeSpan.FromSeconds(20)))),
        new("cancel while it runs", async stage =>
        {
            var job = await stage.SubmitAsync("sim.plain", new Work(1, SleepMs: 8_000));
            await stage.UntilAsync(job, "Running");
            await stage.CancelAsync(job);
        }),
        new("stop while it runs", async stage =>
        {
            var job = await stage.SubmitAsync("sim.plain", new Work(1, SleepMs: 8_000));
            await stage.UntilAsync(job, "Running");
            stage.Stop();
        }),
        new("stop while an AtMostOnce job runs", async stage =>
        {
            var job = await stage.SubmitAsync("sim.most", new Work(1, SleepMs: 8_000));
            await stage.UntilAsync(job, "Running");
            stage.World.Observer.Cases[0].IsCutOff = true;
            stage.Stop();
        }),
        new("expiry between two attempts in order", async stage =>
        {
            await stage.SubmitAsync("sim.strict", new Work(1, FailTimes: 1, SleepMs: 4_000), "key", expiresIn: TimeSpan.FromSeconds(2));
            await stage.SubmitAsync("sim.strict", new Work(2), "key");
        }),
        new("expiry, a copy left over, and replay", async stage =>
        {
            var job = await stage.SubmitAsync("sim.plain", new Work(1, FailTimes: 9, SleepMs: 4_000), expiresIn: TimeSpan.FromSeconds(2));
            await stage.UntilAsync(job, "Running");
            await stage.LoseLockAsync(); // delivered again while it runs, it is put off; then its attempt fails, and the next message finds it expired
            await stage.UntilAsync(job, "Expired");
            await stage.ReplayAsync(job, new Work(1, FailTimes: 4));
        }),
        new("lock lost while it runs", async stage =>
        {
            var job = await stage.SubmitAsync("sim.plain", new Work(1, SleepMs: 8_000));
            await stage.UntilAsync(job, "Running");
            await stage.LoseLockAsync();
        }),
        new("expiry and lock lost while it runs", async stage =>
        {
            var job = await stage.SubmitAsync("sim.plain", new Work(1, SleepMs: 8_000), expiresIn: TimeSpan.FromSeconds(2));
            await stage.UntilAsync(job, "Running");
            await stage.WaitAsync(TimeSpan.FromSeconds(3));
            await stage.LoseLockAsync();
        }),
        .. FurtherScenarios.All,
    ];

    /// <param name="first">Stop at the first failure.</param>
    /// <param name="freezes">After which effects a process is frozen too; a kill and a lost answer come after each.</param>
    public ScenarioResult Run(bool first, Func<int, bool> freezes)
    {
        var quiet = RunOnce(null);
        var failures = new List<string>();
        var runs = 1;
        if (quiet.Broken is { } broken)
            failures.Add($"{Name}: {broken}");
        for (var effect = 1; effect <= Math.Min(quiet.Effects, MostEffects) && !(first && failures.Count > 0); effect++)
        {
            foreach (var blow in Enum.GetValues<Blow>().Where(blow => blow != Blow.Freeze || freezes(effect)))
            {
                runs++;
                if (RunOnce((effect, blow)).Broken is { } promise)
                    failures.Add($"{Name}, {blow} after effect {effect} of {quiet.Effects}: {promise}; again: --exhaustive --scenario \"{Name}\" --strike {effect}:{blow}");
            }
        }
        return new ScenarioResult(quiet.Effects, runs, failures);
    }

    public Verdict RunOnce((int Effect, Blow Blow)? strike, bool keepHistory = false) => SimulatedWorld.Run(
        seed: 1, new WorldSettings { Operator = false, Cast = new Cast { Lists = true, Listener = Listens } }, FaultPlan.None, new Random(1), keepHistory,
        async (world, actors) =>
        {
            var told = new TaskCompletionSource();
            world.Strike = strike;
            world.WhenFrozen = frozen =>
            {
                actors.ScaleOut();
                _ = world.Outside.RunAsync(() => ThawAsync(world, frozen, told.Task));
            };
            actors.Start();
            await Play(new Stage(world));
            told.SetResult();
            await actors.UntilAllHaveEndedAsync();
            await actors.JudgeAsync();
        });

    /// <summary>When the story is told; or, frozen after that, when another has lived through the rest.</summary>
    private static async Task ThawAsync(WorldState world, VirtualProcess frozen, Task told)
    {
        if (told.IsCompleted)
            await world.Outside.DelayAsync(ZombieTime);
        await told;
        frozen.Thaw();
    }
}

internal sealed record ScenarioResult(int Effects, int Runs, IReadOnlyList<string> Failures);

/// <summary>What happens in a scenario, step by step; each is repeated until somebody answers, as a client would.</summary>
internal sealed class Stage(WorldState world)
{
    private const string Tenant = "tenant0";
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(20);

    private readonly Gateway gateway = new(world, new Random(2));

    public async Task<string> SubmitAsync(string type, Work work, string? key = null, TimeSpan? delay = null, TimeSpan? expiresIn = null)
    {
        var known = new JobCase(work.Number, type, Tenant, work)
        {
            IdempotencyKey = string.Create(CultureInfo.InvariantCulture, $"request-{work.Number}"),
            Order = key is null ? null : (key, work.Number),
            Delay = delay,
            ExpiresIn = expiresIn,
            SentAt = world.Now,
        };
        world.Observer.Cases.Add(known);
        var body = JsonSerializer.Serialize(
            new { type, payload = work, orderingKey = key, callbackUrl = Listening.CallbackOf(world, known), delay = Duration(delay), expiresIn = Duration(expiresIn) }, JsonSerializerOptions.Web);
        var reply = await PersistAsync("SubmitJob", "POST", "/api/jobs", body, headers: [("Weir-Tenant", Tenant), ("Idempotency-Key", known.IdempotencyKey)]);
        var id = JsonElement.Parse(reply.Body).GetProperty("id").GetString()!;
        known.Ids.Add(id);
        return id;
    }

    public async Task<string> SubmitAsync(Flow flow)
    {
        var known = new JobCase(flow.Number, "sim.flow", Tenant, new Work(flow.Number)) { IdempotencyKey = string.Create(CultureInfo.InvariantCulture, $"flow-{flow.Number}"), Flow = flow, SentAt = world.Now };
        world.Observer.Cases.Add(known);
        var reply = await PersistAsync("SubmitJob", "POST", "/api/jobs", JsonSerializer.Serialize(new { type = known.Type, payload = flow }, JsonSerializerOptions.Web), headers: [("Weir-Tenant", Tenant), ("Idempotency-Key", known.IdempotencyKey)]);
        var id = JsonElement.Parse(reply.Body).GetProperty("id").GetString()!;
        known.Ids.Add(id);
        return id;
    }

    public Task SendEventAsync(string id) => PersistAsync("SendEvent", "POST", $"/api/jobs/{id}/events/go", "{}", headers: [("Weir-Tenant", Tenant)], route: [("id", id), ("name", "go")]);

    private static string? Duration(TimeSpan? time) => time is { } some ? string.Create(CultureInfo.InvariantCulture, $"PT{some.TotalSeconds:0}S") : null;

    public async Task UntilAsync(string id, string state)
    {
        for (var until = world.Now + Patience; world.Observer.Find(id)!.State != state && !world.Observer.Find(id)!.IsFinal && world.Now < until;)
            await world.Outside.DelayAsync(TimeSpan.FromMilliseconds(500));
    }

    public Task ReplayAsync(string id, Work? mended)
    {
        if (mended is not null)
            world.Observer.Cases.Find(known => known.Ids.Contains(id))!.Mended.Add(mended);
        return PersistAsync(
            "ReplayDeadLetter", "POST", $"/api/dead-letters/{id}/replay", mended is null ? "{}" : JsonSerializer.Serialize(new { payload = mended }, JsonSerializerOptions.Web), route: [("id", id)]);
    }

    /// <summary>Asked for until somebody takes it up; what becomes of it then, nobody asks.</summary>
    public async Task ReplayOnceAsync(string id)
    {
        for (var until = world.Now + Patience; world.Now < until;)
        {
            if (await gateway.CallAsync("ReplayDeadLetter", "POST", $"/api/dead-letters/{id}/replay", "{}", route: [("id", id)]) is not { Status: 409 })
                return;
            await world.Outside.DelayAsync(TimeSpan.FromSeconds(1));
        }
    }

    public Task DiscardAsync(string id) => PersistAsync("DiscardDeadLetter", "DELETE", $"/api/dead-letters/{id}", query: "?reason=given%20up", route: [("id", id)]);

    /// <summary>Asks the instance to stop; another takes its place.</summary>
    public void Stop()
    {
        if (world.Instances.Find(instance => instance.IsUp) is { } leaving)
            _ = leaving.Process.RunAsync(leaving.StopAsync);
    }

    /// <summary>A session that somebody holds is taken from it, and nobody is told.</summary>
    public async Task LoseLockAsync()
    {
        foreach (var instance in world.Instances.ToArray())
            await instance.Broker.LoseSessionAsync();
    }

    public Task WaitAsync(TimeSpan time) => world.Outside.DelayAsync(time);

    /// <summary>Whatever the answer: it may have ended before.</summary>
    public Task CancelAsync(string id)
    {
        world.Observer.Cases.Find(known => known.Ids.Contains(id))!.CancelAccepted = true;
        return PersistAsync("CancelJob", "DELETE", $"/api/jobs/{id}", headers: [("Weir-Tenant", Tenant)], route: [("id", id)]);
    }

    /// <summary>For what is asked of more than one job.</summary>
    public WorldState World => world;

    public Gateway Gateway => gateway;

    /// <summary>The answer to the first try was lost; or the job had ended before it could be cancelled.</summary>
    private static bool WasDoneBefore(string function, HttpReply reply) =>
        function is "CancelJob" or "SendEvent" || reply.Body.Contains("alreadyReplayed", StringComparison.Ordinal) || reply.Body.Contains("alreadyDiscarded", StringComparison.Ordinal);

    /// <summary>A conflict is asked again too: a dead letter may not have been collected yet.</summary>
    private async Task<HttpReply> PersistAsync(string function, string method, string path, string? body = null, string query = "", (string, string)[]? headers = null, (string, string)[]? route = null)
    {
        HttpReply? reply = null;
        for (var until = world.Now + Patience; world.Now < until;)
        {
            reply = await gateway.CallAsync(function, method, path, body, query, headers, route);
            if (reply is { Status: < 300 } || (reply is { Status: 409 } && WasDoneBefore(function, reply)))
                return reply;
            await world.Outside.DelayAsync(TimeSpan.FromSeconds(1));
        }
        throw new TimeoutException($"{method} {path} was never answered; last: {reply?.Status} {reply?.Body}");
    }
}
