using DurableTask.Core.Exceptions;
using Microsoft.DurableTask;
using Microsoft.DurableTask.Client;

namespace Contract.Tests.DurableTask;

public sealed class ClientTests
{
    [Fact]
    public void A_start_with_every_status_named_happens_once_for_good() => DurableWorld.Run(async world =>
    {
        var client = await StartAsync(world);
        var options = new StartOrchestrationOptions("job").WithDedupeStatuses([.. StartOrchestrationOptionsExtensions.ValidDedupeStatuses]);
        await client.ScheduleNewOrchestrationInstanceAsync("Wait", options);

        await DurableWorld.ThrowsAsync<OrchestrationAlreadyExistsException>(() => client.ScheduleNewOrchestrationInstanceAsync("Wait", options));
        await world.SettleAsync();
        await DurableWorld.ThrowsAsync<OrchestrationAlreadyExistsException>(() => client.ScheduleNewOrchestrationInstanceAsync("Wait", options));
        await client.SuspendInstanceAsync("job");
        await DurableWorld.ThrowsAsync<OrchestrationAlreadyExistsException>(() => client.ScheduleNewOrchestrationInstanceAsync("Wait", options));
        await client.TerminateInstanceAsync("job");
        await DurableWorld.ThrowsAsync<OrchestrationAlreadyExistsException>(() => client.ScheduleNewOrchestrationInstanceAsync("Wait", options));

        Assert.Equal(OrchestrationRuntimeStatus.Terminated, (await client.GetInstanceAsync("job"))!.RuntimeStatus);
    });

    [Fact]
    public void Without_dedupe_statuses_a_running_instance_is_in_the_way_and_a_finished_one_is_replaced() => DurableWorld.Run(async world =>
    {
        var client = await StartAsync(world);
        await client.ScheduleNewOrchestrationInstanceAsync("Wait", "one", new StartOrchestrationOptions("job"));

        await DurableWorld.ThrowsAsync<OrchestrationAlreadyExistsException>(
            () => client.ScheduleNewOrchestrationInstanceAsync("Wait", "two", new StartOrchestrationOptions("job")));
        await client.RaiseEventAsync("job", "go");
        await client.WaitForInstanceCompletionAsync("job");
        await client.ScheduleNewOrchestrationInstanceAsync("Wait", "three", new StartOrchestrationOptions("job"));
        await client.RaiseEventAsync("job", "go");

        Assert.Equal("three", (await client.WaitForInstanceCompletionAsync("job", true)).ReadOutputAs<string>());
    });

    [Fact]
    public void A_status_that_is_not_named_lets_the_instance_be_replaced_though_it_runs() => DurableWorld.Run(async world =>
    {
        var client = await StartAsync(world);
        await client.ScheduleNewOrchestrationInstanceAsync("Wait", "one", new StartOrchestrationOptions("job"));
        await world.SettleAsync();

        await client.ScheduleNewOrchestrationInstanceAsync("Wait", "two", new StartOrchestrationOptions("job").WithDedupeStatuses());
        await client.RaiseEventAsync("job", "go");

        Assert.Equal("two", (await client.WaitForInstanceCompletionAsync("job", true)).ReadOutputAs<string>());
    });

    [Fact]
    public void The_late_result_of_a_replaced_instance_is_dropped() => DurableWorld.Run(async world =>
    {
        var client = await StartAsync(world);
        await client.ScheduleNewOrchestrationInstanceAsync("CallSlow", "old", new StartOrchestrationOptions("job"));
        await world.DelayAsync(TimeSpan.FromSeconds(30));
        await client.ScheduleNewOrchestrationInstanceAsync("CallSlow", "new", new StartOrchestrationOptions("job").WithDedupeStatuses());

        var done = await client.WaitForInstanceCompletionAsync("job", true);

        Assert.Equal("new", done.ReadOutputAs<string>());
        Assert.Equal(90, (world.Clock.GetUtcNow() - new DateTimeOffset(2030, 1, 1, 0, 0, 0, TimeSpan.Zero)).TotalSeconds, 1.0);
    });

    [Fact]
    public void Dedupe_statuses_that_contradict_themselves_are_refused() => DurableWorld.Run(async world =>
    {
        var client = await StartAsync(world);
        var contradiction = new StartOrchestrationOptions("job").WithDedupeStatuses(OrchestrationRuntimeStatus.Terminated, OrchestrationRuntimeStatus.Running);
        var unknown = new StartOrchestrationOptions("job") { DedupeStatuses = ["Happy"] };

        await DurableWorld.ThrowsAsync<ArgumentException>(() => client.ScheduleNewOrchestrationInstanceAsync("Wait", contradiction));
        await DurableWorld.ThrowsAsync<ArgumentException>(() => client.ScheduleNewOrchestrationInstanceAsync("Wait", unknown));
    });

    [Theory]
    [InlineData("")]
    [InlineData("@entity")]
    [InlineData("tab\there")]
    [InlineData("ümlaut")]
    public void An_id_that_azure_would_not_take_is_refused(string id) => DurableWorld.Run(async world =>
    {
        var client = await StartAsync(world);
        await DurableWorld.ThrowsAsync<ArgumentException>(() => client.ScheduleNewOrchestrationInstanceAsync("Wait", new StartOrchestrationOptions(id)));
        await DurableWorld.ThrowsAsync<ArgumentException>(
            () => client.ScheduleNewOrchestrationInstanceAsync("Wait", new StartOrchestrationOptions(new string('x', 101))));
    });

    [Fact]
    public void A_start_time_is_waited_for() => DurableWorld.Run(async world =>
    {
        var client = await StartAsync(world);
        var at = world.Clock.GetUtcNow().AddHours(3);

        var id = await client.ScheduleNewOrchestrationInstanceAsync("Now", new StartOrchestrationOptions(StartAt: at));
        await world.DelayAsync(TimeSpan.FromHours(2));
        Assert.Equal(OrchestrationRuntimeStatus.Pending, (await client.GetInstanceAsync(id))!.RuntimeStatus);

        Assert.Equal(at.UtcDateTime, (await client.WaitForInstanceCompletionAsync(id, true)).ReadOutputAs<DateTime>());
    });

    [Fact]
    public void A_suspended_instance_holds_events_and_timers_until_it_is_resumed() => DurableWorld.Run(async world =>
    {
        var client = await StartAsync(world);
        var id = await client.ScheduleNewOrchestrationInstanceAsync("Wait", "done");
        await world.SettleAsync();

        await client.SuspendInstanceAsync(id, "a reason");
        await client.RaiseEventAsync(id, "go");
        await world.DelayAsync(TimeSpan.FromHours(1));
        Assert.Equal(OrchestrationRuntimeStatus.Suspended, (await client.GetInstanceAsync(id))!.RuntimeStatus);

        await client.ResumeInstanceAsync(id);
        Assert.Equal("done", (await client.WaitForInstanceCompletionAsync(id, true)).ReadOutputAs<string>());
    });

    [Fact]
    public void An_activity_under_way_when_its_instance_is_suspended_counts_after_the_resume() => DurableWorld.Run(async world =>
    {
        var client = await StartAsync(world);
        var id = await client.ScheduleNewOrchestrationInstanceAsync("CallSlow", "answer");
        await world.DelayAsync(TimeSpan.FromSeconds(30));

        await client.SuspendInstanceAsync(id);
        await world.DelayAsync(TimeSpan.FromMinutes(5));
        await client.ResumeInstanceAsync(id);
        var resumed = world.Clock.GetUtcNow();
        var done = await client.WaitForInstanceCompletionAsync(id, true);

        Assert.Equal("answer", done.ReadOutputAs<string>());
        Assert.True(done.LastUpdatedAt - resumed < TimeSpan.FromSeconds(1));
    });

    [Fact]
    public void A_pending_instance_can_be_suspended_resumed_and_terminated() => DurableWorld.Run(async world =>
    {
        var client = await StartAsync(world);
        var id = await client.ScheduleNewOrchestrationInstanceAsync("Wait", new StartOrchestrationOptions(StartAt: world.Clock.GetUtcNow().AddHours(1)));

        await client.SuspendInstanceAsync(id);
        await client.ResumeInstanceAsync(id);
        Assert.Equal(OrchestrationRuntimeStatus.Pending, (await client.GetInstanceAsync(id))!.RuntimeStatus);
        await client.TerminateInstanceAsync(id);
        await client.SuspendInstanceAsync(id);
        await world.DelayAsync(TimeSpan.FromHours(2));

        Assert.Equal(OrchestrationRuntimeStatus.Terminated, (await client.GetInstanceAsync(id))!.RuntimeStatus);
    });

    [Fact]
    public void Termination_drops_late_results_and_a_second_one_changes_nothing() => DurableWorld.Run(async world =>
    {
        var client = await StartAsync(world);
        var id = await client.ScheduleNewOrchestrationInstanceAsync("CallSlow", "late");
        await world.DelayAsync(TimeSpan.FromSeconds(1));

        await client.TerminateInstanceAsync(id, (object)"first");
        await client.TerminateInstanceAsync(id, (object)"second");
        await client.TerminateInstanceAsync("nobody");
        await world.DelayAsync(TimeSpan.FromMinutes(5));

        var done = await client.GetInstanceAsync(id, true);
        Assert.Equal(OrchestrationRuntimeStatus.Terminated, done!.RuntimeStatus);
        Assert.Equal("first", done.ReadOutputAs<string>());
    });

    [Fact]
    public void Purge_removes_a_finished_instance_and_refuses_a_running_one() => DurableWorld.Run(async world =>
    {
        var client = await StartAsync(world);
        var id = await client.ScheduleNewOrchestrationInstanceAsync("Wait", "x");
        await world.SettleAsync();

        await DurableWorld.ThrowsAsync<InvalidOperationException>(() => client.PurgeInstanceAsync(id));
        await client.RaiseEventAsync(id, "go");
        await client.WaitForInstanceCompletionAsync(id);
        Assert.Equal(1, (await client.PurgeInstanceAsync(id)).PurgedInstanceCount);
        Assert.Equal(0, (await client.PurgeInstanceAsync(id)).PurgedInstanceCount);
        Assert.Null(await client.GetInstanceAsync(id));
        await DurableWorld.ThrowsAsync<NotSupportedException>(() => client.PurgeInstanceAsync(id, new PurgeInstanceOptions(Recursive: true)));
        Assert.Equal(0, Count(world, "durable_history") + Count(world, "durable_inbox") + Count(world, "durable_activities"));
    });

    [Fact]
    public void Purge_by_filter_takes_only_what_is_finished_and_fits() => DurableWorld.Run(async world =>
    {
        var client = await StartAsync(world);
        for (var i = 0; i < 250; i++)
            await client.ScheduleNewOrchestrationInstanceAsync("Now");
        await client.ScheduleNewOrchestrationInstanceAsync("Wait", new StartOrchestrationOptions("waits"));
        await world.DelayAsync(TimeSpan.FromHours(1));
        var cut = world.Clock.GetUtcNow();
        await client.ScheduleNewOrchestrationInstanceAsync("Now", new StartOrchestrationOptions("younger"));
        await client.WaitForInstanceCompletionAsync("younger");

        var failed = await client.PurgeAllInstancesAsync(new PurgeInstancesFilter(Statuses: [OrchestrationRuntimeStatus.Failed]));
        var older = await client.PurgeAllInstancesAsync(new PurgeInstancesFilter(CreatedTo: cut.AddSeconds(-1)));

        Assert.Equal(0, failed.PurgedInstanceCount);
        Assert.Equal(250, older.PurgedInstanceCount);
        Assert.True(older.IsComplete);
        Assert.Equal(["waits", "younger"], await client.GetAllInstancesAsync().Select(instance => instance.InstanceId).ToListAsync());
    });

    [Fact]
    public void A_query_pages_and_filters() => DurableWorld.Run(async world =>
    {
        var client = await StartAsync(world);
        for (var i = 0; i < 7; i++)
            await client.ScheduleNewOrchestrationInstanceAsync("Wait", i, new StartOrchestrationOptions($"a-{i}") { Tags = new Dictionary<string, string> { ["n"] = $"{i}" } });
        await client.ScheduleNewOrchestrationInstanceAsync("Wait", 9, new StartOrchestrationOptions("b-0"));
        await world.SettleAsync();
        await client.TerminateInstanceAsync("a-3");

        var pages = new List<string>();
        string? token = null;
        do
        {
            var page = await client.GetAllInstancesAsync(new OrchestrationQuery(InstanceIdPrefix: "a-", PageSize: 3)).AsPages(token).FirstAsync();
            pages.Add(string.Join(",", page.Values.Select(instance => instance.InstanceId)));
            token = page.ContinuationToken;
        }
        while (token is not null);
        var running = client.GetAllInstancesAsync(new OrchestrationQuery(Statuses: [OrchestrationRuntimeStatus.Running], FetchInputsAndOutputs: true));
        var later = client.GetAllInstancesAsync(new OrchestrationQuery(CreatedFrom: world.Clock.GetUtcNow().AddMinutes(1)));
        var elsewhere = client.GetAllInstancesAsync(new OrchestrationQuery(TaskHubNames: ["other"]));

        Assert.Equal(["a-0,a-1,a-2", "a-3,a-4,a-5", "a-6"], pages);
        Assert.Equal([0, 1, 2, 4, 5, 6, 9], await running.Select(instance => instance.ReadInputAs<int>()).ToListAsync());
        Assert.Empty(await later.ToListAsync());
        Assert.Empty(await elsewhere.ToListAsync());
        var one = await client.GetInstanceAsync("a-5");
        Assert.Equal("5", one!.Tags["n"]);
        Assert.Null(one.SerializedInput);
        Assert.Throws<InvalidOperationException>(() => one.ReadInputAs<int>());
    });

    [Fact]
    public void Waiting_for_what_does_not_exist_or_is_called_off_ends() => DurableWorld.Run(async world =>
    {
        var client = await StartAsync(world);
        await DurableWorld.ThrowsAsync<InvalidOperationException>(() => client.WaitForInstanceCompletionAsync("nobody"));

        var id = await client.ScheduleNewOrchestrationInstanceAsync("Wait");
        using var stop = new CancellationTokenSource(TimeSpan.FromMinutes(1), world.Clock);
        await DurableWorld.ThrowsAsync<OperationCanceledException>(() => client.WaitForInstanceCompletionAsync(id, stop.Token));
        Assert.Equal(OrchestrationRuntimeStatus.Running, (await client.WaitForInstanceStartAsync(id)).RuntimeStatus);
    });

    [Fact]
    public void Hubs_do_not_see_each_other() => DurableWorld.Run(async world =>
    {
        var client = await StartAsync(world);
        var other = world.NewEngine(hub: "other").CreateClient();

        await other.ScheduleNewOrchestrationInstanceAsync("Now", new StartOrchestrationOptions("job"));
        await world.SettleAsync();

        Assert.Null(await client.GetInstanceAsync("job"));
        Assert.Equal(OrchestrationRuntimeStatus.Pending, (await other.GetInstanceAsync("job"))!.RuntimeStatus);
    });

    private static Task<DurableTaskClient> StartAsync(DurableWorld world) => world.StartAsync(engine =>
    {
        engine.Orchestrator("Now", context => Task.FromResult(context.CurrentUtcDateTime));
        engine.Orchestrator("Wait", async context =>
        {
            await context.WaitForExternalEvent<object>("go");
            return context.GetInput<object>();
        });
        engine.Orchestrator("CallSlow", context => context.CallActivityAsync<string>("Slow", context.GetInput<string>()));
        engine.Activity<string, string>("Slow", async (text, _) =>
        {
            await world.DelayAsync(TimeSpan.FromMinutes(1));
            return text;
        });
    });

    private static long Count(DurableWorld world, string table) => world.Store.Read(database =>
    {
        using var rows = database.Query($"SELECT count(*) FROM {table}");
        rows.Read();
        return rows.Int64(0);
    });
}
