using Simulation.World;
using Weir.Lanes;

namespace Simulation.Model;

/// <summary>
/// The reconciler is for jobs that a crash has left without a message, before there was one or where nobody's message could bring it back. Whatever else
/// it finds would have been lost without it: a promise that was broken and mended.
/// </summary>
internal static class ResendRules
{
    private static readonly string[] Places =
        [.. new[] { QueueNames.Critical, QueueNames.Default, QueueNames.Bulk }.SelectMany(queue => new[] { queue, queue + QueueNames.DeadLetters })];

    public static void Check(WorldState world, SeenJob before, SeenReceipt after)
    {
        if (after.Resends <= before.Resends)
            return;
        if (world.WasAlwaysCalm)
            world.Observer.Break("I10", $"{before} was found without a message, though nothing went wrong", before.Id);
        if (before.State is "Running" or "Retrying")
            world.Observer.Break("I10", $"{before} had begun, and was found without a message", before.Id);
        // One that was accepted to wait for its unique key is sent later, by whoever ends the holder: a client who cancels has no message that would come again.
        if (before is { State: "Queued" or "Scheduled", Attempt: 0, Replays: 0, UniqueKey: null } && world.Observer.Cases.Any(known => known.Ids.Contains(before.Id)))
            world.Observer.Break("I1", $"{before} was accepted, and was found without a message", before.Id);
        // A held one may have been released a moment before, by the same look at its key: whoever comes second finds it claimed.
        if (before.State != "Held" && HasMessage(world, before.Id))
            world.Observer.Break("reconciler", $"{before} has a message, and is sent again", before.Id);
    }

    /// <summary>In memory all of this is answered at once.</summary>
    private static bool HasMessage(WorldState world, string id)
    {
        var connection = world.Broker.Connect();
        foreach (var place in Places)
        {
            var page = connection.PeekAsync(place, null, 0, int.MaxValue, CancellationToken.None).Result;
            if (page.Any(delivery => delivery.Message.MessageId?.StartsWith(id, StringComparison.Ordinal) == true))
                return true;
        }
        return false;
    }
}
