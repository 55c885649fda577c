using System.Globalization;

namespace BlackBox.Tests.BadInput;

/// <summary>
/// How far a hunt for bad input goes: WEIR_HUNT_CASES multiplies the number of cases, WEIR_HUNT_SEED begins elsewhere. What fails prints its seed and its
/// number, which with the same WEIR_HUNT_SEED make the same input again.
/// </summary>
internal static class Hunt
{
    public static int Cases(int usual) => usual * Read("WEIR_HUNT_CASES", 1);

    public static int Seed { get; } = Read("WEIR_HUNT_SEED", 20_261_122);

    public static bool IsLong => Read("WEIR_HUNT_CASES", 1) > 1;

    private static int Read(string name, int usual) =>
        int.TryParse(Environment.GetEnvironmentVariable(name), NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number > 0 ? number : usual;
}
