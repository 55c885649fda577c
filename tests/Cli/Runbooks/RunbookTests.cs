using BlackBox.Tests;

namespace Cli.Tests.Runbooks;

/// <summary>
/// Each page of docs/operations that an alert or an operator comes to is rehearsed: the fault is made, what the page says is seen, the page's own commands are run, in its order, and the recovery
/// is seen. Here are those whose fault leaves the app itself standing: each takes back what it did.
/// </summary>
public sealed class RunbookTests(RunbookTests.App app) : IClassFixture<RunbookTests.App>
{
    /// <summary>No alert leads to these, and they hold no commands of weir against a fault.</summary>
    private static readonly string[] NoRunbooks =
    [
        "access", // how keys and roles are set up
        "controls", // all switches on one page; those that a symptom needs stand on its own page, and ControlTests of BlackBox set each
        "dashboard", // what its pages show
        "data-directory", // without a process that answers: its commands are sqlite3's, and DamagedFileTests of BlackBox runs them on a damaged file
        "deploy", // how a version comes and goes
        "local", // how it is started on one's own machine
        "shards", // how several Weirs are set up; a shard that is down is looked at by that shard's own pages, and ShardTests of BlackBox takes one down
    ];

    private Operator Weir => app.Weir;

    [Fact]
    public void Every_runbook_has_a_rehearsal_and_every_rehearsal_a_runbook()
    {
        Assert.Equal(Runbook.Pages.Except(NoRunbooks), Runbook.Rehearsed);
        Assert.Empty(NoRunbooks.Except(Runbook.Pages));
    }

    /// <summary>The CRM refuses every call until it is told to work again.</summary>
    [Fact, Trait(Runbook.Trait, "breaker-open")]
    public async Task A_dependency_is_down_and_comes_back()
    {
        await BecomeAsync("""{"failureRate": 1}""");
        var ids = await Task.WhenAll(Enumerable.Range(0, 8).Select(number => SyncAsync(number)));
        await Operator.UntilAsync(async () => (await Weir.MetricAsync("weir_breaker_state", ("dependency", "crm"))).Contains(2), "the breaker is open");
        var late = await SyncAsync(8, "--expires-in", "PT5S");
        await Operator.UntilAsync(async () => (await Weir.RunAsync("list --type crm.sync --state retrying --json")).Out.Contains(ids[0], StringComparison.Ordinal), "the first one is retried");

        await Weir.RunPageAsync("breaker-open", [("JOB", ids[0]), ("TYPE", "crm.sync")],
            ("breakers", async run =>
            {
                await HasAsync(run, "crm");
                Assert.NotEqual("closed", await BreakerAsync());
            }),
            ("list --type crm.sync --state retrying", run => HasAsync(run, "crm.sync")),
            ("get", run => SaysAsync(run, ids[0], "503")),
            ("controls set type", async run =>
            {
                run.Expect(ExitCode.Ok);
                Assert.Contains("they asked us to stop", (await Weir.RunAsync("controls list")).Out);
                await BecomeAsync("""{"failureRate": 0}""");
            }),
            ("controls clear type", async run =>
            {
                run.Expect(ExitCode.Ok);
                await Weir.SucceedsAsync(ids);
                await Operator.UntilAsync(async () => (await Weir.RunAsync("dead-letters", "show", late)).ExitCode == ExitCode.Ok, "the expired one is in the catalogue");
            }),
            ("dead-letters list --reason expired", run => HasAsync(run, "crm.sync")));
        for (var number = 9; await BreakerAsync() != "closed"; number++)
            await Weir.SucceedsAsync(await SyncAsync(number)); // it closes after some seconds of successes
    }

    /// <summary>Three have died of one cause, which is mended (a probe succeeds in its second attempt): they are replayed in stages.</summary>
    [Fact, Trait(Runbook.Trait, "dead-letters")]
    public async Task Jobs_have_died_and_are_replayed_in_stages()
    {
        string[] ids = [await DeadAsync("runbook-a"), await DeadAsync("runbook-b"), await DeadAsync("runbook-c")];
        Assert.True((await Weir.MetricAsync("weir_jobs_dead_lettered_total", ("type", "probe"), ("reason", "permanent"))).Sum() >= 3);
        var fingerprint = (await Weir.RunAsync("dead-letters", "show", ids[0], "--json")).Json.GetProperty("fingerprint").GetString()!;
        await Weir.RunPageAsync("dead-letters", [("FINGERPRINT", fingerprint)],
            ("dead-letters groups", run => HasAsync(run, fingerprint)),
            ("replays list", run => HasAsync(run, "completed")));
        await Weir.SucceedsAsync(ids);
    }

    /// <summary>The CRM takes two seconds for each call, and thirty of them wait for the two lanes of bulk.</summary>
    [Fact, Trait(Runbook.Trait, "pressure")]
    public async Task More_comes_than_can_be_done()
    {
        await BecomeAsync("""{"latencyMs": 2000}""");
        var ids = await Task.WhenAll(Enumerable.Range(100, 30).Select(number => SyncAsync(number, "--priority", "bulk")));
        await Operator.UntilAsync(async () => (await Weir.MetricAsync("weir_queue_pressure", ("queue", "bulk"))).Contains(2), "the queue is saturated");
        (await Weir.RunAsync("submit", "probe", "--priority", "bulk")).Expect(ExitCode.TryLater);
        Assert.NotEqual(0, (await Weir.MetricAsync("weir_jobs_refused_total", ("queue", "bulk"))).Sum());

        await Weir.RunPageAsync("pressure", [("TYPE", "crm.sync")],
            ("queues", run => HasAsync(run, "saturated")),
            ("list --state queued", run => HasAsync(run, "crm.sync")),
            ("controls set type", async run =>
            {
                run.Expect(ExitCode.Ok);
                await Operator.UntilAsync(async () => (await Weir.MetricAsync("weir_queue_pressure", ("queue", "bulk"))).All(level => level == 0), "the pressure is normal");
                await Weir.SucceedsAsync(await Weir.SubmitAsync("probe", "{}", "--priority", "bulk"));
                await BecomeAsync("{}");
            }));
        await Weir.SucceedsAsync(ids);
    }

    /// <summary>What hangs is cancelled, and what waits behind it goes on.</summary>
    [Fact, Trait(Runbook.Trait, "queue-not-draining")]
    public async Task A_job_hangs_and_another_waits_behind_it()
    {
        var hangs = await Weir.SubmitAsync("probe", """{"failFirst": 1, "failAs": "hang"}""", "--ordering-key", "stuck");
        await Weir.BecomesAsync(hangs, "running");
        var waits = await Weir.SubmitAsync("probe", "{}", "--ordering-key", "stuck");
        await Operator.UntilAsync(async () => (await Weir.RunAsync("list --state running --json")).Out.Contains(hangs, StringComparison.Ordinal), "the list says so too");
        await Weir.RunPageAsync("queue-not-draining", [("JOB", hangs)],
            ("list --state running", run => HasAsync(run, "probe")),
            ("get", async run =>
            {
                run.Expect(ExitCode.Ok);
                Assert.Contains("running", run.Out);
                Assert.Equal("queued", (await Weir.ShowAsync(waits)).GetProperty("state").GetString());
            }));
        await Weir.BecomesAsync(hangs, "cancelled");
        await Weir.SucceedsAsync(waits);
    }

    /// <summary>Thirty jobs fail once each: half of all attempts are retries.</summary>
    [Fact, Trait(Runbook.Trait, "retry-storm")]
    public async Task Retries_outrun_the_work()
    {
        var ids = await Weir.SubmitAsync(30, """{"failFirst": 1, "failAs": "transient"}""");
        await Operator.UntilAsync(async () => (await Weir.MetricAsync("weir_retry_budget_spent", ("type", "probe"))).Contains(1), "the budget is spent");
        foreach (var id in ids)
            await Operator.UntilAsync(async () => (await Weir.ShowAsync(id)).GetProperty("attempts").GetArrayLength() > 0, "each has failed"); // before the policy is another one, whose delays are minutes
        await Weir.RunPageAsync("retry-storm", [("JOB", ids[0]), ("TYPE", "probe")],
            ("get", run => SaysAsync(run, ids[0], "as it was told to")),
            ("controls set policy", async run =>
            {
                run.Expect(ExitCode.Ok);
                Assert.Contains("they are overloaded", (await Weir.RunAsync("controls list")).Out);
                await Weir.SucceedsAsync(ids);
            }));
        Assert.DoesNotContain("they are overloaded", (await Weir.RunAsync("controls list")).Out);
        await Operator.UntilAsync(async () =>
        {
            (await Weir.RunAsync("load --type probe --rate 50 --duration 1s --even")).Expect(ExitCode.Ok);
            return (await Weir.MetricAsync("weir_retry_budget_spent", ("type", "probe"))).All(spent => spent == 0);
        }, "the budget is not spent any more");
    }

    /// <summary>The type probe is paused, by somebody who did not think of the check: it fails twice.</summary>
    [Fact, Trait(Runbook.Trait, "synthetic-check")]
    public async Task The_synthetic_check_fails()
    {
        await Operator.UntilAsync(SucceedsAsync, "the check succeeds");
        (await Weir.RunAsync("controls set type probe --reason mending")).Expect(ExitCode.Ok);
        await Operator.UntilAsync(async () => (await Weir.MetricAsync("weir_synthetic_check_success")).Contains(0), "the check fails");
        await Operator.UntilAsync(async () => (await Weir.RunAsync("findings --json")).Out.Contains("syntheticCheckFailed", StringComparison.Ordinal), "it has failed twice in a row");
        var held = await Weir.SubmitAsync("probe", "{}");
        await Weir.BecomesAsync(held, "held");
        await Weir.RunPageAsync("synthetic-check", [("JOB", held)],
            ("list --type probe", run => HasAsync(run, "probe")),
            ("get", run => SaysAsync(run, held, "mending")),
            ("controls list", run => HasAsync(run, "mending")));
        await Weir.SucceedsAsync(held);
        await Operator.UntilAsync(SucceedsAsync, "the check succeeds again");

        async Task<bool> SucceedsAsync() => await Weir.MetricAsync("weir_synthetic_check_success") is { Length: > 0 } all && all.Min() == 1;
    }

    /// <summary>Twenty jobs of a type die: it is paused, mended, let go, and what died is replayed.</summary>
    [Fact, Trait(Runbook.Trait, "type-failing")]
    public async Task A_type_fails()
    {
        var ids = await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => DeadAsync("type-failing")));
        Assert.True((await Weir.MetricAsync("weir_jobs_dead_lettered_total", ("type", "probe"))).Sum() >= 20);
        await Weir.RunPageAsync("type-failing", [("JOB", ids[0]), ("TYPE", "probe")],
            ("dead-letters groups", run => HasAsync(run, "probe")),
            ("controls set type", async run =>
            {
                run.Expect(ExitCode.Ok);
                await Weir.BecomesAsync(await Weir.SubmitAsync("probe", "{}"), "held");
            }),
            ($"dead-letters replay {ids[0]}", async run =>
            {
                run.Expect(ExitCode.Ok);
                await Weir.SucceedsAsync(ids[0]);
            }));
        await Weir.SucceedsAsync(ids);
        Assert.DoesNotContain("fails since the deployment", (await Weir.RunAsync("controls list")).Out);
    }

    private static Task HasAsync(CommandRun run, params string[] words)
    {
        run.Expect(ExitCode.Ok);
        Assert.All(words, word => Assert.Contains(word, run.Out));
        return Task.CompletedTask;
    }

    /// <summary>It showed the job; all that there is to see of it is in the JSON.</summary>
    private async Task SaysAsync(CommandRun run, string id, string words)
    {
        run.Expect(ExitCode.Ok);
        Assert.Contains(words, (await Weir.ShowAsync(id)).ToString());
    }

    private async Task<string?> BreakerAsync() => (await Weir.RunAsync("breakers --json")).Json.GetProperty("breakers").EnumerateArray().First(one => one.GetProperty("dependency").GetString() == "crm").GetProperty("state").GetString();

    private Task<string> SyncAsync(int number, params string[] more) => Weir.SubmitAsync("crm.sync", $$"""{"userId": "u{{number}}", "email": "u{{number}}@example.org"}""", more);

    private async Task BecomeAsync(string behaviour)
    {
        using var body = new StringContent(behaviour, System.Text.Encoding.UTF8, "application/json");
        using var answer = await Weir.Http.PutAsync("sim/crm", body);
        Assert.True(answer.IsSuccessStatusCode, await answer.Content.ReadAsStringAsync());
    }

    private async Task<string> DeadAsync(string note)
    {
        var id = await Weir.SubmitAsync("probe", $$"""{"failFirst": 1, "failAs": "permanent", "note": "{{note}}"}""");
        await Operator.UntilAsync(async () => (await Weir.RunAsync("dead-letters", "show", id)).ExitCode == ExitCode.Ok, "the dead letter is in the catalogue");
        return id;
    }

    /// <summary>One for all: small lanes and low thresholds for bulk only, and a check each 5 s.</summary>
    public sealed class App : IAsyncLifetime
    {
        private readonly DataFolder data = new();
        private WeirProcess? process;

        internal Operator Weir => new(process!);

        public async ValueTask InitializeAsync() => process = await WeirProcess.StartAsync(data,
            ("Weir__SyntheticCheck__Enabled", "true"), ("Weir__SyntheticCheck__Every", "00:00:05"), ("Weir__SyntheticCheck__Limit", "00:00:05"),
            ("Weir__Retries__quick__Budget", "0.2"), // as most types have it: the probe's own policy has no bound
            ("Weir__Tenants__default__Lanes__bulk", "2"), ("Weir__Pressure__bulk__Elevated", "00:00:02"), ("Weir__Pressure__bulk__Saturated", "00:00:04"), ("Weir__Pressure__bulk__MinDepth", "8"));

        public async ValueTask DisposeAsync()
        {
            if (process is not null)
                await process.DisposeAsync();
            data.Dispose();
        }
    }
}
