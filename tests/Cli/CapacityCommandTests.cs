namespace Cli.Tests;

[Collection(OneWeir.Name)]
public sealed class CapacityCommandTests(RunningWeir weir)
{
    private const string Demand = "demand:{arrivalsPerSecond:number, attempts:number, failureRate:number, load:number, serviceSeconds:number, variation:number}";
    private const string Estimate = "estimate:{exceedingTarget:number, isStable:flag, meanSeconds:number, p50Seconds:number, p95Seconds:number, p99Seconds:number, probabilityOfWait:number}";
    private const string Times = "{maxSeconds:number, meanSeconds:number, p50Seconds:number, p95Seconds:number, p99Seconds:number}";

    private static readonly string[] Question = ["--arrivals-per-second", "20", "--service-time", "200ms", "--target-wait", "500ms"];

    [Fact]
    public async Task It_is_computed_here_with_no_server_at_all()
    {
        var run = (await CommandRun.OfAsync(["capacity", .. Question, "--price-per-instance-hour", "0.1", "--currency", "EUR"])).Expect(ExitCode.Ok);
        Assert.Contains("5 sessions on 1 instance, used 80.0 %; 0.1 EUR an hour, 73 a month.", run.Out);
        Assert.Contains("55.41 % of the jobs wait", run.Out); // M/M/5 with 4 Erlang: 0.5541

        var json = (await CommandRun.OfAsync(["capacity", .. Question, "--json"])).Expect(ExitCode.Ok).Json;
        Assert.Equal($"{{{Demand}, {Estimate}, measured:[], plan:{{instances:number, sessions:number, utilisation:number}}, target:{{percentile:number, waitSeconds:number}}}}", Shape.Of(json));
    }

    [Fact]
    public async Task A_surge_is_simulated()
    {
        var args = new[] { "capacity", "--surge", "10x:1m", "--max-instances", "3", "--sessions-per-instance", "4", "--mix", "critical=1,default=5,bulk=4", "--elevated", "5s", "--saturated", "20s", "--seed", "7" };
        var json = (await CommandRun.OfAsync([.. args, .. Question, "--json"])).Expect(ExitCode.Ok).Json.GetProperty("simulation");

        Assert.Equal(
            $"{{durationSeconds:number, peakInstances:number, queues:[{{arrived:number, endToEnd:{Times}, failed:number, meanDepth:number, peakDepth:number, queue:text, refused:number, retries:number, succeeded:number, timeToDrainSeconds:number, wait:{Times}}}], seed:number}}",
            Shape.Of(json));
        Assert.Equal(["critical", "default", "bulk"], json.GetProperty("queues").EnumerateArray().Select(queue => queue.GetProperty("queue").GetString()));
        Assert.Contains("drained after", (await CommandRun.OfAsync([.. args, .. Question])).Expect(ExitCode.Ok).Out);
    }

    [Fact]
    public async Task A_months_cost_is_told_by_the_price_list_here_and_by_the_server_alike()
    {
        var run = (await CommandRun.OfAsync(["capacity", .. Question, "--cost", "--kinds", "simple=9,workflowOf5=1"])).Expect(ExitCode.Ok);
        Assert.Contains("West Europe", run.Out);
        Assert.Contains("Service Bus, messages of jobs", run.Out);
        Assert.Contains("Durable Functions, queues ?", run.Out);
        Assert.Contains("for a million jobs", run.Out);

        var here = (await CommandRun.OfAsync(["capacity", .. Question, "--messaging-units", "1", "--json"])).Expect(ExitCode.Ok).Json.GetProperty("bill");
        Assert.Equal(
            "{currency:text, jobsPerMonth:number, lines:[{isSure:flag, perMonth:number, quantity:number, unit:text, what:text}], perMillionJobs:number, perMonth:number, pricesReadOn:text, region:text}",
            Shape.Of(here));
        var there = System.Text.Json.JsonElement.Parse(await weir.Process.Http.GetStringAsync("api/capacity?arrivalsPerSecond=20&serviceTime=PT0.2S&targetWait=PT0.5S&messagingUnits=1"));
        Assert.Equal(here.GetProperty("perMonth").GetDecimal(), there.GetProperty("bill").GetProperty("perMonth").GetDecimal());

        Assert.Contains("--kinds is weights by kind of job", (await CommandRun.OfAsync(["capacity", .. Question, "--kinds", "nosuch=1"])).Expect(ExitCode.Usage).Error);
    }

    [Fact]
    public async Task Senseless_questions_name_the_option_and_what_was_expected()
    {
        Assert.Contains("--arrivals-per-second is missing", (await CommandRun.OfAsync("capacity")).Expect(ExitCode.Usage).Error);
        Assert.Contains("--failure-rate is a number from 0 to 0.99", (await CommandRun.OfAsync(["capacity", .. Question, "--failure-rate", "1"])).Expect(ExitCode.Usage).Error);
        Assert.Contains("No number of sessions", (await CommandRun.OfAsync("capacity", "--arrivals-per-second", "1000000", "--service-time", "1h")).Expect(ExitCode.Usage).Error);
        Assert.Contains("attempts, and the most is", (await CommandRun.OfAsync(["capacity", "--arrivals-per-second", "100000", "--service-time", "1ms", "--simulate"])).Expect(ExitCode.Usage).Error);
    }

    [Fact]
    public async Task The_server_answers_the_same_and_refuses_what_makes_no_sense()
    {
        var http = weir.Process.Http;
        var here = (await CommandRun.OfAsync(["capacity", .. Question, "--surge", "5x:10s", "--json"])).Expect(ExitCode.Ok).Json;
        var there = System.Text.Json.JsonElement.Parse(await http.GetStringAsync("api/capacity?arrivalsPerSecond=20&serviceTime=PT0.2S&targetWait=PT0.5S&surge=5x:PT10S"));
        Assert.Equal(here.ToString().ReplaceLineEndings("").Replace(" ", ""), there.ToString());

        foreach (var (query, expected) in new[]
        {
            ("", "arrivalsPerSecond is missing"), ("arrivalsPerSecond=1", "serviceTime is missing"), ("arrivalsPerSecond=1&arrivalsPerSecond=2&serviceTime=1s", "more than once"), ("what=1", "Expected some of"),
            ("arrivalsPerSecond=x&serviceTime=1s", "arrivalsPerSecond is a number"), ("arrivalsPerSecond=1000&serviceTime=1s&duration=1h", "the most is 200,000"),
        })
        {
            using var response = await http.GetAsync($"api/capacity?{query}");
            var problem = System.Text.Json.JsonElement.Parse(await response.Content.ReadAsStringAsync());
            Assert.Equal((400, "invalidQuery"), ((int)response.StatusCode, problem.GetProperty("code").GetString()));
            Assert.Contains(expected, problem.GetProperty("detail").GetString());
        }
    }

    [Fact]
    public async Task A_type_is_planned_by_what_was_measured_of_it()
    {
        (await weir.RunAsync("capacity", "--type", "nosuch")).Expect(ExitCode.NotFound);
        Assert.Contains("nothing is measured", (await weir.RunAsync("capacity", "--type", "crm.sync", "--arrivals-per-second", "1")).Expect(ExitCode.Failed).Error);

        (await weir.RunAsync("load", "--rate", "20", "--duration", "2s", "--type", "probe.ordered", "--payload", """{"sleepMs": 100}""", "--wait", "30s")).Expect(ExitCode.Ok);
        CommandRun run;
        for (var tries = 0; (run = await weir.RunAsync("capacity", "--type", "probe.ordered", "--json")).ExitCode != ExitCode.Ok; tries++)
        {
            Assert.True(tries < 150, run.Out + run.Error); // they are written each ten seconds
            await Task.Delay(200);
        }
        var demand = run.Json.GetProperty("demand");
        Assert.InRange(demand.GetProperty("serviceSeconds").GetDouble(), 0.08, 0.3);
        Assert.Equal(["arrivals", "serviceTime", "failureRate"], run.Json.GetProperty("measured").EnumerateArray().Select(one => one.GetString()));
    }
}
