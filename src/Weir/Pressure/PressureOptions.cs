using System.Globalization;
using Microsoft.Extensions.Configuration;

namespace Weir.Pressure;

/// <summary>When a queue is under pressure, and what is accepted then: <c>Weir:Pressure:bulk:Elevated = 00:10:00</c>.</summary>
/// <param name="Elevated">The estimated wait from which the queue's pressure is elevated; it is normal again below half of it.</param>
/// <param name="Saturated">The estimated wait from which it is saturated; it is so no more below <paramref name="Elevated"/>.</param>
/// <param name="MinDepth">Below so many waiting jobs there is no pressure, whatever the estimate: a handful of slow jobs is no backlog.</param>
/// <param name="MaxDepth">The hard limit: with so many waiting jobs every submission is refused with 503, critical ones too.</param>
/// <param name="Share">What is accepted beyond that, as a part of the drain rate: of bulk when elevated, of default when saturated. Less than 1, or the backlog would never shrink.</param>
internal sealed record QueueThresholds(TimeSpan Elevated, TimeSpan Saturated, int MinDepth, int MaxDepth, double Share);

/// <summary>The thresholds of the three queues. Read at start; what is no threshold stops it.</summary>
internal sealed class PressureOptions
{
    public const string Section = "Weir:Pressure";

    private static readonly TimeSpan Longest = TimeSpan.FromDays(1);
    private static readonly string[] Names = [nameof(QueueThresholds.Elevated), nameof(QueueThresholds.Saturated), nameof(QueueThresholds.MinDepth), nameof(QueueThresholds.MaxDepth), nameof(QueueThresholds.Share)];

    private readonly QueueThresholds[] thresholds = new QueueThresholds[Enum.GetValues<Queue>().Length];

    /// <exception cref="InvalidOperationException">One is out of its range, or is none.</exception>
    public PressureOptions(IConfiguration configuration)
    {
        var all = configuration.GetSection(Section);
        foreach (var one in all.GetChildren())
        {
            if (!Enum.GetNames<Queue>().Contains(one.Key, StringComparer.OrdinalIgnoreCase))
                throw new InvalidOperationException($"{one.Path}: there is no queue '{one.Key}'; expected one of critical, default, bulk.");
        }
        foreach (var queue in Enum.GetValues<Queue>())
            thresholds[(int)queue] = Read(all.GetSection(queue.ToString()), DefaultOf(queue));
    }

    public QueueThresholds Of(Queue queue) => thresholds[(int)queue];

    /// <summary>A minute of ordinary jobs at 1,000 a second is 60,000: the depth limits are for what nobody drains.</summary>
    private static QueueThresholds DefaultOf(Queue queue) => queue switch
    {
        Queue.Critical => new(TimeSpan.FromSeconds(5), TimeSpan.FromSeconds(30), MinDepth: 50, MaxDepth: 50_000, Share: 1),
        Queue.Bulk => new(TimeSpan.FromMinutes(10), TimeSpan.FromHours(1), MinDepth: 200, MaxDepth: 1_000_000, Share: 0.5),
        _ => new(TimeSpan.FromMinutes(1), TimeSpan.FromMinutes(5), MinDepth: 100, MaxDepth: 200_000, Share: 0.8),
    };

    private static QueueThresholds Read(IConfigurationSection section, QueueThresholds otherwise)
    {
        foreach (var one in section.GetChildren())
        {
            if (!Names.Contains(one.Key, StringComparer.OrdinalIgnoreCase))
                throw new InvalidOperationException($"{one.Path}: expected one of {string.Join(", ", Names)}.");
        }
        var read = new QueueThresholds(
            Time(section, nameof(QueueThresholds.Elevated), otherwise.Elevated), Time(section, nameof(QueueThresholds.Saturated), otherwise.Saturated),
            Number(section, nameof(QueueThresholds.MinDepth), otherwise.MinDepth), Number(section, nameof(QueueThresholds.MaxDepth), otherwise.MaxDepth),
            Share(section, otherwise.Share));
        if (read.Elevated >= read.Saturated)
            throw new InvalidOperationException($"{section.Path}: Elevated ({read.Elevated:c}) is to be less than Saturated ({read.Saturated:c}).");
        if (read.MinDepth >= read.MaxDepth)
            throw new InvalidOperationException($"{section.Path}: MinDepth ({read.MinDepth}) is to be less than MaxDepth ({read.MaxDepth}).");
        return read;
    }

    private static TimeSpan Time(IConfigurationSection section, string name, TimeSpan otherwise) => section[name] is not { } text ? otherwise
        : TimeSpan.TryParse(text, CultureInfo.InvariantCulture, out var time) && time >= TimeSpan.FromSeconds(1) && time <= Longest ? time
        : throw new InvalidOperationException($"{section.Path}:{name} is '{text}'; expected a time from 00:00:01 to 1.00:00:00, such as 00:05:00.");

    private static int Number(IConfigurationSection section, string name, int otherwise) => section[name] is not { } text ? otherwise
        : int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number >= 1 ? number
        : throw new InvalidOperationException($"{section.Path}:{name} is '{text}'; expected a whole number from 1.");

    private static double Share(IConfigurationSection section, double otherwise) => section[nameof(QueueThresholds.Share)] is not { } text ? otherwise
        : double.TryParse(text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var share) && share is >= 0.01 and <= 1 ? share
        : throw new InvalidOperationException($"{section.Path}:{nameof(QueueThresholds.Share)} is '{text}'; expected a number from 0.01 to 1, such as 0.5.");
}
