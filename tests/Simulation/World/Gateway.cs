using System.Globalization;
using Simulation.Faults;
using Simulation.Model;

namespace Simulation.World;

/// <summary>The way from a client to whichever instance is up: slow at times, and now and then an answer does not come back.</summary>
internal sealed class Gateway(WorldState world, Random chance)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    /// <summary>Longer than anything goes wrong.</summary>
    private static readonly TimeSpan LongPatience = TimeSpan.FromMinutes(20);

    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(2);

    private int calls;

    /// <summary>Asks until somebody answers who could do it; null when nobody does for long.</summary>
    public async Task<Answer?> InsistAsync(string function, string method, string path, string? body = null, string query = "", (string, string)[]? headers = null, (string, string)[]? route = null)
    {
        var first = world.Now;
        for (var isSure = true; world.Now < first + LongPatience; isSure = false)
        {
            if (await CallAsync(function, method, path, body, query, headers, route) is { Status: < 500 and not 429 } reply)
                return new Answer(reply, new Asked(first, world.Now, isSure));
            await world.Outside.DelayAsync(Pause);
        }
        return null;
    }

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

/// <param name="Reply">The last one.</param>
/// <param name="Asked">From the first try to it.</param>
internal sealed record Answer(HttpReply Reply, Asked Asked);
