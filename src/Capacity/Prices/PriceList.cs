using System.Text.Json;
using System.Text.Json.Serialization;

namespace Capacity.Prices;

/// <summary>What Azure asks for, as far as it is known: prices.json, with the day on which it was gathered and where each figure comes from.</summary>
/// <param name="ReadOn">When the sources were read; prices change.</param>
/// <param name="Region">Where they hold.</param>
/// <param name="Currency">Three letters.</param>
/// <param name="Prices">By name.</param>
public sealed record PriceList(DateOnly ReadOn, string Region, string Currency, IReadOnlyDictionary<string, UnitPrice> Prices)
{
    /// <summary>Operations that the base charge of Standard includes each month.</summary>
    public const double ServiceBusIncluded = 13e6;

    /// <summary>Free each month, of the Flex Consumption plan on demand.</summary>
    public const double FreeExecutions = 250_000, FreeGbSeconds = 100_000;

    private const double FirstTier = 100e6, SecondTier = 2_500e6;

    public static PriceList Known { get; } = PriceData.Read("prices.json", PriceData.Default.PriceList);

    public UnitPrice this[string name] => Prices[name];

    /// <summary>What the operations of a month cost in Standard, beside the base: the more, the cheaper each.</summary>
    public decimal ServiceBusOperations(double operations) =>
        Tier(operations, ServiceBusIncluded, FirstTier, "serviceBusTo100M") + Tier(operations, FirstTier, SecondTier, "serviceBusTo2500M") + Tier(operations, SecondTier, double.MaxValue, "serviceBusBeyond");

    private decimal Tier(double operations, double from, double to, string price) => (decimal)(Math.Max(0, Math.Min(operations, to) - from) / 1e6) * Prices[price].Price;
}

/// <param name="Price">Of one unit.</param>
/// <param name="Unit">Of what.</param>
/// <param name="IsSure">Whether a source states it; otherwise it is recalled, and may be wrong.</param>
/// <param name="Source">Which, or that there is none.</param>
public sealed record UnitPrice(decimal Price, string Unit, bool IsSure, string Source);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(PriceList))]
[JsonSerializable(typeof(BilledOperations))]
internal sealed partial class PriceData : JsonSerializerContext
{
    /// <summary>Reads a data file of this folder.</summary>
    public static T Read<T>(string file, System.Text.Json.Serialization.Metadata.JsonTypeInfo<T> type)
    {
        using var stream = typeof(PriceData).Assembly.GetManifestResourceStream(file) ?? throw new InvalidOperationException($"{file} is not in the assembly.");
        return JsonSerializer.Deserialize(stream, type) ?? throw new InvalidOperationException($"{file} is empty.");
    }
}
