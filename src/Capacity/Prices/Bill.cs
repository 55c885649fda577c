namespace Capacity.Prices;

/// <summary>What is asked of a month.</summary>
/// <param name="JobsPerSecond">On the average of the whole month.</param>
/// <param name="Kinds">Of which kinds, and how many of each to one another.</param>
/// <param name="Instances">Up all the time.</param>
public sealed record BillRequest(double JobsPerSecond, IReadOnlyList<(string Kind, double Weight)> Kinds, int Instances)
{
    /// <summary>Of an instance: 512, 2,048 or 4,096.</summary>
    public int MemoryMB { get; init; } = 2_048;

    /// <summary>Of a Premium namespace; 0 is Standard.</summary>
    public int MessagingUnits { get; init; }
}

/// <summary>A month's bill: what is done for the jobs, and what is done without any, times the price list.</summary>
/// <param name="PricesReadOn">When the price list was gathered.</param>
/// <param name="JobsPerMonth">A twelfth of a year of them.</param>
/// <param name="PerMillionJobs">Null without jobs.</param>
public sealed record Bill(string Currency, string Region, DateOnly PricesReadOn, double JobsPerMonth, IReadOnlyList<BillLine> Lines, decimal PerMonth, decimal? PerMillionJobs)
{
    /// <summary>As in <see cref="Cost"/>.</summary>
    private const double HoursPerMonth = 730;

    /// <exception cref="KeyNotFoundException">There is no such kind.</exception>
    public static Bill For(BillRequest request, PriceList prices, BilledOperations known)
    {
        var weights = request.Kinds.Sum(kind => kind.Weight);
        return For(request, prices, known.Idle, Math.Min(request.Instances * known.ListPerInstanceSecond, 2 * request.JobsPerSecond), request.Kinds.Aggregate(Nothing, (sum, kind) => sum + kind.Weight / weights * known.Kinds[kind.Kind]));
    }

    /// <summary>With jobs that do this, in a deployment that does that without any.</summary>
    /// <param name="listPerSecond">Transactions that write lists of jobs; a job has a line when it is accepted and one when it ends.</param>
    public static Bill For(BillRequest request, PriceList prices, IdleOperations idle, double listPerSecond, JobOperations job)
    {
        var jobs = request.JobsPerSecond * 3_600 * HoursPerMonth;
        var (work, rest) = (jobs * job, HoursPerMonth * (request.Instances * idle.Instance + idle.Deployment));
        var lines = new List<BillLine>();
        if (request.MessagingUnits > 0)
        {
            lines.Add(Line("Service Bus Premium, messaging units", request.MessagingUnits, prices["messagingUnit"], 1));
        }
        else
        {
            lines.Add(Line("Service Bus Standard, base", 1, prices["serviceBusBase"], 1));
            var before = 0.0;
            foreach (var (what, count, isSure) in new[] { ("Service Bus, messages of jobs", work.ServiceBus, true), ("Service Bus, lanes taken (at most)", work.Lanes, false), ("Service Bus, polls", rest.ServiceBus + rest.Lanes, false) })
            {
                lines.Add(new BillLine(what, count, "operations", prices.ServiceBusOperations(before + count) - prices.ServiceBusOperations(before), isSure));
                before += count;
            }
        }
        lines.Add(Line("Table storage, jobs", work.Tables, prices["tableTransactions"], 1e4));
        lines.Add(Line("Table storage, lists of jobs", listPerSecond * 3_600 * HoursPerMonth, prices["tableTransactions"], 1e4));
        lines.Add(Line("Table storage, without jobs", rest.Tables, prices["tableTransactions"], 1e4));
        if (work.DurableQueues > 0)
            lines.Add(Line("Durable Functions, queues", work.DurableQueues, prices["queueTransactions"], 1e4) with { IsSure = false });
        if (work.DurableTables > 0)
            lines.Add(Line("Durable Functions, tables", work.DurableTables, prices["tableTransactions"], 1e4) with { IsSure = false });
        lines.Add(Line("Functions, executions", Math.Max(0, work.Executions + rest.Executions - PriceList.FreeExecutions), prices["executions"], 1e6));
        var gigabytes = request.MemoryMB / 1_024.0;
        lines.Add(Line("Functions, instances all the time (at most)", Math.Max(0, gigabytes * request.Instances * 3_600 * HoursPerMonth - PriceList.FreeGbSeconds), prices["gbSeconds"], 1));
        // On Flex Consumption requests and each timer have instances of their own, which are billed for a second at the least whenever one comes.
        lines.Add(Line("Functions, requests and timers (at most)", gigabytes * (Math.Min(1, request.JobsPerSecond) * 3_600 * HoursPerMonth + rest.Executions), prices["gbSeconds"], 1) with { IsSure = false });
        var perMonth = lines.Sum(line => line.PerMonth);
        return new Bill(prices.Currency, prices.Region, prices.ReadOn, jobs, lines, perMonth, jobs > 0 ? perMonth / (decimal)(jobs / 1e6) : null);
    }

    private static JobOperations Nothing { get; } = new(0, 0, 0, 0);

    private static BillLine Line(string what, double quantity, UnitPrice price, double unit) =>
        new(what, quantity, price.Unit.Split(' ')[^1], (decimal)(quantity / unit) * price.Price, price.IsSure);
}

/// <param name="Quantity">In a month.</param>
/// <param name="IsSure">Whether sources state the price, and that this is billed.</param>
public sealed record BillLine(string What, double Quantity, string Unit, decimal PerMonth, bool IsSure);
