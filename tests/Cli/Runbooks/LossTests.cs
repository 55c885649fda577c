using Azure.Messaging.ServiceBus;
using Azurite;
using BlackBox.Tests;

namespace Cli.Tests.Runbooks;

/// <summary>Rehearsals of pages for when something is gone: the tables, the process, messages. Each has an app of its own.</summary>
public sealed class LossTests
{
    /// <summary>The tables, in Azurite, stop answering over twelve jobs that are about to run, and come back.</summary>
    [Fact, Trait(Runbook.Trait, "store-away")]
    public async Task The_tables_do_not_answer()
    {
        using var kept = new DataFolder();
        await using var azurite = new AzuriteServer { Location = kept.Path };
        await azurite.InitializeAsync();
        using var data = new DataFolder();
        await using var process = await WeirProcess.StartAsync(data, ("AzureWebJobsStorage", azurite.ConnectionString));
        var weir = new Operator(process);
        var ids = await weir.SubmitAsync(12, "{}", "--delay", "PT10S");
        await azurite.StopAsync();
        (await weir.RunAsync("submit probe")).Expect(ExitCode.TryLater);
        await Operator.UntilAsync(async () => (await weir.MetricAsync("weir_jobs_put_off_total", ("reason", "storeAway"))).Sum() > 10, "jobs are put off");

        var held = "";
        await weir.RunPageAsync("store-away", [],
            ("health", run => Task.FromResult(run.Expect(ExitCode.TryLater))),
            ("controls set queue bulk", async run =>
            {
                run.Expect(ExitCode.TryLater); // as the page says: nothing gets through yet
                await azurite.StartAsync();
                await Operator.UntilAsync(async () => (await weir.RunAsync(Runbook.CommandsOf("store-away").Single(one => one.StartsWith("controls set", StringComparison.Ordinal)))).ExitCode == ExitCode.Ok, "bulk is paused");
                held = await weir.SubmitAsync("probe", "{}", "--priority", "bulk");
                await weir.BecomesAsync(held, "held");
                await weir.SucceedsAsync(ids);
            }));
        await weir.SucceedsAsync(held);
        (await weir.RunAsync("health")).Expect(ExitCode.Ok);
        foreach (var id in ids)
            Assert.Equal(1, (await weir.ShowAsync(id)).GetProperty("attempts").GetArrayLength());
    }

    /// <summary>The process is killed; its successor takes up what it ran, and counts the lost attempt.</summary>
    [Fact, Trait(Runbook.Trait, "no-instance")]
    public async Task No_instance_answers()
    {
        using var data = new DataFolder();
        string id;
        await using (var dying = await WeirProcess.StartAsync(data))
        {
            var before = new Operator(dying);
            id = await before.SubmitAsync("probe", """{"sleepMs": 3000}""");
            await before.BecomesAsync(id, "running");
            await dying.KillAsync();
            (await before.RunAsync(Runbook.CommandsOf("no-instance", ("TYPE", "probe.limited"))[0])).Expect(ExitCode.NotReachable);
        }

        await using var process = await WeirProcess.StartAsync(data);
        var weir = new Operator(process);
        await weir.RunPageAsync("no-instance", [("TYPE", "probe.limited")],
            ("instances", async run =>
            {
                run.Expect(ExitCode.Ok);
                Assert.Contains($"-{process.ProcessId}-", (await weir.RunAsync("instances --json")).Out);
            }),
            ("controls set type", async run =>
            {
                run.Expect(ExitCode.Ok);
                await weir.BecomesAsync(await weir.SubmitAsync("probe.limited", "{}"), "held");
            }));
        await weir.SucceedsAsync(id, await weir.SubmitAsync("probe.limited", "{}"));
        Assert.Contains("workerLost", (await weir.RunAsync("get", id, "--json")).Out);
    }

    /// <summary>Somebody empties a queue: seven jobs have no message any more.</summary>
    [Fact, Trait(Runbook.Trait, "findings")]
    public async Task Messages_get_lost()
    {
        using var data = new DataFolder();
        string[] ids;
        await using (var before = await WeirProcess.StartAsync(data, ("AzureWebJobs_ReconcileJobs_Disabled", "true")))
        {
            ids = await new Operator(before).SubmitAsync(7, "{}", "--delay", "PT15S");
            await before.StopAsync();
        }
        await PurgeAsync(data, ids.Length);

        await using var process = await WeirProcess.StartAsync(data, ("Weir__Reconcile__Every", "00:00:05"), ("Weir__Reconcile__After", "00:00:01"));
        var weir = new Operator(process);
        await Operator.UntilAsync(async () => (await weir.MetricAsync("weir_findings_total", ("kind", "messageMissing"), ("repair", "resent"))).Sum() > 5, "the reconciler finds them");
        await weir.RunPageAsync("findings", [("JOB", ids[0])],
            ("findings", run =>
            {
                Assert.Contains("messageMissing", run.Expect(ExitCode.Ok).Out);
                return Task.CompletedTask;
            }));
        await weir.SucceedsAsync(ids);
    }

    private static async Task PurgeAsync(DataFolder data, int count)
    {
        await using var bus = new ServiceBusClient($"DataDirectory={data.Path}");
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(90));
        for (var purged = 0; purged < count;)
        {
            await using var session = await bus.AcceptNextSessionAsync("weir-default", cancellationToken: limit.Token);
            foreach (var message in await session.ReceiveMessagesAsync(10, TimeSpan.FromSeconds(1), limit.Token))
            {
                await session.CompleteMessageAsync(message, limit.Token);
                purged++;
            }
        }
    }
}
