namespace Capacity;

/// <summary>Draws from a seeded generator.</summary>
internal static class Chance
{
    // 1 - NextDouble() is never 0, whose logarithm nobody has.
    public static double Exponential(this Random chance, double mean) => -mean * Math.Log(1 - chance.NextDouble());

    /// <summary>Box and Muller's way, one of its pair.</summary>
    public static double Normal(this Random chance) => Math.Sqrt(-2 * Math.Log(1 - chance.NextDouble())) * Math.Cos(2 * Math.PI * chance.NextDouble());
}
