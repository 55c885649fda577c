using System.Globalization;
using Capacity.Prices;
using Capacity.Simulation;

namespace Capacity;

/// <summary>What is known of a job type from its statistics; stands in for what a question leaves out.</summary>
/// <param name="FailureRate">Of its attempts; null when nothing is known.</param>
/// <param name="Attempts">The most that its policy allows.</param>
public sealed record MeasuredDemand(double? ArrivalsPerSecond, ServiceTimes? Service, double? FailureRate, int Attempts);

/// <summary>Reads a question from names and values, as a query or a command line has them. Collects every mistake, so that one answer tells them all.</summary>
public sealed class QuestionReader
{
    /// <summary>Every name that is read.</summary>
    public static IReadOnlyList<string> Names { get; } =
    [
        "arrivalsPerSecond", "serviceTime", "variation", "failureRate", "attempts", "targetWait", "percentile", "sessions", "sessionsPerInstance", "pricePerInstanceHour", "currency", "cost", "kinds", "memoryMB", "messagingUnits",
        "simulate", "duration", "seed", "mix", "shared", "tenants", "lanes", "instances", "maxInstances", "scaleOutDelay", "surge", "elevated", "saturated", "maxDepth",
    ];

    private const double MostPerSecond = 1_000_000;

    /// <summary>Where nothing ever succeeds, no capacity helps.</summary>
    private const double MostFailing = 0.99;

    /// <summary>Naming one of these asks for a simulation.</summary>
    private static readonly string[] OfSimulation = [.. Names.SkipWhile(name => name != "duration")];

    private readonly IReadOnlyDictionary<string, string> values;
    private readonly List<string> mistakes = [];

    private QuestionReader(IReadOnlyDictionary<string, string> values) => this.values = values;

    /// <param name="values">Of the names above; others are the caller's affair.</param>
    /// <param name="sessionsPerInstance">Unless given.</param>
    /// <param name="measured">Stands in for arrivals and service times that are not given.</param>
    /// <returns>The question, or what is wrong with it.</returns>
    public static (CapacityQuestion? Question, IReadOnlyList<string> Mistakes) Read(IReadOnlyDictionary<string, string> values, int sessionsPerInstance = 64, MeasuredDemand? measured = null)
    {
        var reader = new QuestionReader(values);
        var question = reader.Question(sessionsPerInstance, measured);
        return reader.mistakes.Count == 0 ? (question, []) : (null, reader.mistakes);
    }

    private CapacityQuestion? Question(int sessionsPerInstance, MeasuredDemand? measured)
    {
        var arrivals = Number("arrivalsPerSecond", 0, MostPerSecond) ?? measured?.ArrivalsPerSecond;
        if (arrivals is null && !values.ContainsKey("arrivalsPerSecond"))
            mistakes.Add("arrivalsPerSecond is missing: how many jobs come in a second, such as 20.");
        var service = Service(measured);
        var demand = new Demand(arrivals ?? 1, service ?? ServiceTimes.Fixed(TimeSpan.FromSeconds(1)))
        {
            FailureRate = Number("failureRate", 0, MostFailing) ?? Math.Min(measured?.FailureRate ?? 0, MostFailing),
            Attempts = Whole("attempts", 1, 100) ?? measured?.Attempts ?? (values.ContainsKey("failureRate") ? 5 : 1),
        };
        var target = new WaitTarget(Duration("targetWait", TimeSpan.Zero) ?? TimeSpan.FromSeconds(1), (Number("percentile", 1, 99.99) ?? 95) / 100);
        var question = new CapacityQuestion(demand, target, Whole("sessionsPerInstance", 1, 10_000) ?? sessionsPerInstance)
        {
            Sessions = Whole("sessions", 1, ErlangC.MostSessions),
            Price = Price(),
            Bill = Bill(),
            Simulation = Simulation(),
        };
        return question;
    }

    private ServiceTimes? Service(MeasuredDemand? measured)
    {
        var variation = Number("variation", 0, 100);
        if (Duration("serviceTime", TimeSpan.FromTicks(1)) is { } mean)
            return variation is null or 1 ? ServiceTimes.Exponential(mean) : ServiceTimes.LogNormal(mean, variation.Value);
        if (values.ContainsKey("serviceTime"))
            return null; // said already
        if (measured?.Service is null)
            mistakes.Add("serviceTime is missing: how long a job holds a session on average, such as PT0.2S.");
        else if (variation is not null)
            mistakes.Add("variation belongs to a serviceTime that is given; the measured times have their own.");
        return measured?.Service;
    }

    private Price? Price()
    {
        var perHour = Number("pricePerInstanceHour", 0, 1_000_000);
        var currency = values.GetValueOrDefault("currency");
        if (currency is { Length: not 3 } || currency?.All(char.IsAsciiLetterUpper) == false)
            mistakes.Add("currency is three capital letters, such as EUR.");
        return perHour is null ? null : new Price((decimal)perHour, currency ?? "USD");
    }

    /// <summary>What a month costs by the price list; any of its four names asks for it.</summary>
    private BillWish? Bill()
    {
        var isWanted = Flag("cost");
        var memory = Whole("memoryMB", 512, 4_096);
        if (memory is not (null or 512 or 2_048 or 4_096))
            mistakes.Add("memoryMB is what an instance has: 512, 2048 or 4096.");
        var wish = new BillWish(Kinds()) { MemoryMB = memory ?? 2_048, MessagingUnits = Whole("messagingUnits", 0, 64) ?? 0 };
        return isWanted || values.ContainsKey("kinds") || memory is not null || values.ContainsKey("messagingUnits") ? wish : null;
    }

    /// <summary>simple=9,retriedOnce=1</summary>
    private IReadOnlyList<(string, double)> Kinds()
    {
        var known = BilledOperations.Known.Kinds;
        if (values.GetValueOrDefault("kinds") is not { } text)
            return [(BilledOperations.Simple, 1)];
        var kinds = new List<(string Kind, double Weight)>();
        foreach (var part in text.Split(','))
        {
            if (part.Split('=') is not [var kind, var weight] || !known.ContainsKey(kind) || kinds.Any(one => one.Kind == kind)
                || !double.TryParse(weight, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var share) || share is < 0 or > 1_000_000)
            {
                mistakes.Add($"kinds is weights by kind of job, such as simple=9,retriedOnce=1; there are {string.Join(", ", known.Keys.Order(StringComparer.Ordinal))}.");
                return [];
            }
            kinds.Add((kind, share));
        }
        if (kinds.Sum(one => one.Weight) <= 0)
            mistakes.Add("kinds has no weight above 0.");
        return kinds;
    }

    private SimulationRequest? Simulation()
    {
        if (values.GetValueOrDefault("simulate") is { } wish && wish is not ("true" or "false"))
            mistakes.Add("simulate is true or false.");
        if (values.GetValueOrDefault("simulate") != "true" && !OfSimulation.Any(values.ContainsKey))
            return null;
        var request = new SimulationRequest
        {
            Seed = Whole("seed", 0, int.MaxValue) ?? 1,
            Mix = Mix(),
            AreSessionsShared = Flag("shared"),
            Lanes = values.ContainsKey("tenants") || values.ContainsKey("lanes") ? new LaneRules(Whole("tenants", 1, 10_000) ?? 1, Whole("lanes", 1, 1_000) ?? 32) : null,
            Instances = Whole("instances", 1, 10_000),
            ScaleOut = ScaleOut(),
            Surge = Surge(),
            Thresholds = Thresholds(),
        };
        // A surge needs time to drain; without one, ten minutes show the percentiles of most loads.
        var duration = Duration("duration", TimeSpan.FromSeconds(1)) ?? (request.Surge is { } surge ? 5 * surge.Length : request.Duration);
        return request with { Duration = duration };
    }

    private ScaleOut? ScaleOut()
    {
        var most = Whole("maxInstances", 1, 10_000);
        var delay = Duration("scaleOutDelay", TimeSpan.Zero);
        if (delay is not null && most is null)
            mistakes.Add("scaleOutDelay without maxInstances: how many instances may there be?");
        return most is null ? null : delay is null ? new ScaleOut(most.Value) : new ScaleOut(most.Value) { Delay = delay.Value };
    }

    /// <summary>10x:5m</summary>
    private (double, TimeSpan)? Surge()
    {
        if (values.GetValueOrDefault("surge") is not { } text)
            return null;
        if (text.Split("x:") is [var factor, var length] && double.TryParse(factor, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var times) && times <= 10_000
            && Durations.TryRead(length, out var duration) && duration > TimeSpan.Zero)
            return (times, duration);
        mistakes.Add("surge is a factor and a duration, such as 10x:5m or 10x:PT5M.");
        return null;
    }

    private (TimeSpan, TimeSpan, int)? Thresholds()
    {
        var (elevated, saturated, most) = (Duration("elevated", TimeSpan.Zero), Duration("saturated", TimeSpan.Zero), Whole("maxDepth", 1, int.MaxValue));
        if (elevated is null && saturated is null && most is null)
            return null;
        if (elevated > saturated)
            mistakes.Add("elevated is not later than saturated.");
        return (elevated ?? saturated ?? TimeSpan.MaxValue, saturated ?? TimeSpan.MaxValue, most ?? int.MaxValue);
    }

    private IReadOnlyList<(Priority, double)> Mix()
    {
        if (values.GetValueOrDefault("mix") is not { } text)
            return [(Priority.Default, 1)];
        if (QueueMix.TryRead(text, out var mix))
            return mix;
        mistakes.Add(QueueMix.Expected);
        return [(Priority.Default, 1)];
    }

    private bool Flag(string name)
    {
        if (values.GetValueOrDefault(name) is not (null or "true" or "false"))
            mistakes.Add($"{name} is true or false.");
        return values.GetValueOrDefault(name) == "true";
    }

    private double? Number(string name, double least, double most)
    {
        if (values.GetValueOrDefault(name) is not { } text)
            return null;
        if (double.TryParse(text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var number) && number >= least && number <= most)
            return number;
        mistakes.Add(string.Create(CultureInfo.InvariantCulture, $"{name} is a number from {least} to {most}."));
        return null;
    }

    private int? Whole(string name, int least, int most)
    {
        if (values.GetValueOrDefault(name) is not { } text)
            return null;
        if (int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number >= least && number <= most)
            return number;
        mistakes.Add(string.Create(CultureInfo.InvariantCulture, $"{name} is a whole number from {least} to {most}."));
        return null;
    }

    private TimeSpan? Duration(string name, TimeSpan least)
    {
        if (values.GetValueOrDefault(name) is not { } text)
            return null;
        if (Durations.TryRead(text, out var duration) && duration >= least && duration <= TimeSpan.FromDays(30))
            return duration;
        mistakes.Add($"{name} is a duration such as PT2S or 250ms, {(least > TimeSpan.Zero ? "longer than nothing and " : "")}at most 30 days.");
        return null;
    }
}
