using System.Globalization;
using System.Text.Json;
using Simulation.Model;

namespace Simulation.World;

/// <summary>
/// Sends far more than can be done, of every priority, in a world whose thresholds are low; one by one, without waiting for answers. Either it comes back when it was told to, until it is
/// accepted, or it comes back at once and soon gives up.
/// </summary>
internal sealed class Surge(WorldState world, int number, Random chance)
{
    /// <summary>Longer than anything goes wrong, and than the longest backlog.</summary>
    private static readonly TimeSpan LongestRefusal = TimeSpan.FromMinutes(40);

    private const int MostTriesOfTheImpatient = 3;

    private static readonly string[] Queues = ["critical", "default", "bulk"];

    private readonly Gateway gateway = new(world, new Random(chance.Next()));
    private readonly bool honours = chance.Next(2) == 0;

    /// <summary>Where most of it goes.</summary>
    private readonly string favourite = Queues[chance.Next(Queues.Length)];

    public async Task RunAsync()
    {
        await world.Outside.DelayAsync(TimeSpan.FromMilliseconds(chance.Next(30_000)));
        var gap = chance.Next(50, 400);
        var sending = new List<Task>();
        for (var left = 20 + chance.Next(25); left > 0; left--)
        {
            sending.Add(SendAsync(Draw(), new Random(chance.Next())));
            await world.Outside.DelayAsync(TimeSpan.FromMilliseconds(gap));
        }
        await Task.WhenAll(sending);
    }

    private (JobCase Case, string Queue) Draw()
    {
        var next = world.Observer.Cases.Count + 1;
        var queue = chance.Next(10) < 6 ? favourite : Queues[chance.Next(Queues.Length)];
        var known = new JobCase(next, "sim.plain", "tenant0", new Work(next, Effects: 0, SleepMs: chance.Next(300, 2_000)))
        {
            IdempotencyKey = string.Create(CultureInfo.InvariantCulture, $"surge-{number}-{next}"),
            SentAt = world.Now,
        };
        world.Observer.Cases.Add(known);
        return (known, queue);
    }

    private async Task SendAsync((JobCase Case, string Queue) job, Random dice)
    {
        var (known, queue) = job;
        var body = JsonSerializer.Serialize(new { type = known.Type, payload = known.Work, priority = queue }, JsonSerializerOptions.Web);
        var (until, isSure, most) = (world.Now + LongestRefusal, true, 1 + dice.Next(MostTriesOfTheImpatient));
        for (var tries = 0; honours ? world.Now < until : tries < most; tries++)
        {
            var reply = await gateway.CallAsync("SubmitJob", "POST", "/api/jobs", body, headers: [("Weir-Tenant", known.Tenant), ("Idempotency-Key", known.IdempotencyKey!)]);
            if (reply is { Status: 202 })
            {
                known.Ids.Add(JsonElement.Parse(reply.Body).GetProperty("id").GetString()!);
                return;
            }
            if (reply is not null && PressureRules.IsRefusal(world, known, queue, reply))
            {
                await world.Outside.DelayAsync(honours ? TimeSpan.FromSeconds(reply.RetryAfter!.Value) : TimeSpan.FromMilliseconds(dice.Next(20, 300)));
                continue;
            }
            isSure = false; // it may have been accepted, and nobody said so
            await world.Outside.DelayAsync(TimeSpan.FromSeconds(dice.Next(1, 8)));
        }
        if (isSure)
            world.Observer.Refused.Add(known.Number);
        if (honours)
            world.Observer.Break("pressure", $"{known} came back whenever it was told to, for {LongestRefusal}, and was never accepted");
    }
}
