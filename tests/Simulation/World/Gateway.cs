using System.Globalization;
using Simulation.Faults;

namespace Simulation.World;

/// <summary>The way from a client to whichever instance is up: slow at times, and now and then an answer does not come back.</summary>
internal sealed class Gateway(WorldState world, Random chance)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private int calls;

    /// <summary>Null when nobody answered in time: it may have been done, or not.</summary>
    public async Task<HttpReply?> CallAsync(string function, string method, string path, string? body = null, string query = "", (string, string)[]? headers = null, (string, string)[]? route = null)
    {
        var trace = string.Create(CultureInfo.InvariantCulture, $"00-{++calls:x32}-{calls:x16}-01");
        var call = new HttpCallOf(function, method, path, trace) { Body = body, Query = query, Headers = headers ?? [], RouteValues = route ?? [] };
        var up = world.Instances.Where(instance => instance.IsUp).ToArray();
        if (up.Length == 0)
        {
            await world.Outside.DelayAsync(TimeSpan.FromSeconds(1));
            return null;
        }
        var fate = world.Plan.Http.Of(chance);
        await world.Outside.DelayAsync(fate == Fate.Slow ? world.LongDelay() : world.ShortDelay());
        if (fate == Fate.Refused)
            return null;
        var target = up[chance.Next(up.Length)];
        try
        {
            var reply = await target.CallAsync(call).WaitAsync(Patience, world.Outside.Clock);
            if (fate == Fate.Repeated)
                reply = await target.CallAsync(call).WaitAsync(Patience, world.Outside.Clock); // a proxy that tries again
            world.Note(world.Outside, $"{method} {path}{query} at {target.Process.Name}: {reply.Status}{(fate == Fate.Lost ? ", lost" : "")}");
            return fate == Fate.Lost ? null : reply;
        }
        catch (Exception failure) when (failure is IOException or TimeoutException)
        {
            world.Note(world.Outside, $"{method} {path}{query} at {target.Process.Name}: {failure.GetType().Name}");
            return null;
        }
    }
}
