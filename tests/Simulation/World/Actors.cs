using Simulation.Faults;
using Simulation.Model;
using Weir.Lanes;

namespace Simulation.World;

/// <summary>Everybody who lives in a world, and the order of its days: chaos, calm, judgement.</summary>
internal sealed class Actors(WorldState world, Random chance)
{
    /// <summary>Once nothing goes wrong any more: the longest lock, lease and backoff several times over.</summary>
    private static readonly TimeSpan CalmBound = TimeSpan.FromMinutes(30);

    private static readonly string[] Queues = [QueueNames.Critical, QueueNames.Default, QueueNames.Bulk];

    private readonly CancellationTokenSource chaosOver = new(), lifeOver = new();
    private Weather? weather;
    private int places;

    public async Task LiveAsync(WorldState _)
    {
        Start();
        var clients = Enumerable.Range(0, world.Settings.Clients).Select(number => new Client(world, number, new Random(chance.Next())).RunAsync()).ToArray();
        var work = world.Settings.Operator ? new Operator(world, new Random(chance.Next())).RunAsync(chaosOver.Token) : Task.CompletedTask;
        var others = Others().ToArray();
        var flows = chance.Next(2) == 0 ? new FlowClient(world, new Random(chance.Next())).RunAsync() : Task.CompletedTask;
        await world.Outside.DelayAsync(world.Settings.Chaos);
        await CalmAsync();
        await Task.WhenAll(clients);
        await work;
        await Task.WhenAll(others);
        await flows;
        await UntilAllHaveEndedAsync();
        await JudgeAsync();
    }

    /// <summary>Those whom not every world has. Each throws dice of its own, so that one more changes nothing for the others.</summary>
    private IEnumerable<Task> Others()
    {
        var cast = world.Settings.Cast;
        for (var number = 0; number < cast.Planners; number++)
            yield return new Planner(world, number, new Random(chance.Next())).RunAsync(chaosOver.Token);
        for (var number = 0; number < cast.Batchers; number++)
            yield return new Batcher(world, number, new Random(chance.Next())).RunAsync();
        for (var number = 0; number < cast.Rivals; number++)
            yield return new Rival(world, number, new Random(chance.Next())).RunAsync();
        for (var number = 0; number < cast.BulkClients; number++)
            yield return new BulkClient(world, number, new Random(chance.Next())).RunAsync();
        if (cast.IsLimited)
            yield return new LimitedClient(world, new Random(chance.Next())).RunAsync();
        for (var number = 0; number < cast.Surges; number++)
            yield return new Surge(world, number, new Random(chance.Next())).RunAsync();
        if (cast.Controller)
            yield return new Controller(world, new Random(chance.Next())).RunAsync(chaosOver.Token);
        if (cast.Clearer)
            yield return new Clearer(world, new Random(chance.Next())).RunAsync(chaosOver.Token);
        if (cast.Restorer)
            yield return new Restorer(world, new Random(chance.Next())).RunAsync(chaosOver.Token);
        if (cast.Inquirer)
            yield return new Inquirer(world, new Random(chance.Next())).RunAsync(chaosOver.Token);
    }

    public async Task JudgeAsync()
    {
        var gateway = new Gateway(world, new Random(chance.Next()));
        await Judgement.PassAsync(world, gateway);
        if (world.Settings.Cast.Afterlife is { } time)
            await RetentionRules.JudgeAsync(world, gateway, time);
        lifeOver.Cancel();
    }

    /// <summary>The instances and the weather.</summary>
    public void Start()
    {
        weather = new Weather(world, new Random(chance.Next()));
        for (; places < world.Settings.Instances; places++)
            _ = weather.KeepAsync(places, lifeOver.Token);
        weather.Begin(chaosOver.Token);
    }

    /// <summary>One instance more.</summary>
    public void ScaleOut() => _ = weather!.KeepAsync(places++, lifeOver.Token);

    /// <summary>Nothing goes wrong from now on.</summary>
    public Task CalmAsync()
    {
        world.Note("calm");
        chaosOver.Cancel();
        world.Plan = FaultPlan.None with { MaxSkew = world.Plan.MaxSkew };
        Array.Clear(world.OutUntil);
        return Task.CompletedTask;
    }

    /// <summary>Every accepted job is final, and no message is left anywhere.</summary>
    public async Task UntilAllHaveEndedAsync()
    {
        var until = world.Now + CalmBound;
        while (await WhatIsOpenAsync() is { } open)
        {
            if (world.Now >= until)
            {
                world.Observer.Break("I10", $"{CalmBound} after the last fault {open}", [.. world.Observer.Seen.Where(job => !job.IsFinal).Select(job => job.Id)]);
                return;
            }
            await world.Outside.DelayAsync(TimeSpan.FromSeconds(1));
        }
    }

    private async Task<string?> WhatIsOpenAsync()
    {
        // What was asked of it before is carried out when it goes on: a replay, for one.
        if (world.Instances.FirstOrDefault(instance => instance.Process is { IsFrozen: true, IsDead: false }) is { } frozen)
            return $"{frozen.Process.Name} is frozen";
        foreach (var known in world.Observer.Cases)
        {
            if (known.Ids.FirstOrDefault(id => world.Observer.Find(id) is not { IsRemoved: false }) is { } lost)
                return $"{known} has no receipt {lost}";
        }
        // Also those whose client was never told that they were accepted, and the children.
        if (world.Observer.Seen.FirstOrDefault(job => job is { IsFinal: false, IsRemoved: false } && !IsBlocked(job)) is { } open)
            return $"there is {open}";
        foreach (var queue in Queues)
        {
            var info = (await world.Broker.FindEntityAsync(queue, CancellationToken.None))!;
            if (info.Active + info.Scheduled + info.DeadLettered > 0)
                return $"{queue} has {info.Active} active, {info.Scheduled} scheduled and {info.DeadLettered} dead messages";
        }
        return null;
    }

    /// <summary>Held behind a dead letter of its strict key, which nobody has mended or given up: as promised.</summary>
    private bool IsBlocked(SeenJob job) =>
        job.State == "Held" && world.Observer.Seen.Any(other => other.StrictKey is { } key && key == job.StrictKey && other is { State: "DeadLettered", Discarded: false });
}
