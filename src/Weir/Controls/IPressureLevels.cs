namespace Weir.Controls;

/// <summary>What controls ask of the pressure: whether more comes into a queue than goes out of it.</summary>
internal interface IPressureLevels
{
    /// <summary>False, too, while nobody knows.</summary>
    bool IsSaturated(Queue queue);
}
