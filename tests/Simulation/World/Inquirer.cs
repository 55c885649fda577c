using System.Globalization;
using System.Text.Json;
using AzureLocal.ServiceBus;
using Simulation.Model;
using Weir;
using Weir.Lanes;

namespace Simulation.World;

/// <summary>Asks now and then why some job is not running, and knows better: it looks at the broker itself, before and after.</summary>
internal sealed class Inquirer(WorldState world, Random chance)
{
    private const int MostMessages = 1_000;

    /// <summary>What an instance remembers of a queue is older than this never used, whatever its clock does.</summary>
    private static readonly TimeSpan Remembered = TimeSpan.FromSeconds(4);

    private readonly Gateway gateway = new(world, new Random(chance.Next()));

    public async Task RunAsync(CancellationToken over)
    {
        while (!over.IsCancellationRequested)
        {
            await world.Outside.DelayAsync(TimeSpan.FromMilliseconds(chance.Next(500, 8_000)));
            var open = world.Observer.Seen.Where(job => job is { IsFinal: false, IsRemoved: false }).ToArray();
            if (open.Length > 0)
                await AskAsync(open[chance.Next(open.Length)]);
        }
    }

    private async Task AskAsync(SeenJob job)
    {
        var before = await LookAsync(job);
        await world.Outside.DelayAsync(Remembered);
        var asked = (job.Writes, world.Now);
        var reply = await gateway.CallAsync("GetJob", "GET", $"/api/jobs/{job.Id}", headers: [("Weir-Tenant", job.Tenant)], route: [("id", job.Id)]);
        // What has changed while it was asked may have been told as it was or as it is.
        if (reply is not { Status: 200 } || job.Writes != asked.Writes || job.IsFinal)
            return;
        var view = JsonElement.Parse(reply.Body);
        if (!view.TryGetProperty("why", out var why))
        {
            world.Observer.Break("why", $"{job} has not ended, and nobody says why it does not run", job.Id);
            return;
        }
        WhyRules.Check(world, job, why, asked.Now);
        var after = await LookAsync(job);
        if (before.SequenceEqual(after))
            WhyRules.CheckPlace(world, job, why, after);
    }

    /// <summary>The messages of the job's lane, in their order.</summary>
    private async Task<Waiting[]> LookAsync(SeenJob job)
    {
        var connection = world.Broker.Connect();
        var all = await connection.PeekAsync(QueueNames.Of(Enum.Parse<Queue>(job.Queue)), null, 0, MostMessages, CancellationToken.None);
        await connection.CloseAsync();
        var lane = all.FirstOrDefault(message => JobOf(message) == job.Id)?.Message.SessionId;
        return [.. all.Where(message => message.Message.SessionId == lane).Select(message => new Waiting(JobOf(message), message.State == MessageState.Scheduled ? message.Message.ScheduledEnqueueTime : null))];
    }

    private static string JobOf(Delivery delivery) => delivery.Message.Properties.TryGetValue("weir-job", out var id) ? string.Create(CultureInfo.InvariantCulture, $"{id}") : "";
}

/// <param name="At">When it comes; null for one that is there.</param>
internal sealed record Waiting(string JobId, DateTimeOffset? At);
