using System.Globalization;
using System.Text.Json;
using Simulation.Model;

namespace Simulation.World;

/// <summary>Puts schedules, one or two side by side; pauses, resumes and runs them, and takes each away again.</summary>
internal sealed class Planner(WorldState world, int number, Random chance)
{
    private static readonly string[] Missed = ["last", "skip", "all"], Overlap = ["allow", "skip", "replace"];
    private static readonly int[] Periods = [5, 10, 15, 20, 30];

    /// <summary>The longest freeze, and a little: what was asked of a frozen instance may be done until then.</summary>
    private static readonly TimeSpan Afterthoughts = TimeSpan.FromMinutes(4);

    private readonly Gateway gateway = new(world, new Random(chance.Next()));

    public async Task RunAsync(CancellationToken over)
    {
        var known = Enumerable.Range(0, 1 + chance.Next(2)).Select(Draw).ToArray();
        world.Observer.Schedules.AddRange(known);
        foreach (var (schedule, dice) in known.Zip(known.Select(_ => new Random(chance.Next())).ToArray()))
            await LiveAsync(schedule, dice);
        if (known.All(schedule => schedule is { Put.IsSure: true }))
            return;
        while (!over.IsCancellationRequested)
            await world.Outside.DelayAsync(TimeSpan.FromSeconds(5));
        await world.Outside.DelayAsync(Afterthoughts);
        foreach (var schedule in known)
            await RemoveAsync(schedule);
    }

    private ScheduleCase Draw(int index)
    {
        var tenant = string.Create(CultureInfo.InvariantCulture, $"tenant{chance.Next(world.Settings.Tenants)}");
        return new ScheduleCase(tenant, string.Create(CultureInfo.InvariantCulture, $"plan-{number}.{index}"))
        {
            Every = Periods[chance.Next(Periods.Length)],
            At = chance.Next(4) == 0 ? world.Now.AddSeconds(chance.Next(40, 120)) : null,
            Missed = Missed[chance.Next(Missed.Length)],
            Overlap = Overlap[chance.Next(Overlap.Length)],
        };
    }

    private async Task LiveAsync(ScheduleCase known, Random dice)
    {
        var work = new Work(1_000 + number, Effects: dice.Next(2), SleepMs: dice.Next(3) == 0 ? dice.Next(12_000) : 0, FailTimes: dice.Next(4) == 0 ? 1 : 0);
        await PutAsync(known, work);
        if (known.Put is null)
            return;
        await world.Outside.DelayAsync(TimeSpan.FromMilliseconds(dice.Next(2_000, 40_000)));
        if (dice.Next(3) == 0)
            await PauseAsync(known, TimeSpan.FromMilliseconds(dice.Next(1_000, 30_000)));
        if (dice.Next(3) == 0)
            await RunNowAsync(known);
        if (dice.Next(3) == 0)
            await PutAsync(known, work); // the same again: it changes nothing
        await world.Outside.DelayAsync(TimeSpan.FromMilliseconds(dice.Next(2_000, 40_000)));
        if (dice.Next(2) == 0)
            await UntilJustDueAsync(known, dice);
        known.Removed = await RemoveAsync(known);
    }

    /// <summary>What is due when a schedule is taken away is fired first: so ask in the moment when nobody may have done it yet.</summary>
    private Task UntilJustDueAsync(ScheduleCase known, Random dice)
    {
        var next = known.Due(world.Now, world.Now.AddMinutes(1)).FirstOrDefault();
        return next == default ? Task.CompletedTask : world.Outside.DelayAsync(next - world.Now + TimeSpan.FromMilliseconds(dice.Next(400)));
    }

    private async Task PutAsync(ScheduleCase known, Work work)
    {
        var body = JsonSerializer.Serialize(
            new
            {
                type = "sim.plain", payload = work, missed = known.Missed, overlap = known.Overlap,
                cron = known.At is null ? string.Create(CultureInfo.InvariantCulture, $"*/{known.Every} * * * * *") : null,
                at = known.At,
            },
            JsonSerializerOptions.Web);
        var answer = await AskAsync(known, "PutSchedule", "PUT", "", body);
        // One that was to be due once may have been so before anybody listened.
        if (answer is { Reply.Status: 200 or 201 })
            known.Put = known.Put is { } before ? before with { IsSure = before.IsSure && answer.Asked.IsSure } : answer.Asked;
        else if (answer is not { Reply.Status: 422 } || known.At is null)
            world.Observer.Break("schedules", $"{known} was answered with {answer?.Reply}", known.Name);
    }

    private async Task PauseAsync(ScheduleCase known, TimeSpan time)
    {
        var first = world.Now;
        var answer = await AskAsync(known, "PauseSchedule", "POST", "/pause", """{"reason": "quiet, please"}""");
        known.Paused = answer?.Asked ?? new Asked(first, world.Now, IsSure: false);
        await world.Outside.DelayAsync(time);
        known.Resumed = (await AskAsync(known, "ResumeSchedule", "POST", "/resume"))?.Asked;
        // Another try of the resumption may come later, which is none; one of the pause would be another pause.
        if (known is { Paused: { IsSure: true } paused, Resumed: { IsSure: false } })
            known.Paused = paused with { IsSure = known.Resumed is not null };
    }

    private async Task RunNowAsync(ScheduleCase known)
    {
        var first = world.Now;
        var answer = await AskAsync(known, "RunSchedule", "POST", "/run", key: $"run-{known.Name}");
        known.Ran = answer?.Asked ?? new Asked(first, world.Now, IsSure: false);
        if (answer is { Reply.Status: 202 })
            known.RunIds.Add(JsonElement.Parse(answer.Reply.Body).GetProperty("id").GetString()!);
        else
            world.Observer.Break("schedules", $"{known} was to run now, and was answered with {answer?.Reply}", known.Name);
    }

    private async Task<Asked?> RemoveAsync(ScheduleCase known) => (await AskAsync(known, "DeleteSchedule", "DELETE", ""))?.Asked;

    private Task<Answer?> AskAsync(ScheduleCase known, string function, string method, string what, string? body = null, string? key = null)
    {
        (string, string)[] headers = [("Weir-Tenant", known.Tenant), .. key is null ? Array.Empty<(string, string)>() : [("Idempotency-Key", key)]];
        return gateway.InsistAsync(function, method, $"/api/schedules/{known.Name}{what}", body, headers: headers, route: [("name", known.Name)]);
    }
}
