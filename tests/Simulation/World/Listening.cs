using System.Globalization;
using System.Net;
using Simulation.Faults;
using Simulation.Model;
using Weir.Lanes;

namespace Simulation.World;

/// <summary>Those who want to be told: the other end of webhooks, and of the topic's subscription.</summary>
internal static class Listening
{
    private const string Subscription = $"{QueueNames.Events}/Subscriptions/all";
    private const int AtOnce = 100;

    /// <summary>Every third job has one, in a world that listens.</summary>
    public static string? CallbackOf(WorldState world, JobCase known) =>
        world.Settings.Cast.Listener && known.Number % 3 == 0 ? string.Create(CultureInfo.InvariantCulture, $"https://hooks.example/jobs/{known.Number}") : null;

    /// <summary>Takes every event that there is.</summary>
    public static async Task DrainAsync(WorldState world)
    {
        var connection = world.Broker.Connect();
        while (await connection.ReceiveAsync(Subscription, null, AtOnce, TimeSpan.Zero, delete: true, CancellationToken.None) is { Count: > 0 } found)
        {
            foreach (var delivery in found)
                world.Observer.Callbacks.EventArrived((string)delivery.Message.Properties["cloudEvents:id"]);
        }
        await connection.CloseAsync();
    }
}

/// <summary>The network under an instance's webhooks: as unreliable as every other way to a downstream.</summary>
internal sealed class HookNetwork(Network network, WorldState world) : HttpMessageHandler
{
    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        var id = request.Headers.GetValues("webhook-id").Single();
        var body = await request.Content!.ReadAsStringAsync(CancellationToken.None);
        return await network.CallAsync(
            Dependency.Downstream, $"webhook {id}", () => Task.FromResult(Arrive(id, body)), _ => true,
            () => new HttpResponseMessage(world.Draw(2) == 0 ? HttpStatusCode.ServiceUnavailable : HttpStatusCode.NotFound), () => new HttpRequestException("The connection was closed."), cancellationToken);
    }

    private HttpResponseMessage Arrive(string id, string body)
    {
        world.Observer.Callbacks.Arrived(world, id, body);
        return new HttpResponseMessage(HttpStatusCode.NoContent);
    }
}
