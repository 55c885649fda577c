namespace Weir.Pressure;

/// <summary>How long a queue's new jobs would wait, in three words.</summary>
internal enum PressureLevel
{
    Normal,

    /// <summary>Longer than one likes: everything but a part of bulk is accepted, and every answer says so.</summary>
    Elevated,

    /// <summary>Too long: what is not critical is refused, in whole or beyond what can be done.</summary>
    Saturated,
}
