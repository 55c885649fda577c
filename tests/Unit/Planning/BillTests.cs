using System.Globalization;
using Architecture.Tests;
using Capacity;
using Capacity.Prices;

namespace Unit.Tests.Planning;

public sealed class BillTests
{
    private static readonly JobOperations Three = new(ServiceBus: 3, Lanes: 0, Tables: 3, Executions: 2);
    private static readonly IdleOperations Silent = new(new(0, 0, 0, 0), new(0, 0, 0, 0));

    [Theory]
    [InlineData(0, 0)]
    [InlineData(13e6, 0)]
    [InlineData(14e6, 0.80)]
    [InlineData(100e6, 69.60)]
    [InlineData(200e6, 119.60)]
    [InlineData(2_500e6, 1_269.60)]
    [InlineData(3_000e6, 1_369.60)] // as the source of these prices adds them up: 69.60 + 1,200 + 100
    public void Service_bus_gets_cheaper_by_the_operation(double operations, double price) => Assert.Equal((decimal)price, PriceList.Known.ServiceBusOperations(operations));

    [Fact]
    public void A_million_simple_jobs_a_day_add_up()
    {
        var bill = Bill.For(new BillRequest(1e6 / 86_400, [], Instances: 1), PriceList.Known, Silent, listPerSecond: 0, Three);

        Assert.Equal(30_416_667, bill.JobsPerMonth, 1.0);
        Assert.Equal(9.81m, Cost(bill, "Service Bus Standard, base"));
        Assert.Equal(0.80m * (91.25m - 13), Cost(bill, "Service Bus, messages of jobs"), 2);
        Assert.Equal(0.00036m * 9_125, Cost(bill, "Table storage, jobs"), 3);
        Assert.Equal(0.40m * (60.8333m - 0.25m), Cost(bill, "Functions, executions"), 2);
        Assert.Equal(0.000026m * (2 * 730 * 3_600 - 100_000), Cost(bill, "Functions, instances all the time (at most)"), 2);
        Assert.Equal(bill.Lines.Sum(line => line.PerMonth), bill.PerMonth);
        Assert.Equal(bill.PerMonth / 30.416667m, bill.PerMillionJobs!.Value, 3);
    }

    [Fact]
    public void With_messaging_units_operations_cost_nothing_more()
    {
        var bill = Bill.For(new BillRequest(1_000, [("simple", 1)], Instances: 4) { MessagingUnits = 2 }, PriceList.Known, BilledOperations.Known);
        Assert.Equal(1_354.16m, bill.Lines.Where(line => line.What.StartsWith("Service Bus", StringComparison.Ordinal)).Sum(line => line.PerMonth));
    }

    [Fact]
    public void Kinds_are_mixed_by_their_weights()
    {
        var half = Bill.For(new BillRequest(10, [("simple", 1), ("retriedOnce", 1)], 1), PriceList.Known, BilledOperations.Known);
        double Messages(Bill bill) => bill.Lines.Single(line => line.What == "Service Bus, messages of jobs").Quantity / bill.JobsPerMonth;
        var kinds = BilledOperations.Known.Kinds;
        Assert.Equal((kinds["simple"].ServiceBus + kinds["retriedOnce"].ServiceBus) / 2, Messages(half), 9);
    }

    [Fact]
    public void Every_price_says_where_it_is_from_and_whether_that_is_sure() =>
        Assert.All(PriceList.Known.Prices.Values, price => Assert.True(price.Source.Length > 5 && price.Unit.Length > 0 && price.Price > 0 && price.IsSure != price.Source.StartsWith("recalled", StringComparison.Ordinal)));

    [Fact]
    public void A_question_for_the_cost_is_read_and_answered()
    {
        var values = new Dictionary<string, string> { ["arrivalsPerSecond"] = "11.6", ["serviceTime"] = "200ms", ["kinds"] = "simple=3,workflowOf5=1", ["memoryMB"] = "512" };
        var answer = QuestionReader.Read(values).Question!.Answer()!;
        Assert.Contains(answer.Bill!.Lines, line => line.What == "Durable Functions, queues" && !line.IsSure);
        Assert.Null(QuestionReader.Read(new Dictionary<string, string> { ["arrivalsPerSecond"] = "1", ["serviceTime"] = "1s" }).Question!.Answer()!.Bill);
    }

    [Theory]
    [InlineData("kinds", "nosuch=1", "there are atLeastOnce, batchItem")]
    [InlineData("kinds", "simple=1,simple=2", "kinds is weights")]
    [InlineData("kinds", "simple=0", "no weight above 0")]
    [InlineData("kinds", "simple=-1", "kinds is weights")]
    [InlineData("memoryMB", "1024", "512, 2048 or 4096")]
    [InlineData("messagingUnits", "x", "messagingUnits is a whole number")]
    [InlineData("cost", "yes", "cost is true or false")]
    public void What_makes_no_sense_is_told(string name, string value, string expected)
    {
        var (question, mistakes) = QuestionReader.Read(new Dictionary<string, string> { ["arrivalsPerSecond"] = "1", ["serviceTime"] = "1s", [name] = value });
        Assert.Null(question);
        Assert.Contains(mistakes, mistake => mistake.Contains(expected, StringComparison.Ordinal));
    }

    /// <summary>The table of docs/costs.md: each kind, and what is not Weir, a million times a day on one instance of 2 GB.</summary>
    [Fact]
    public async Task The_page_says_what_a_million_jobs_a_day_cost()
    {
        var (prices, known) = (PriceList.Known, BilledOperations.Known);
        var request = new BillRequest(1e6 / 86_400, [], Instances: 1);
        var rows = known.Kinds.Keys.Select(kind => Row(kind, Bill.For(request with { Kinds = [(kind, 1)] }, prices, known)))
            .Concat(known.Others.Select(other => Row(other.Key, Bill.For(request, prices, Silent, listPerSecond: 0, other.Value)))).ToArray();
        var page = await File.ReadAllLinesAsync(Repository.Full("docs/costs.md"));
        Assert.True(rows.All(page.Contains), $"docs/costs.md should have:\n{string.Join('\n', rows)}");

        var lines = Bill.For(request with { Kinds = [("simple", 1)] }, prices, known).Lines
            .Select(line => string.Create(CultureInfo.InvariantCulture, $"| {line.What}{(line.IsSure ? "" : " ?")} | {line.Quantity:#,##0} {line.Unit} | {line.PerMonth:0.00} |")).ToArray();
        Assert.True(lines.All(page.Contains), $"docs/costs.md should have:\n{string.Join('\n', lines)}");

        static string Row(string what, Bill bill)
        {
            // Without a message nobody needs a namespace.
            var isBus = bill.Lines.Where(line => line.What.StartsWith("Service Bus,", StringComparison.Ordinal)).Sum(line => line.Quantity) > 0;
            var (bus, functions) = (isBus ? Sum("Service Bus") : 0, Sum("Functions"));
            var storage = Sum("Table storage") + Sum("Durable Functions");
            var total = bus + functions + storage;
            return string.Create(CultureInfo.InvariantCulture, $"| `{what}` | {bus:0.00} | {storage:0.00} | {functions:0.00} | {total:0.00} | {total / (decimal)(bill.JobsPerMonth / 1e6):0.00} |");
            decimal Sum(string prefix) => bill.Lines.Where(line => line.What.StartsWith(prefix, StringComparison.Ordinal)).Sum(line => line.PerMonth);
        }
    }

    private static decimal Cost(Bill bill, string what) => bill.Lines.Single(line => line.What == what).PerMonth;
}
