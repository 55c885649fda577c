using System.Globalization;
using Microsoft.AspNetCore.Http;
using Weir.Catalog;
using Weir.Submission;

namespace Weir.Pressure;

/// <summary>
/// What every answer to a submission says while there is pressure, so that a client slows down before it is refused: <c>Weir-Pressure</c>, and the RateLimit fields of
/// draft-ietf-httpapi-ratelimit-headers-10 with a policy for each queue.
/// </summary>
internal sealed class PressureHeaders(PressureGate gate, JobCatalog catalog, TimeProvider clock)
{
    private const int WindowSeconds = 10;

    /// <summary>Of a single job: its queue.</summary>
    public void Tell(IHeaderDictionary headers, SubmitRequest submit)
    {
        if ((submit.Priority ?? catalog.Find(submit.Type)?.Queue) is { } queue)
            Tell(headers, [queue]);
    }

    /// <summary>Of many: all queues that are under pressure.</summary>
    public void Tell(IHeaderDictionary headers) => Tell(headers, [Queue.Critical, Queue.Default, Queue.Bulk]);

    private void Tell(IHeaderDictionary headers, Queue[] queues)
    {
        var now = clock.GetUtcNow();
        var pressed = queues.Select(queue => gate.Of(queue, now)).Where(standing => standing.Level != PressureLevel.Normal).ToArray();
        if (pressed.Length == 0)
            return;
        headers["Weir-Pressure"] = pressed.Max(standing => standing.Level).ToString().ToLowerInvariant();
        var known = pressed.Where(standing => standing.Rate is not null).Select(standing => (Name: PressureGate.NameOf(standing.Queue), Room: gate.RoomOf(standing))).ToArray();
        if (known.Length == 0)
            return;
        headers["RateLimit-Policy"] = string.Join(", ", known.Select(one => string.Create(CultureInfo.InvariantCulture, $"\"{one.Name}\";q={Math.Floor(one.Room.PerSecond * WindowSeconds)};w={WindowSeconds}")));
        headers["RateLimit"] = string.Join(", ", known.Select(one => string.Create(CultureInfo.InvariantCulture, $"\"{one.Name}\";r={one.Room.Remaining};t={Math.Ceiling(one.Room.Next.TotalSeconds)}")));
    }
}
