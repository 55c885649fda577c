using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Capacity;
using Capacity.Prices;
using Spectre.Console;

namespace Cli.Commands;

/// <summary>weir capacity: computed here; or by the server, when a job type's statistics are wanted.</summary>
internal static class CapacityCommand
{
    public static Command Of(Verbs verbs)
    {
        var type = Verbs.Text("--type", "The server computes, with this type's statistics for what is not given.", "NAME");
        var options = new Dictionary<string, Option>
        {
            ["arrivalsPerSecond"] = Verbs.Text("--arrivals-per-second", "New jobs in a second.", "N"),
            ["serviceTime"] = Verbs.Text("--service-time", "How long a job holds a session on average.", "DURATION"),
            ["variation"] = Verbs.Text("--variation", "Standard deviation of service times over their mean: 0 fixed, 1 (unless given) exponential, others lognormal.", "N"),
            ["failureRate"] = Verbs.Text("--failure-rate", "The share of attempts that fail, 0 to 0.99.", "N"),
            ["attempts"] = Verbs.Text("--attempts", "The most attempts of a job; 5 unless given, with a failure rate.", "N"),
            ["targetWait"] = Verbs.Text("--target-wait", "How long jobs may wait; 1s unless given.", "DURATION"),
            ["percentile"] = Verbs.Text("--percentile", "How many percent of them; 95 unless given.", "N"),
            ["sessions"] = Verbs.Text("--sessions", "Given, instead of asked for.", "N"),
            ["sessionsPerInstance"] = Verbs.Text("--sessions-per-instance", "maxConcurrentSessions of host.json; 64 unless given.", "N"),
            ["pricePerInstanceHour"] = Verbs.Text("--price-per-instance-hour", "For the cost.", "N"),
            ["currency"] = Verbs.Text("--currency", "USD unless given.", "NAME"),
            ["cost"] = Verbs.Flag("--cost", "What a month costs in Azure, by the price list (docs/costs.md); every one of the next three options asks that too."),
            ["kinds"] = Verbs.Text("--kinds", "Of which kinds the jobs are, such as simple=9,retriedOnce=1; simple unless given.", "WEIGHTS"),
            ["memoryMB"] = Verbs.Text("--memory-mb", "Of an instance: 512, 2048 (unless given) or 4096.", "N"),
            ["messagingUnits"] = Verbs.Text("--messaging-units", "Of a Premium namespace; a Standard one unless given.", "N"),
            ["simulate"] = Verbs.Flag("--simulate", "Simulate it too; every option below does that."),
            ["duration"] = Verbs.Text("--duration", "Of the simulation; 10m unless given, with a surge five times its length.", "DURATION"),
            ["seed"] = Verbs.Text("--seed", "The same seed gives the same simulation; 1 unless given.", "N"),
            ["mix"] = Verbs.Text("--mix", "Arrivals by queue, such as critical=1,default=5,bulk=4.", "WEIGHTS"),
            ["shared"] = Verbs.Flag("--shared", "All queues draw on the same sessions, critical first; without it each has its own."),
            ["tenants"] = Verbs.Text("--tenants", "With lanes: so many tenants; 1 unless given.", "N"),
            ["lanes"] = Verbs.Text("--lanes", "With lanes: so many for each tenant; 32 unless given.", "N"),
            ["instances"] = Verbs.Text("--instances", "At the beginning; those of the plan unless given.", "N"),
            ["maxInstances"] = Verbs.Text("--max-instances", "Scale out to so many.", "N"),
            ["scaleOutDelay"] = Verbs.Text("--scale-out-delay", "From the decision to the first job; 20s unless given.", "DURATION"),
            ["surge"] = Verbs.Text("--surge", "So many times the arrivals for so long, such as 10x:5m.", "FACTORx:DURATION"),
            ["elevated"] = Verbs.Text("--elevated", "Refuse bulk from this estimated wait on.", "DURATION"),
            ["saturated"] = Verbs.Text("--saturated", "Refuse bulk, and default beyond its share of the drain rate, from this one on.", "DURATION"),
            ["maxDepth"] = Verbs.Text("--max-depth", "Refuse everything from so many waiting jobs on.", "N"),
        };
        return verbs.Of("capacity", "How many sessions and instances a load takes, and what a surge does (docs/capacity.md).", [type, .. options.Values], async (run, cancellation) =>
        {
            var values = options.Where(one => run.Has(one.Value)).ToDictionary(one => one.Key, one => one.Value is Option<string?> text ? run.Get(text)! : "true");
            var answer = run.Get(type) is { } name
                ? (await run.Server.GetAsync(Query.Of("api/capacity", [("type", name), .. values.Select(one => (one.Key, (object?)one.Value))]), cancellation)).Body
                : Here(values, options);
            run.Screen.Show(answer, console => Show(console, answer));
            return ExitCode.Ok;
        });
    }

    private static JsonElement Here(Dictionary<string, string> values, Dictionary<string, Option> options)
    {
        var (question, mistakes) = QuestionReader.Read(values);
        if (question is null)
            throw new UsageException(string.Join(" ", mistakes.Select(mistake => options.Where(one => mistake.StartsWith(one.Key + " ", StringComparison.Ordinal)).Select(one => one.Value.Name + mistake[one.Key.Length..]).FirstOrDefault(mistake))));
        try
        {
            var answer = question.Answer() ?? throw new UsageException($"No number of sessions up to {ErlangC.MostSessions:N0} is enough: the load is {question.Demand.Load:N0} sessions' work.");
            return JsonSerializer.SerializeToElement(answer, CapacityJson.Default.CapacityAnswer);
        }
        catch (ArgumentException senseless)
        {
            throw new UsageException(senseless.Message);
        }
    }

    private static void Show(IAnsiConsole console, JsonElement json)
    {
        var answer = json.Deserialize(CapacityJson.Default.CapacityAnswer)!;
        var (demand, plan, estimate) = (answer.Demand, answer.Plan, answer.Estimate);
        console.WriteLine($"{demand.ArrivalsPerSecond:0.###} jobs a second of {Seconds(demand.ServiceSeconds)} each are a load of {demand.Load:0.###} sessions{(answer.Measured.Count > 0 ? $" (measured: {string.Join(", ", answer.Measured)})" : "")}.");
        console.WriteLine(
            $"{plan.Sessions} sessions on {plan.Instances} instance{(plan.Instances == 1 ? "" : "s")}, used {plan.Utilisation:P1}{(plan.Cost is { } cost ? $"; {cost.PerHour:0.####} {cost.Currency} an hour, {cost.PerMonth:0.##} a month" : "")}.");
        console.WriteLine(estimate.IsStable
            ? $"By the formula {estimate.ProbabilityOfWait:P2} of the jobs wait; mean {Seconds(estimate.MeanSeconds)}, p50 {Seconds(estimate.P50Seconds)}, p95 {Seconds(estimate.P95Seconds)}, p99 {Seconds(estimate.P99Seconds)}; {estimate.ExceedingTarget:P2} longer than {Seconds(answer.Target.WaitSeconds)}."
            : "That is more than they can do: the backlog grows for ever.");
        if (answer.Bill is { } bill)
            Show(console, bill);
        if (answer.Simulation is not { } simulation)
            return;
        console.WriteLine();
        console.WriteLine($"Simulated {Seconds(simulation.DurationSeconds)} (seed {simulation.Seed}), at most {simulation.PeakInstances} instance{(simulation.PeakInstances == 1 ? "" : "s")}:");
        var table = new Table().Border(TableBorder.Simple);
        foreach (var header in new[] { "queue", "came", "refused", "succeeded", "failed", "retries", "wait mean", "p50", "p95", "p99", "longest", "peak depth", "drained after" })
            table.AddColumn(header);
        foreach (var queue in simulation.Queues)
        {
            table.AddRow(
                queue.Queue, $"{queue.Arrived}", $"{queue.Refused}", $"{queue.Succeeded}", $"{queue.Failed}", $"{queue.Retries}", Seconds(queue.Wait.MeanSeconds), Seconds(queue.Wait.P50Seconds),
                Seconds(queue.Wait.P95Seconds), Seconds(queue.Wait.P99Seconds), Seconds(queue.Wait.MaxSeconds), $"{queue.PeakDepth}", queue.TimeToDrainSeconds is { } drained ? Seconds(drained) : "");
        }
        console.Write(table);
    }

    private static void Show(IAnsiConsole console, Bill bill)
    {
        console.WriteLine();
        console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"A month, {bill.JobsPerMonth:#,##0} jobs, at prices of {bill.Region} read on {bill.PricesReadOn:yyyy-MM-dd}; what has a ? is not sure (docs/costs.md):"));
        var table = new Table().Border(TableBorder.Simple);
        foreach (var header in new[] { "what", "a month", "", bill.Currency })
            table.AddColumn(header);
        foreach (var line in bill.Lines)
            table.AddRow($"{line.What}{(line.IsSure ? "" : " ?")}", line.Quantity.ToString("#,##0", CultureInfo.InvariantCulture), line.Unit, line.PerMonth.ToString("#,##0.00", CultureInfo.InvariantCulture));
        console.Write(table);
        console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{bill.PerMonth:#,##0.00} {bill.Currency} a month{(bill.PerMillionJobs is { } million ? $", {million:#,##0.00} for a million jobs" : "")}. Stored data, network and telemetry come on top."));
    }

    public static string Seconds(double? seconds) => seconds switch
    {
        null => "without end",
        0 => "0 s",
        < 1 => $"{seconds * 1_000:0.##} ms",
        < 120 => $"{seconds:0.##} s",
        _ => $"{seconds / 60:0.#} min",
    };
}
