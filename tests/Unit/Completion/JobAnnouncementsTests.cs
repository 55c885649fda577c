using Azure.Messaging.ServiceBus;
using Microsoft.Extensions.Logging.Abstractions;
using Weir;
using Weir.Completion;
using Weir.DeadLetters;
using Weir.Lanes;
using Weir.Receipts;

namespace Unit.Tests.Completion;

public sealed class JobAnnouncementsTests
{
    [Theory]
    [InlineData(JobState.Succeeded, "weir.job.succeeded", "\"result\":{\"answer\":42}")]
    [InlineData(JobState.DeadLettered, "weir.job.deadLettered", "\"message\":\"It failed.\"")]
    public async Task An_end_is_one_CloudEvent_on_the_topic_however_often_it_is_told(JobState state, string type, string contains)
    {
        await using var store = await LocalStore.OpenAsync(typeof(Announced));
        var id = await store.EndedJobAsync("announced", state);
        var receipt = (await store.Receipts.FindAsync(id, default))!;
        var message = receipt.ToMessage(default);
        Assert.Equal(Follows.Event, message.Follows);
        var announcements = Announcements(store);
        await announcements.AfterAsync(message, default);
        await announcements.AfterAsync(message, default);

        var receiver = store.ServiceBus.CreateReceiver(QueueNames.Events, "all", new ServiceBusReceiverOptions { ReceiveMode = ServiceBusReceiveMode.ReceiveAndDelete });
        var told = new List<ServiceBusReceivedMessage>();
        while (await receiver.ReceiveMessageAsync(TimeSpan.FromMilliseconds(200)) is { } one)
            told.Add(one);
        Assert.Single(told.Select(one => one.MessageId).Distinct()); // this topic was made without duplicate detection: the same id is what tells a repetition
        var properties = told[0].ApplicationProperties;
        Assert.Equal(
            ("1.0", $"{id}:0", "urn:weir:default", type, id),
            (properties["cloudEvents:specversion"], properties["cloudEvents:id"], properties["cloudEvents:source"], properties["cloudEvents:type"], properties["cloudEvents:subject"]));
        Assert.Equal(receipt.FinishedAt, DateTimeOffset.Parse((string)properties["cloudEvents:time"], System.Globalization.CultureInfo.InvariantCulture));
        Assert.Equal("application/json", told[0].ContentType);
        Assert.Contains(contains, told[0].Body.ToString());
        Assert.Equal(told[0].Body.ToString(), told[^1].Body.ToString());
    }

    [Fact]
    public async Task The_ends_of_two_runs_have_names_of_their_own_also_when_the_first_had_no_attempt()
    {
        await using var store = await LocalStore.OpenAsync(typeof(Announced));
        var id = await store.EndedJobAsync("announced", JobState.Expired);
        var expired = (await store.Receipts.FindAsync(id, default))!;
        var replayed = Receipt.Written(expired.ToReplay(new Handling("ada", expired.SubmittedAt, null), mended: null), expired.ETag);

        Assert.Equal((0, 0), (expired.Attempt, replayed.EarlierAttempts));
        Assert.Equal(($"{id}:0", $"{id}:1"), (CompletionReport.Of(expired).Id, CompletionReport.Of(replayed).Id));
    }

    [Fact]
    public async Task A_job_that_asks_for_nothing_costs_nothing()
    {
        await using var store = await LocalStore.OpenAsync();
        var id = await store.EndedJobAsync("plain", JobState.Succeeded);
        var message = (await store.Receipts.FindAsync(id, default))!.ToMessage(default);
        Assert.Equal(Follows.Nothing, message.Follows);
        await Announcements(store).AfterAsync(message, default);
        Assert.Null(await store.ServiceBus.CreateReceiver(QueueNames.Events, "all").PeekMessageAsync());
    }

    [Fact]
    public async Task A_callback_becomes_one_webhook_job_however_often_it_is_told()
    {
        await using var store = await LocalStore.OpenAsync();
        var id = await store.EndedJobAsync("plain", JobState.Succeeded, "https://example.org/hook");
        var message = (await store.Receipts.FindAsync(id, default))!.ToMessage(default);
        var announcements = Announcements(store);
        await announcements.AfterAsync(message, default);
        await announcements.AfterAsync(message, default);
        await store.Index.FlushAsync(default);
        var jobs = await new Weir.Index.JobList(store.IndexTable, store.Receipts, store.Clock).ReadAsync(new(null, SendWebhook.Type, null, DateTimeOffset.UnixEpoch, null), null, 10, default);
        Assert.Equal(id, Assert.Single(jobs.Jobs).Summary.CorrelationId);
    }

    private static JobAnnouncements Announcements(LocalStore store) =>
        new(store.Receipts, store.Submission(), new CompletionEvents(store.ServiceBus), store.Kill, NullLogger<JobAnnouncements>.Instance);

    [Job("announced", CompletionEvent = true)]
    public sealed class Announced : IJobHandler<string>
    {
        public Task<object?> RunAsync(string job, JobContext context, CancellationToken cancellation) => Task.FromResult<object?>(null);
    }
}
