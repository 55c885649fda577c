using System.Globalization;

namespace Weir.Limits;

/// <summary>A slot that a job's message carries: the right to one start, in the window that begins at <paramref name="At"/>.</summary>
/// <param name="Limit">The <see cref="RateLimit.Key"/> of the limit that it is a slot of.</param>
/// <param name="At">When its window begins.</param>
internal readonly record struct JobSlot(string Limit, DateTimeOffset At)
{
    private const char Separator = ' ';
    private const char Before = '@';

    /// <summary>As a message's property says it; null without slots.</summary>
    public static string? Write(IReadOnlyCollection<JobSlot> slots) =>
        slots.Count == 0 ? null : string.Join(Separator, slots.Select(slot => string.Create(CultureInfo.InvariantCulture, $"{slot.Limit}{Before}{slot.At.UtcTicks}")));

    /// <summary>What cannot be read is no slot: the job then reserves another.</summary>
    public static IReadOnlyList<JobSlot> Read(string? text)
    {
        if (text is null)
            return [];
        var slots = new List<JobSlot>();
        foreach (var one in text.Split(Separator))
        {
            if (one.Split(Before) is [var limit, var at] && long.TryParse(at, NumberStyles.None, CultureInfo.InvariantCulture, out var ticks) && ticks <= DateTimeOffset.MaxValue.UtcTicks)
                slots.Add(new JobSlot(limit, new DateTimeOffset(ticks, TimeSpan.Zero)));
        }
        return slots;
    }
}
