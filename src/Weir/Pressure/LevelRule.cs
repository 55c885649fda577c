namespace Weir.Pressure;

/// <summary>
/// Which level a queue has after another, by its estimated wait. It rises at a threshold and falls well below it: saturated at less than the elevated threshold, elevated at half of
/// that. Otherwise what is accepted again as soon as the level falls would bring it back at once.
/// </summary>
internal static class LevelRule
{
    /// <param name="before">The level so far.</param>
    /// <param name="depth">How many wait.</param>
    /// <param name="wait">How long a new one would; null: nobody knows.</param>
    /// <param name="limits">The queue's.</param>
    public static PressureLevel After(PressureLevel before, double depth, TimeSpan? wait, QueueThresholds limits)
    {
        if (depth >= limits.MaxDepth)
            return PressureLevel.Saturated;
        if (depth < limits.MinDepth / 2.0 || (depth < limits.MinDepth && before == PressureLevel.Normal) || wait is not { } time)
            return PressureLevel.Normal;
        if (time >= limits.Saturated)
            return PressureLevel.Saturated;
        return before switch
        {
            PressureLevel.Saturated when time >= limits.Elevated => PressureLevel.Saturated,
            PressureLevel.Normal => time >= limits.Elevated ? PressureLevel.Elevated : PressureLevel.Normal,
            _ => time >= limits.Elevated / 2 ? PressureLevel.Elevated : PressureLevel.Normal,
        };
    }
}
