using System.Net;
using System.Text.RegularExpressions;
using Jobs.Downstream;
using Jobs.Orders;
using Jobs.SignUp;
using Weir;
using Weir.Testing;

namespace Jobs.Tests.Kit;

/// <summary>The examples of docs/testing-jobs.md, each as the body of a test; and that the page has no other.</summary>
public sealed partial class TestingPageTests
{
    [Fact]
    public async Task One_handler()
    {
        var provider = new FakeService().Answers(_ => new DownstreamAnswer("mail-1"));
        await using var handler = HandlerTest<SendWelcomeEmail>.Start(app => app.UseFake<DownstreamClient>(provider));

        var first = await handler.RunAsync(new WelcomeEmail("ada@example.org", "Ada"));
        Assert.Equal("mail-1", first.Result.GetProperty("messageId").GetString());

        var second = await handler.RunAsync(new WelcomeEmail("ada@example.org", "Ada"));
        Assert.Equal(2, second.Number);
        Assert.Single(provider.Requests); // OnceAsync remembered
    }

    [Fact]
    public async Task The_whole_app()
    {
        var shop = new FakeService().Answers(_ => new DownstreamAnswer("r-1"));
        await using var weir = await WeirTest.StartAsync(app => app.AddJobs(typeof(SyncCrm).Assembly).UseFake<DownstreamClient>(shop));

        shop.Refuse(HttpStatusCode.ServiceUnavailable);
        var job = await weir.SubmitAsync("crm.sync", new CrmContact("u1", "ada@example.org"));
        await weir.RunUntilIdleAsync();
        Assert.Equal(JobState.Retrying, job.State);

        await weir.AdvanceAsync(job.NextAttemptAt!.Value - weir.Now + TimeSpan.FromSeconds(1));
        Assert.Equal(JobState.Succeeded, job.State);
        Assert.Equal(["failed", "succeeded"], job.Attempts.Select(attempt => attempt.Outcome));
    }

    [Fact]
    public async Task A_dead_letter()
    {
        var shop = new FakeService().Answers(_ => new DownstreamAnswer("r-1"));
        await using var weir = await WeirTest.StartAsync(app => app.AddJobs(typeof(SyncCrm).Assembly).UseFake<DownstreamClient>(shop));

        shop.Refuse(HttpStatusCode.UnprocessableEntity);
        var job = await weir.SubmitAsync("crm.sync", new CrmContact("u1", "ada@example.org"));
        await weir.RunToEndAsync(job);
        Assert.Equal(JobState.DeadLettered, job.State);

        await weir.DeadLetters.Single().ReplayAsync(new CrmContact("u1", "ada@example.com"), reason: "a typing error");
        await weir.RunToEndAsync(job);
        Assert.Equal(JobState.Succeeded, job.State);
    }

    [Fact]
    public async Task A_workflow()
    {
        var shop = new FakeService().Answers(_ => new DownstreamAnswer("r-1"));
        await using var weir = await WeirTest.StartAsync(app => app.AddJobs(typeof(FulfilOrder).Assembly).UseFake<DownstreamClient>(shop));

        var order = new Order("o-1", "ada@example.org", Amount: 5_000, [new OrderLine("tea", 2)]);
        var job = await weir.SubmitAsync("order.fulfil", order);
        await weir.AdvanceAsync(TimeSpan.FromDays(2));
        Assert.Equal(JobState.Waiting, job.State);

        shop.Refuse(HttpStatusCode.BadRequest, on: "email"); // the last step fails for good
        await job.SendEventAsync("approval", new Approval(true));
        await weir.RunUntilIdleAsync();
        Assert.Equal(JobState.Compensated, job.State);
        Assert.Equal("done", job.Step("take-payment").Undone);
    }

    [Fact]
    public async Task An_instance_that_dies()
    {
        var provider = new FakeService().Answers(_ => new DownstreamAnswer("mail-1"));
        await using var weir = await WeirTest.StartAsync(app => app.AddJobs(typeof(SendWelcomeEmail).Assembly).UseFake<DownstreamClient>(provider));

        var job = await weir.SubmitAsync("email.welcome", new WelcomeEmail("ada@example.org", "Ada"));
        weir.KillAt("run.handled"); // the mail is out, and nothing on record yet
        await weir.RunToEndAsync(job);

        Assert.Equal(["workerLost", "succeeded"], job.Attempts.Select(attempt => attempt.Outcome));
        Assert.Single(provider.Requests);
    }

    [Fact]
    public void The_page_shows_exactly_these()
    {
        var page = BlockOfThePage().Matches(Read("docs/testing-jobs.md")).Select(block => Normal(block.Value)).Where(block => !block.StartsWith('<')).ToArray();
        var here = BodyOfATest().Matches(Read("tests/Jobs/Kit/TestingPageTests.cs")).Select(test => Normal(test.Groups["body"].Value)).ToArray();
        Assert.Equal(5, here.Length);
        Assert.Equal(here, page);
    }

    /// <summary>Every step that the page names exists.</summary>
    [Fact]
    public async Task The_steps_of_the_page_can_be_died_at()
    {
        await using var weir = await WeirTest.StartAsync(TestJobs.Register);
        var steps = Read("docs/testing-jobs.md").Split('\n').SkipWhile(line => !line.StartsWith("| step |", StringComparison.Ordinal)).Skip(2).TakeWhile(line => line.StartsWith('|'))
            .SelectMany(line => StepName().Matches(line.Split('|')[1]).Select(match => match.Groups[1].Value)).ToArray();
        Assert.Equal(15, steps.Length);
        Assert.All(steps, weir.KillAt);
    }

    private static string Normal(string block) => string.Join('\n', block.Split('\n').Select(line => line.Trim()).Where(line => line.Length > 0));

    private static string Read(string path)
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "Functions.sln")))
                return File.ReadAllText(Path.Combine(folder.FullName, path));
        }
        throw new DirectoryNotFoundException("The work tree is not above the test's binary.");
    }

    [GeneratedRegex(@"(?:^(?: {4}.*)?\n)*^ {4}.*$", RegexOptions.Multiline)]
    private static partial Regex BlockOfThePage();

    [GeneratedRegex(@"public async Task (?!The_steps)\w+\(\)\n    \{\n(?<body>.*?)\n    \}\n", RegexOptions.Singleline)]
    private static partial Regex BodyOfATest();

    [GeneratedRegex("`([a-z.-]+)`")]
    private static partial Regex StepName();
}
